//! The adapter of procspawn's pool: `procpool-adapter-procspawn describe|run`.
//!
//! Owns procspawn's function for each step, and the classes of its errors. Knows no case and no expected
//! value, and works around nothing: the pool is used as its documentation shows, and `description.json`
//! does not claim missing capabilities: `map`, arguments for an initializer, a pool that chooses its size,
//! and `cancel`, which would have to report whether it succeeded; `JoinHandle::kill` does not.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use procpool_adapter::{Adapter, Classified, ErrorClass, Wire, body, caught};
use procspawn::{JoinHandle, Pool, ProcConfig, SpawnError};

/// The variable with the initializer of a pool's workers. The library's one hook applies to the whole
/// program and takes no argument, so differences between pools are passed by their workers' environment.
const INITIALIZER: &str = "PROCPOOL_ADAPTER_INITIALIZER";

/// It returns its result once, to one thread: the library's own cannot be shared.
type Handle = Mutex<JoinHandle<Wire>>;

/// procspawn's function for each step of an adapter. An error is the library's own, or the text of a
/// panic.
const PROCSPAWN: Adapter<(), Pool, Handle, Box<dyn Error>> = Adapter {
    description: include_str!("description.json"),
    start_methods: &[("spawn", ())],
    init: || ProcConfig::new().config_callback(initialize).init(),
    new: |(), settings, _| {
        let size = settings.max_workers.ok_or("a pool does not choose its size")?;
        let mut builder = Pool::builder(size);
        match settings.initializer {
            Some(call) => builder.env(INITIALIZER, call),
            // A nested pool would inherit it from its worker.
            None => builder.env_remove(INITIALIZER),
        };
        Ok(builder.envs(settings.env).build()?)
    },
    // The library refuses by a panic in the thread that submits.
    submit: |pool, run, argument| Ok(Mutex::new(caught(|| pool.spawn(argument, run))?)),
    refused: None,
    map: None,
    shutdown: |pool, _, _| pool.shutdown(),
    kill_workers: Some(Pool::kill),
    // `join` would take the handle from later callers. An endless timeout is the same.
    result: |handle| join(handle, Duration::MAX),
    result_timeout: Some(join),
    cancel: None,
    states: None,
    add_callback: None,
    wait: None,
    as_completed: None,
    classify: |error| match error.downcast_ref::<SpawnError>() {
        Some(error) if error.is_panic() => Classified::task(&place(error)),
        Some(error) if error.is_timeout() => ErrorClass::Timeout.into(),
        Some(error) if error.is_cancellation() => ErrorClass::Cancelled.into(),
        // The error of a worker that has died, or that was killed for its result.
        Some(error) if error.is_remote_close() => ErrorClass::Broken.into(),
        Some(_) => ErrorClass::Other.into(),
        None => match error.to_string() {
            text if text == "The process pool is dead" => ErrorClass::Rejected.into(),
            text if text.contains("SerializationError") => ErrorClass::Serialisation.into(),
            _ => ErrorClass::Other.into(),
        },
    },
};

fn join(handle: &Handle, timeout: Duration) -> Result<Wire, Box<dyn Error>> {
    let mut handle = handle.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(handle.join_timeout(timeout)?)
}

/// The place where a task failed.
fn place(error: &SpawnError) -> Option<String> {
    let panic = error.panic_info()?;
    let (place, backtrace) = (panic.location()?, panic.backtrace());
    Some(format!("{}:{}\n{backtrace:?}", place.file(), place.line()))
}

/// The first call in each worker. Its only possible reaction to a failure is to panic.
fn initialize() {
    let Ok(call) = std::env::var(INITIALIZER) else { return };
    if let Err(text) = body::initialize(call) {
        panic!("{text}");
    }
}

fn main() -> ExitCode {
    procpool_adapter::main(PROCSPAWN)
}
