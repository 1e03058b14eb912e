//! A subscriber that keeps what it gets.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The values of fields, each with its type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(pub(crate) BTreeMap<String, String>);

/// The kinds of what a subscriber gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Opened,
    Closed,
}

/// One thing that the subscriber got.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) level: Level,
    pub(crate) place: (Option<String>, Option<u32>, Option<String>),
    pub(crate) fields: Fields,
    /// The spans around it, from the outermost.
    pub(crate) scope: Vec<(String, Fields)>,
}

impl Seen {
    fn new(kind: Kind, of: &Metadata<'_>, fields: Fields, scope: Vec<(String, Fields)>) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            kind,
            name: of.name().to_owned(),
            target: of.target().to_owned(),
            level: *of.level(),
            place: (text(of.file()), of.line(), text(of.module_path())),
            fields,
            scope,
        }
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn message(&self) -> &str {
        self.field("message").strip_prefix("debug ").unwrap_or("")
    }
}

/// Everything that a subscriber got.
#[derive(Clone, Default)]
pub(crate) struct Recording(Arc<Mutex<Vec<Seen>>>);

impl Recording {
    pub(crate) fn subscriber(
        &self,
        filter: impl Layer<Registry> + Send + Sync,
    ) -> impl Subscriber + Send + Sync {
        tracing_subscriber::registry().with(filter).with(self.clone())
    }

    pub(crate) fn push(&self, seen: Seen) {
        self.0.lock().expect("nothing panics with it").push(seen);
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().expect("nothing panics with it").clone()
    }

    pub(crate) fn of(&self, kind: Kind) -> Vec<Seen> {
        self.all().into_iter().filter(|seen| seen.kind == kind).collect()
    }

    pub(crate) fn events(&self) -> Vec<Seen> {
        self.of(Kind::Event)
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.events().iter().map(|seen| seen.message().to_owned()).collect()
    }
}

fn scope<S>(context: &Context<'_, S>, id: Option<&Id>) -> Vec<(String, Fields)>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let scope = id.and_then(|id| context.span_scope(id)).into_iter();
    scope
        .flat_map(|scope| scope.from_root())
        .map(|span| {
            let fields = span.extensions().get::<Fields>().cloned().unwrap_or_default();
            (span.name().to_owned(), fields)
        })
        .collect()
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recording {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = context.span(id).expect("it is open");
        span.extensions_mut().insert(fields.clone());
        let above = span.parent().map(|parent| parent.id());
        let scope = scope(&context, above.as_ref());
        self.push(Seen::new(Kind::Opened, span.metadata(), fields, scope));
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("it is open");
        let mut extensions = span.extensions_mut();
        record.record(extensions.get_mut::<Fields>().expect("it was inserted"));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = scope(&context, event.parent());
        self.push(Seen::new(Kind::Event, event.metadata(), fields, scope));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("it is not closed yet");
        let fields = span.extensions().get::<Fields>().cloned().unwrap_or_default();
        self.push(Seen::new(Kind::Closed, span.metadata(), fields, Vec::new()));
    }
}

impl Fields {
    fn insert(&mut self, field: &Field, value: String) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, format!("f64 {value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, format!("i64 {value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, format!("u64 {value}"));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.insert(field, format!("i128 {value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.insert(field, format!("u128 {value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, format!("bool {value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, format!("str {value}"));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.insert(field, format!("bytes {value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.insert(field, format!("error {value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("debug {value:?}"));
    }
}
