//! The adapter of tarnish's pool: `procpool-adapter-tarnish describe|run`.
//!
//! Owns tarnish's function for each step, and the classes of its errors. Works around nothing. The pool has
//! one function, `call`, which returns when its task has ended: that is `submit`, and its future is what
//! `call` returned. `call` needs the pool alone (`&mut self`), so `threads` is not claimed. The shutdown is
//! the pool's `Drop`. The description does not claim missing capabilities: `map`; an initializer, since a
//! worker makes its task by `Default`, without anything of the pool; and `stdio`, since a worker's standard
//! streams are the pipes of its messages.

use std::error::Error;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use procpool_adapter::{Adapter, Classified, ErrorClass, Wire, body};
use tarnish::{ProcessError, ProcessPool, Task};

/// The task of every worker.
#[derive(Default)]
struct Body;

impl Task for Body {
    type Input = Wire;
    type Output = Wire;
    type Error = String;

    fn run(&mut self, argument: Wire) -> Result<Wire, String> {
        body::try_run(argument)
    }
}

/// The refusal of a task by a pool that was shut down.
const SHUT_DOWN: &str = "the pool was shut down";

/// Nothing after a shutdown, which takes the pool: a program that calls it later does not compile.
type Pool = Mutex<Option<ProcessPool<Body>>>;

/// The outcome of a call. The library's errors cannot be cloned.
type Done = Result<Wire, Arc<ProcessError>>;

/// tarnish's function for each step of an adapter. An error is the library's own, or a refusal.
const TARNISH: Adapter<(), Pool, Done, Box<dyn Error>> = Adapter {
    description: include_str!("description.json"),
    start_methods: &[("spawn", ())],
    init: || {
        if let Some(code) = tarnish::worker_main::<Body>() {
            std::process::exit(code);
        }
    },
    new: |(), settings, _| {
        let size = settings.max_workers.ok_or("a pool does not choose its size")?;
        let size = NonZeroUsize::new(size).ok_or("no workers")?;
        Ok(Mutex::new(Some(ProcessPool::new(size).map_err(Arc::new)?)))
    },
    submit: |pool, _, argument| match &mut *pool.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(pool) => Ok(pool.call(argument).map_err(Arc::new)),
        None => Err(SHUT_DOWN.into()),
    },
    refused: None,
    map: None,
    shutdown: |pool, _, _| drop(pool.lock().unwrap_or_else(PoisonError::into_inner).take()),
    kill_workers: None,
    result: |done| Ok(done.clone()?),
    result_timeout: None,
    cancel: None,
    states: None,
    add_callback: None,
    wait: None,
    as_completed: None,
    classify: |error| match error.downcast_ref::<Arc<ProcessError>>().map(AsRef::as_ref) {
        Some(ProcessError::TaskError(text)) => match text.split(": ").next() {
            // The library's own, among the errors of tasks.
            Some("Decode error" | "Encoding error") => ErrorClass::Serialisation.into(),
            _ => Classified::task(None),
        },
        Some(ProcessError::ProtocolError(_)) => ErrorClass::Serialisation.into(),
        Some(ProcessError::ProcessTerminated | ProcessError::CommunicationError(_)) => {
            ErrorClass::Broken.into()
        }
        Some(_) => ErrorClass::Other.into(),
        None if error.to_string() == SHUT_DOWN => ErrorClass::Rejected.into(),
        None => ErrorClass::Invalid.into(),
    },
};

fn main() -> ExitCode {
    procpool_adapter::main(TARNISH)
}
