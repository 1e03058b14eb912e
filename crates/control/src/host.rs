//! The names of hosts.
//!
//! Owns every name that this process has met, for good: a pool meets few, and a handle can then be copied,
//! which a part of [`WorkerInfo`](https://docs.rs/procpool) has to be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

static NAMES: Mutex<BTreeMap<&str, HostName>> = Mutex::new(BTreeMap::new());

/// The name of a host, as it calls itself.
///
/// Each different name is kept until the program exits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct HostName(&'static &'static str);

impl HostName {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<String> for HostName {
    fn from(name: String) -> Self {
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&*name).copied().unwrap_or_else(|| {
            let name: &'static str = name.leak();
            let host = Self(Box::leak(Box::new(name)));
            names.insert(name, host);
            host
        })
    }
}

impl From<HostName> for String {
    fn from(host: HostName) -> Self {
        host.as_str().to_owned()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_and_survive_a_journey() {
        let [first, again, other] = ["n1", "n1", "n2"].map(|name| HostName::from(name.to_owned()));
        assert!(std::ptr::eq(first.0, again.0), "it is kept once");
        assert_eq!(first, again);
        assert_ne!(first, other);
        let bytes = postcard::to_stdvec(&first).unwrap();
        assert_eq!(postcard::from_bytes(&bytes), Ok(first));
        assert_eq!(format!("{first:>4} {first:?}"), "  n1 \"n1\"");
    }
}
