//! `StartMethod`: the user's choice of how workers are started, and the options that depend on it.

use procpool_launch::{Elsewhere, ForkError, Launcher, Surroundings, differ_from_callers};
use procpool_os::code::FunctionRef;
use procpool_os::code::{self, FnPointer};
use procpool_os::image::Image;
use serde::{Deserialize, Serialize};

use super::{CONNECT, CONNECT_RELAY, ROLES, Starter};
use crate::error::Error;

/// How workers are started. Set by [`Builder::start_method`](crate::Builder::start_method).
///
/// With each of them, workers are started just in time, run the initializer, and end with their
/// parent. They differ in what a worker is a copy of:
///
/// | | a worker is | it starts within | it has |
/// |---|---|---|---|
/// | `Spawn` | this program, started again | milliseconds | nothing but what it makes |
/// | `Forkserver` | a copy of a *forkserver*: this program, started again once | a millisecond | what [`preload`](crate::Builder::preload) made, in shared memory |
/// | `Fork` | a copy of a forkserver that is itself a copy of this process | a millisecond | what this process had in memory when the pool was built, and what `preload` made |
///
/// A copy shares with its original the memory that neither has written to since. With `Forkserver`
/// and `Fork`, all workers are copies of one process, so:
///
/// - A random number generator used before the copy continues in every worker with the same
///   numbers: `rand`'s thread-local generator, and the keys of the standard library's
///   `RandomState`. Create one in the initializer.
/// - The orderly exit of such a worker flushes its output but runs no exit handlers, so it writes
///   no profile of `-C instrument-coverage`; a worker of `Spawn` does.
///
/// With each of them, workers may run on the CPUs of the thread that built the pool, and the number
/// of those CPUs is the default of [`max_workers`](crate::Builder::max_workers).
///
/// # Examples
///
/// ```
/// # use procpool::{ProcessPoolExecutor, StartMethod};
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// let executor = ProcessPoolExecutor::builder()
///     .start_method(StartMethod::Forkserver)
///     .max_workers(2)
///     .build()?;
/// assert_eq!(executor.submit(|x: u32| 2 * x, 21).result()?, 42);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StartMethod {
    /// Every worker is this program, started again: its cost does not grow with this process's
    /// memory, and nothing that happens in this process can harm it.
    #[default]
    Spawn,
    /// The program is started again once, as a forkserver of one thread, and workers are forked from
    /// that. The forkserver starts with the first worker and ends with the pool. Signals meant for the
    /// program do not end it: it catches those that would, and does nothing. They have no effect in
    /// `preload` either. Workers have the default actions, plus those that `preload` has set.
    Forkserver,
    /// The forkserver is forked from this process inside [`build`](crate::Builder::build), which fails
    /// if the process has a second thread, for instance of another pool, or of an earlier one that was shut
    /// down without waiting. It handles signals as that
    /// of [`Forkserver`](Self::Forkserver) does. If it is killed all the same, the pool is broken,
    /// whatever the [`DeathPolicy`](crate::DeathPolicy): there can be no second copy.
    ///
    /// The forkserver and its workers keep the standard streams, and no other descriptor. A file or
    /// connection that was opened before is closed in them; its owner gets errors there or, once
    /// its number is reused, another file. Signals have their default actions. A task that calls
    /// `exit` itself runs the exit handlers of the program that it is a copy of.
    Fork,
}

/// How the workers of one pool are to be started.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) method: StartMethod,
    pub(crate) preload: Option<fn()>,
    /// What starts them instead, if they run elsewhere.
    pub(crate) elsewhere: Option<Box<dyn Elsewhere>>,
}

impl Plan {
    /// Checks that workers could trust the command line that they are started with.
    ///
    /// # Errors
    ///
    /// This process has other privileges than its caller.
    pub(crate) fn check_privileges(&self) -> Result<(), Error> {
        let is_started = self.method != StartMethod::Fork;
        if is_started && differ_from_callers() {
            Err(Error::NotRestartable(
                "this program has other privileges than its caller (set-user-ID, set-group-ID or file \
                 capabilities), so a worker could not tell its pool from a caller who wants them; use \
                 StartMethod::Fork, whose workers are copies of this process and are not started by \
                 anybody, or have the pool in a program of its own that is not privileged"
                    .into(),
            ))
        } else {
            Ok(())
        }
    }

    /// Prepares the start method for `slots` workers in the surroundings `around`; for `Fork`, copies this process.
    ///
    /// # Errors
    ///
    /// The options are invalid, or the process cannot be copied.
    pub(crate) fn prepare(self, around: &Surroundings, slots: usize) -> Result<Starter, Error> {
        let preload = self.locate_preload()?;
        if self.method != StartMethod::Fork && Image::main().is_run_by_loader() {
            let why = "/proc/self/exe is the dynamic loader; run the program itself, not the \
                       loader with its name";
            return Err(Error::NotRestartable(why.into()));
        }
        if let Some(server) = self.elsewhere {
            return Ok(Launcher::elsewhere(CONNECT_RELAY, server, slots));
        }
        match self.method {
            StartMethod::Spawn => Ok(Launcher::spawn(CONNECT)),
            StartMethod::Forkserver => Ok(Launcher::forkserver(CONNECT, preload)),
            StartMethod::Fork => {
                Launcher::fork(CONNECT, ROLES, self.preload, around).map_err(|error| match error {
                    ForkError::HasThreads(threads) => Error::ForkWithThreads { threads },
                    ForkError::Refused(refused) => Error::setup(refused.what)(refused.errno),
                })
            }
        }
    }

    /// Returns the reference by which the forkserver's process finds `preload`.
    ///
    /// # Errors
    ///
    /// The options are invalid, or `preload` is not part of the main executable.
    fn locate_preload(&self) -> Result<Option<FunctionRef>, Error> {
        fn name_of<F: FnPointer>(_: F) -> &'static str {
            std::any::type_name::<F>()
        }
        match (self.method, self.preload) {
            (_, None) => Ok(None),
            (StartMethod::Spawn, Some(_)) => Err(Error::InvalidArgument(
                "preload runs in the forkserver that workers are forked from, and StartMethod::Spawn \
                 has none: choose StartMethod::Forkserver, or use an initializer"
                    .into(),
            )),
            (_, Some(preload)) => {
                let foreign = || Error::ForeignFunction(name_of(preload).into());
                code::locate(preload).ok_or_else(foreign).map(Some)
            }
        }
    }
}
