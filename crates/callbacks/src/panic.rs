//! Panics of user code, caught with their message, and the log, which may panic as well.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, UnwindSafe};

/// A caught panic. Its payload may panic when it is dropped, which is caught as well.
#[derive(Debug)]
pub struct Panic(Option<Box<dyn Any + Send>>);

/// Runs anything, and catches its panic.
///
/// # Errors
///
/// The panic.
pub fn catch<T>(run: impl FnOnce() -> T + UnwindSafe) -> Result<T, Panic> {
    panic::catch_unwind(run).map_err(|payload| Panic(Some(payload)))
}

impl Panic {
    /// Returns the message.
    pub fn message(&self) -> String {
        self.0.as_deref().map_or_else(String::new, message)
    }
}

/// Writes to the log. A logger is user code, too: its panic goes no further.
pub fn write_to_log(level: log::Level, text: fmt::Arguments<'_>) {
    drop(catch(AssertUnwindSafe(|| log::log!(target: "procpool", level, "{text}"))));
}

impl Drop for Panic {
    fn drop(&mut self) {
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(self.0.take())));
    }
}

/// Returns the message of a panic with this payload.
pub fn message(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic payload that is not text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_panics_when_dropped_goes_no_further() {
        struct Fatal;
        impl Drop for Fatal {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        let caught = catch(|| panic::panic_any(Fatal)).unwrap_err();
        assert_eq!(caught.message(), "a panic payload that is not text");
        drop(caught);
    }
}
