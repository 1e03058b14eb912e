//! The adapter of procspawn's pool: `procpool-adapter-procspawn describe|run`.
//!
//! Owns what procspawn calls each thing, and how its errors are classed. Knows no case and no expected
//! value, and makes up for nothing: the pool is used as its documentation shows, and what it has not,
//! `description.json` does not claim. That is `map`, arguments for an initializer, a pool that chooses
//! its size, and `cancel`, which would have to say whether it did anything; `JoinHandle::kill` does not.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procpool_adapter::wire::Wire;
use procpool_adapter::{Future, Library, Stop, body, main as adapter};
use procpool_conformance::contract::{Call, Description, ErrorClass, Failure, PoolOptions};
use procspawn::{JoinHandle, Pool, ProcConfig, SpawnError};
use serde_json::Value;

/// The variable that tells a pool's workers what to initialize. The library's one hook is of the whole
/// program and takes no argument, so what differs between pools goes by their workers' environment.
const INITIALIZER: &str = "PROCPOOL_ADAPTER_INITIALIZER";

fn main() -> ExitCode {
    body::set_nest(nest);
    ProcConfig::new().config_callback(initialize).init();
    adapter(&Procspawn)
}

/// What each worker does first. All that it can do with a failure is to panic.
fn initialize() {
    let Ok(call) = std::env::var(INITIALIZER) else { return };
    let call = serde_json::from_str(&call).map_err(|error| error.to_string());
    if let Err(text) = call.and_then(|call: Call| body::initialize(&call)) {
        panic!("{text}");
    }
}

fn run(argument: Wire) -> Wire {
    body::run(&argument)
}

fn nest(call: &Call) -> Result<Value, String> {
    let pool = Pool::builder(1).env_remove(INITIALIZER).build().map_err(|it| it.to_string())?;
    let nested = pool.spawn(Wire::of_call(call), run).join();
    nested.map(|wire| wire.value()).map_err(|error| error.to_string())
}

struct Procspawn;

struct Processes(Pool);

/// It gives its result once, to one thread: the library's own is not to be shared.
struct Handle(Mutex<JoinHandle<Wire>>);

impl Library for Procspawn {
    fn describe(&self) -> Description {
        serde_json::from_str(include_str!("description.json")).expect("the file is a description")
    }

    fn new_pool(&self, options: &PoolOptions) -> Result<Box<dyn procpool_adapter::Pool>, Stop> {
        let PoolOptions { max_workers, initializer, env, .. } = options.clone();
        let all = PoolOptions { max_workers, initializer, env, ..PoolOptions::default() };
        let initargs = all.initializer.as_ref().is_some_and(|call| !call.value.is_null());
        let (Some(size), false, true) = (max_workers, initargs, all == *options) else {
            return Stop::unsupported(
                "a pool without a number of workers, with limits, or initargs",
            );
        };
        let size = usize::try_from(size).map_err(|it| Stop::failed(ErrorClass::Invalid, it))?;
        let mut builder = Pool::builder(size);
        if let Some(call) = all.initializer {
            builder.env(INITIALIZER, serde_json::to_string(&call).expect("a call is plain data"));
        }
        let pool = builder.envs(all.env).build().map_err(|error| stop(&error))?;
        Ok(Box::new(Processes(pool)))
    }
}

impl procpool_adapter::Pool for Processes {
    fn submit(&self, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        // The library refuses by a panic in the thread that submits.
        let spawned = catch_unwind(AssertUnwindSafe(|| self.0.spawn(Wire::of_call(call), run)));
        let handle = spawned.map_err(|panic| {
            let text = panic.downcast_ref::<String>().map_or_else(
                || panic.downcast_ref::<&str>().copied().unwrap_or_default(),
                String::as_str,
            );
            let class = match text {
                "The process pool is dead" => ErrorClass::Rejected,
                text if text.contains("SerializationError") => ErrorClass::Serialisation,
                _ => ErrorClass::Other,
            };
            Stop::failed(class, text)
        })?;
        Ok(Arc::new(Handle(Mutex::new(handle))))
    }

    fn shutdown(&self, wait: bool, cancel: bool) -> Result<(), Stop> {
        if !wait || cancel {
            return Stop::unsupported("a shutdown that does not wait, or that cancels");
        }
        self.0.shutdown();
        Ok(())
    }

    fn kill_workers(&self) -> Result<(), Stop> {
        self.0.kill();
        Ok(())
    }
}

impl Future for Handle {
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop> {
        let mut handle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // `join` would take the handle from those who ask next. A limit without an end is the same.
        let joined = handle.join_timeout(timeout.unwrap_or(Duration::MAX));
        joined.map(|wire| wire.value()).map_err(|error| stop(&error))
    }
}

fn stop(error: &SpawnError) -> Stop {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let message = format!("{error}{cause}");
    let class = match error {
        error if error.is_panic() => ErrorClass::Task,
        error if error.is_timeout() => ErrorClass::Timeout,
        error if error.is_cancellation() => ErrorClass::Cancelled,
        // What is left of a worker that has died, or that was killed for what it sent.
        error if error.is_remote_close() => ErrorClass::Broken,
        _ => ErrorClass::Other,
    };
    let trace = error.panic_info().and_then(|panic| {
        let (place, backtrace) = (panic.location()?, panic.backtrace());
        Some(format!("{}:{}\n{backtrace:?}", place.file(), place.line()))
    });
    Stop::Failed(Failure { class, message, r#type: None, status: None, trace })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_describes_the_version_that_is_built() {
        let description = Procspawn.describe();
        assert_eq!(description.check(), Ok(()));
        let pinned = format!("procspawn = \"={}\"", description.version);
        assert!(
            include_str!("../Cargo.toml").contains(&pinned),
            "Cargo.toml does not say {pinned}"
        );
    }
}
