//! Places in the code of workers, as the program's subscriber knows places: by static metadata.
//!
//! Owns that metadata, once per place, for as long as the program runs. Bounded: a worker may make up places, as
//! records of `log` with computed targets do.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use tracing_core::callsite::{self, Callsite, Identifier};
use tracing_core::{Interest, Kind, Level, Metadata, dispatcher, field::FieldSet};

/// How many places are kept. More let a worker that makes them up take more memory, some 500 bytes each; fewer make
/// large programs lose the places of some records.
const MOST: usize = 4096;

static SITES: LazyLock<Mutex<HashMap<&Site, &Metadata<'_>>>> = LazyLock::new(Mutex::default);

/// A place in the code that has an event or a span.
#[derive(PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Site {
    name: String,
    pub(crate) target: String,
    level: String,
    file: Option<String>,
    line: Option<u32>,
    module_path: Option<String>,
    pub(crate) fields: Vec<String>,
    is_span: bool,
}

impl Site {
    pub(crate) fn new(of: &Metadata<'_>) -> Self {
        Self {
            name: of.name().to_owned(),
            target: of.target().to_owned(),
            level: of.level().to_string(),
            file: of.file().map(str::to_owned),
            line: of.line(),
            module_path: of.module_path().map(str::to_owned),
            fields: of.fields().iter().map(|field| field.name().to_owned()).collect(),
            is_span: of.is_span(),
        }
    }

    /// Returns its metadata, if the current subscriber wants what is there.
    pub(crate) fn wanted(self) -> Option<&'static Metadata<'static>> {
        let metadata = self.metadata()?;
        dispatcher::get_default(|subscriber| subscriber.enabled(metadata)).then_some(metadata)
    }

    /// Returns its metadata. If there are too many places, that is one place for all with these fields; if a worker
    /// with corrupted memory makes these up, too, it is `None`.
    fn metadata(mut self) -> Option<&'static Metadata<'static>> {
        let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
        if sites.len() >= MOST && !sites.contains_key(&self) {
            (self.target, self.file, self.module_path) = (crate::TARGET.to_owned(), None, None);
        }
        if sites.contains_key(&self) || sites.len() >= 2 * MOST {
            return sites.get(&self).copied();
        }
        let remote: &Remote = Box::leak(Box::new(Remote(self, OnceLock::new())));
        let metadata = remote.1.get_or_init(|| remote.0.describe(Identifier(remote)));
        sites.insert(&remote.0, metadata);
        drop(sites);
        // Calls the subscribers.
        callsite::register(remote);
        Some(metadata)
    }

    fn describe(&'static self, place: Identifier) -> Metadata<'static> {
        let fields: Vec<_> = self.fields.iter().map(String::as_str).collect();
        Metadata::new(
            &self.name,
            &self.target,
            self.level.parse().unwrap_or(Level::ERROR),
            self.file.as_deref(),
            self.line,
            self.module_path.as_deref(),
            FieldSet::new(fields.leak(), place),
            if self.is_span { Kind::SPAN } else { Kind::EVENT },
        )
    }
}

/// A place that the program itself does not have.
struct Remote(Site, OnceLock<Metadata<'static>>);

impl Callsite for Remote {
    /// The subscriber is asked at each record instead.
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.1.get().expect("it is set before anything else sees the place")
    }
}
