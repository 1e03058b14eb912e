//! A pool's own adapter: a table of the library's functions.
//!
//! ```text
//! an Adapter, a table ─▶ Adapted ─▶ Library, Pool, Future ─▶ the steps of clients
//! ```
//!
//! Owns the table and its types. Knows no library, and nothing of scenarios.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use procpool_contract::{ErrorClass, Until};

use crate::library::Callback;
use crate::settings::{MapSettings, Settings};
use crate::wire::Wire;

/// The function that a worker runs for a task.
pub type Run = fn(Wire) -> Wire;

/// The function that a worker runs first, with the text that the pool was given for it.
pub type Initialize = fn(String) -> Result<(), String>;

/// The input of a map, which records when an item is pulled.
pub type Calls = Box<dyn Iterator<Item = Wire> + Send>;

/// The results of a map.
pub type Items<E> = Box<dyn Iterator<Item = Result<Wire, E>> + Send>;

/// Begins a map.
pub type Map<P, E> = fn(&P, Run, Calls, MapSettings) -> Items<E>;

/// Waits for a result, with a timeout.
pub type ResultTimeout<F, E> = fn(&F, Duration) -> Result<Wire, E>;

/// Reads or changes a future.
pub type Asks<F> = fn(&F) -> bool;

/// Waits for several futures; returns those that are done.
pub type Wait<F> = for<'f> fn(Vec<&'f F>, Until, Option<Duration>) -> Vec<&'f F>;

/// Yields futures as they complete, and an error at the timeout.
pub type AsCompleted<F, E> =
    for<'f> fn(Vec<&'f F>, Option<Duration>) -> Box<dyn Iterator<Item = Result<&'f F, E>> + 'f>;

/// The table of a library with start methods `M`, pools `P`, futures `F` and errors `E`. `None` means that
/// the library has no such function; then the description must not claim the capability.
pub struct Adapter<M: 'static, P, F, E> {
    /// The output of `describe`, in JSON. Its object `start_methods`, if present, has for each start
    /// method the capabilities that not all have.
    pub description: &'static str,
    /// The start methods by their names. Nested pools use the first.
    pub start_methods: &'static [(&'static str, M)],
    /// The call that the library requires at the start of `main`, of programs and of workers.
    pub init: fn(),
    /// Makes a pool.
    pub new: fn(M, Settings, Initialize) -> Result<P, E>,
    /// Submits a task.
    pub submit: fn(&P, Run, Wire) -> Result<F, E>,
    /// Whether a future is that of a refused task, if the library returns futures of these, too.
    pub refused: Option<fn(&F) -> bool>,
    /// Begins a map.
    pub map: Option<Map<P, E>>,
    /// Shuts down; the flags are wait and cancel.
    pub shutdown: fn(&P, bool, bool),
    /// Kills the workers.
    pub kill_workers: Option<fn(&P)>,
    /// Waits for a result.
    pub result: fn(&F) -> Result<Wire, E>,
    /// Waits for a result, with a timeout.
    pub result_timeout: Option<ResultTimeout<F, E>>,
    /// Cancels; returns whether it succeeded.
    pub cancel: Option<Asks<F>>,
    /// Whether a future is running, is done, is cancelled.
    pub states: Option<[Asks<F>; 3]>,
    /// Adds a callback to a future.
    pub add_callback: Option<fn(&F, Callback)>,
    /// See [`Wait`].
    pub wait: Option<Wait<F>>,
    /// See [`AsCompleted`].
    pub as_completed: Option<AsCompleted<F, E>>,
    /// Describes an error in the words of the contract.
    pub classify: fn(&E) -> Classified,
}

/// The class and further parts of an error, beside its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    pub(crate) class: ErrorClass,
    pub(crate) status: Option<String>,
    pub(crate) trace: Option<String>,
}

impl From<ErrorClass> for Classified {
    fn from(class: ErrorClass) -> Self {
        Self { class, status: None, trace: None }
    }
}

impl Classified {
    /// The task failed; with as many parts of its place as are known.
    pub fn task<'p>(parts: impl IntoIterator<Item = &'p String>) -> Self {
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
        let trace = (!parts.is_empty()).then(|| parts.join("\n"));
        Self { trace, ..ErrorClass::Task.into() }
    }

    /// A worker ended with an exit code.
    pub fn exited(code: i32) -> Self {
        Self { status: Some(format!("exit {code}")), ..ErrorClass::Broken.into() }
    }

    /// A worker was killed by a signal.
    pub fn killed(signal: i32) -> Self {
        Self { status: Some(format!("signal {signal}")), ..ErrorClass::Broken.into() }
    }
}

/// A library's error type: its own type, or `Box<dyn Error>` if it has several.
pub trait Tells: Into<Box<dyn Error>> + fmt::Debug + 'static {}

impl<E: Into<Box<dyn Error>> + fmt::Debug + 'static> Tells for E {}

/// Settings of a builder that stay untouched unless requested.
pub trait Given: Sized {
    /// Sets one, if there is a value for it.
    fn given<V>(self, value: Option<V>, set: impl FnOnce(Self, V) -> Self) -> Self {
        match value {
            Some(value) => set(self, value),
            None => self,
        }
    }

    /// Sets as many as there are values.
    fn given_each<V>(
        self,
        values: impl IntoIterator<Item = V>,
        set: impl FnMut(Self, V) -> Self,
    ) -> Self {
        values.into_iter().fold(self, set)
    }
}

impl<B> Given for B {}

/// Calls a library that refuses by a panic.
///
/// # Errors
///
/// It panics; the error is the panic's message.
pub fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    let called = catch_unwind(AssertUnwindSafe(call));
    called.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
    })
}

impl<M, P, F, E> Clone for Adapter<M, P, F, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, P, F, E> Copy for Adapter<M, P, F, E> {}

impl<M, P, F, E> fmt::Debug for Adapter<M, P, F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.start_methods.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}
