//! procpool's own adapter: procpool's function for each step, and the classes of its errors.
//!
//! Knows no case and no expected value, and works around nothing: the pool is used as its users use it.
//! `fork` has neither several clients nor several pools: a process with threads is not forked, and a pool
//! has a thread. Workers on other hosts have a program of their own, `procpool-adapter-hosts`.

use procpool::StartMethod::{self, Fork, Forkserver, Spawn};
use procpool::{
    BrokenCause, Builder, Error, Future, MapOptions, ProcessPoolExecutor, ReturnWhen,
    ShutdownOptions, WorkerExit, as_completed, wait,
};

use crate::{Adapter, Classified, ErrorClass, Given, Until, Wire};

/// procpool's function for each step of an adapter.
pub const PROCPOOL: Adapter<StartMethod, ProcessPoolExecutor, Future<Wire>, Error> = Adapter {
    description: include_str!("procpool_pool.json"),
    start_methods: &[("spawn", Spawn), ("forkserver", Forkserver), ("fork", Fork)],
    init: procpool::init,
    new: |start_method, settings, initialize| {
        ProcessPoolExecutor::builder()
            .start_method(start_method)
            .given(settings.max_workers, Builder::max_workers)
            .given(settings.max_tasks_per_child, Builder::max_tasks_per_child)
            .given(settings.idle_timeout, Builder::idle_timeout)
            .given(settings.task_timeout, Builder::task_time_limit)
            .given_each(settings.env, |builder, (name, value)| builder.env(name, value))
            .given(settings.initializer, |it, call| it.initializer_with_args(initialize, call))
            .build()
    },
    submit: |pool, run, argument| Ok(pool.submit(run, argument)),
    refused: Some(|future| future.id() == 0),
    map: Some(|pool, run, input, settings| {
        let map = pool
            .map_options()
            .given(settings.chunksize, MapOptions::chunksize)
            .given(settings.unordered, |map, ()| map.unordered())
            // A timeout beyond the clock's range is no timeout.
            .timeout(settings.timeout.unwrap_or(std::time::Duration::MAX));
        match settings.buffersize {
            None => Box::new(map.map(run, input)),
            Some(size) => Box::new(map.buffersize(size).map(run, input)),
        }
    }),
    shutdown: |pool, wait, cancel| {
        pool.shutdown_with(ShutdownOptions::new().wait(wait).cancel_futures(cancel));
    },
    kill_workers: Some(ProcessPoolExecutor::kill_workers),
    result: Future::result,
    result_timeout: Some(Future::result_timeout),
    cancel: Some(Future::cancel),
    states: Some([Future::running, Future::done, Future::cancelled]),
    add_callback: Some(|future, callback| future.add_done_callback(move |_| callback())),
    wait: Some(|futures, until, timeout| {
        let until = match until {
            Until::AllCompleted => ReturnWhen::AllCompleted,
            Until::FirstCompleted => ReturnWhen::FirstCompleted,
            Until::FirstException => ReturnWhen::FirstException,
        };
        wait(futures, until, timeout).done
    }),
    as_completed: Some(|futures, timeout| {
        Box::new(as_completed(futures).timeout(timeout.unwrap_or(std::time::Duration::MAX)))
    }),
    classify: |error| match error {
        Error::InvalidArgument(_) => ErrorClass::Invalid.into(),
        Error::Shutdown => ErrorClass::Rejected.into(),
        Error::Cancelled => ErrorClass::Cancelled.into(),
        Error::TimedOut(_) | Error::TimeLimitExceeded { .. } => ErrorClass::Timeout.into(),
        Error::Panicked(panic) => Classified::task(panic.location.iter().chain(&panic.backtrace)),
        Error::Codec(_) => ErrorClass::Serialisation.into(),
        Error::WorkerDied(death) => broken_by(death.exit),
        Error::BrokenProcessPool(broken) => match broken.cause() {
            BrokenCause::WorkerDied(death) => broken_by(death.exit),
            _ => ErrorClass::Broken.into(),
        },
        _ => ErrorClass::Other.into(),
    },
};

fn broken_by(exit: WorkerExit) -> Classified {
    match exit {
        WorkerExit::Code(code) => Classified::exited(code),
        WorkerExit::Signal(number) => Classified::killed(number),
        _ => ErrorClass::Broken.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Adapted;
    use crate::library::Library;

    #[test]
    fn the_description_names_the_version_that_is_built() {
        for (name, _) in PROCPOOL.start_methods {
            let library = Adapted::new(PROCPOOL, Some(name)).expect("the table has it");
            let description = library.describe();
            assert_eq!(description.check(), Ok(()));
            assert_eq!(description.start_method, *name);
            assert_eq!(description.version, env!("CARGO_PKG_VERSION"));
        }
    }
}
