//! `ProcessPoolExecutor`: the user's handle on a pool.
//!
//! Owns the manager thread's join handle and the meaning of dropping. Knows no process. How a pool
//! is made is in `builder`; its `map` methods are in `map`.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::error::{CodecStep, Error};
use crate::future::{Future, Progress};
use crate::manager::{Arguments, LARGE, Pool, Settings};
use crate::task;
use crate::wire::Entry;

/// A pool of worker processes, as Python's `concurrent.futures.ProcessPoolExecutor`.
///
/// Tasks are functions, or closures that capture nothing; their arguments and results are owned
/// serde types. `S` is the state that the initializer made in each worker.
///
/// Workers are started just in time: when a task finds no idle worker and fewer than
/// [`max_workers`](crate::Builder::max_workers) exist. All methods take `&self` and may be called from
/// any thread.
///
/// Dropping the executor waits for all submitted tasks and ends the workers, like leaving Python's
/// `with` block; see [`shutdown`](Self::shutdown).
///
/// # Examples
///
/// ```
/// use procpool::ProcessPoolExecutor;
///
/// fn square(x: u64) -> u64 {
///     x * x
/// }
///
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
///     let squares: Vec<u64> = executor.map(square, 1..=4).collect::<Result<_, _>>()?;
///     assert_eq!(squares, [1, 4, 9, 16]);
///     Ok(())
/// }
/// ```
pub struct ProcessPoolExecutor<S = ()> {
    pool: Arc<Pool>,
    manager: Mutex<Manager>,
    joined: Condvar,
    /// The process that made it. In a forked copy there is no manager thread to wait for.
    owner: u32,
    state: PhantomData<fn() -> S>,
}

/// The manager thread, from the executor's side.
#[derive(Debug)]
enum Manager {
    /// Nobody has waited for it.
    Running(JoinHandle<()>),
    /// Somebody waits for it.
    Joining,
    /// It has ended.
    Joined,
    /// `shutdown(false, _)` was called: it ends by itself, when all work is done.
    Detached,
}

impl<S: 'static> ProcessPoolExecutor<S> {
    pub(crate) fn start(settings: Settings) -> Result<Self, Error> {
        let pool = Pool::new(settings)?;
        let manager = thread::Builder::new().name("procpool-manager".to_owned()).spawn({
            let pool = Arc::clone(&pool);
            move || pool.run()
        });
        let manager = manager.map_err(|error| Error::Setup {
            what: "the manager thread",
            errno: Errno::from_raw(error.raw_os_error().unwrap_or(nix::libc::EAGAIN)),
        })?;
        Ok(Self {
            pool,
            manager: Mutex::new(Manager::Running(manager)),
            joined: Condvar::new(),
            owner: std::process::id(),
            state: PhantomData,
        })
    }

    /// Submits one call of `task` and returns a [`Future`] for its result.
    ///
    /// The arguments are encoded before this returns; several are a tuple. It never waits for a
    /// worker. Dropping the future does not cancel the task.
    ///
    /// # What does not fit
    ///
    /// | what | how it is told | remedy |
    /// |---|---|---|
    /// | a closure that captures | compiler: "closures can only be coerced to `fn` types if they do not capture" | pass what it captures as an argument |
    /// | borrowed arguments or results, such as `&str` | compiler: "implementation of `Deserialize` is not general enough", with the type | own them: `String`, `Vec<T>` |
    /// | types without serde | compiler: "the trait `Serialize` is not implemented", with the type | derive it, or send what they are made from |
    /// | types that need names in the data, such as `serde_json::Value` | [`Error::Codec`], with the type | [`SelfDescribing`](crate::SelfDescribing) |
    /// | a function of a shared library | [`Error::ForeignFunction`], with its type | call it from a function of the program |
    ///
    /// # Errors
    ///
    /// All are the future's: arguments that cannot be encoded, a function outside the main
    /// executable, a pool that is shut down or broken settle it at once.
    ///
    /// # Panics
    ///
    /// When the arguments' `Serialize` does.
    pub fn submit<A, R>(&self, task: fn(A) -> R, arguments: A) -> Future<R>
    where
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.submit_entry(task::call_entry(task), arguments)
    }

    /// Submits one call of `task` with the state of the worker that will run it.
    ///
    /// See [`submit`](Self::submit).
    pub fn submit_with<A, R>(&self, task: fn(&mut S, A) -> R, arguments: A) -> Future<R>
    where
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.submit_entry(task::call_with_entry(task), arguments)
    }

    fn submit_entry<A, R>(&self, entry: Result<Entry, Error>, arguments: A) -> Future<R>
    where
        A: Serialize + 'static,
    {
        thread_local! {
            /// Where arguments are encoded: used again and again, and by one submission at a time,
            /// because an argument's `Serialize` may itself submit.
            static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
        }
        let queue = || {
            let entry = entry?;
            let mut scratch = match codec::into_bytes(arguments) {
                Ok(bytes) => bytes,
                Err(arguments) => {
                    let mut scratch = SCRATCH.take();
                    scratch.clear();
                    let encoded =
                        codec::encode(&arguments, &mut scratch, CodecStep::EncodeArguments);
                    encoded.map_err(|error| Error::Codec(*error))?;
                    scratch
                }
            };
            if scratch.len() >= LARGE {
                return self.pool.submit(entry, Arguments::Large(std::mem::take(&mut scratch)));
            }
            let submitted = self.pool.submit(entry, Arguments::Small(&scratch));
            SCRATCH.set(scratch);
            submitted
        };
        match queue() {
            Ok(shared) => Future::new(shared, Arc::downgrade(&self.pool) as Weak<dyn Progress>),
            Err(error) => Future::failed(error),
        }
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

impl<S> ProcessPoolExecutor<S> {
    /// Takes no new tasks, and ends the workers when there is nothing left to do.
    ///
    /// With `cancel_futures`, tasks that have not started are cancelled; the others finish in any
    /// case. With `wait` it returns when all work is done and every worker is gone; without, at
    /// once, and accepted work completes as long as the program lives. It may be called again, in
    /// any combination: `shutdown(true, false)` after `shutdown(false, false)` returns at once.
    pub fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.pool.shutdown(cancel_futures);
        let mut manager = self.lock_manager();
        if !wait {
            if matches!(*manager, Manager::Running(_)) {
                *manager = Manager::Detached;
            }
            return;
        }
        if let Manager::Running(_) = *manager {
            let Manager::Running(handle) = std::mem::replace(&mut *manager, Manager::Joining)
            else {
                return;
            };
            drop(manager);
            // It catches its own panics and turns them into the pool's error.
            let _ = handle.join();
            *self.lock_manager() = Manager::Joined;
            self.joined.notify_all();
            return;
        }
        while matches!(*manager, Manager::Joining) {
            manager = self.joined.wait(manager).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Kills every worker with SIGKILL and breaks the pool.
    ///
    /// Tasks that have not finished fail with
    /// [`BrokenCause::Killed`](crate::BrokenCause::Killed), queued ones too. It returns at once;
    /// dropping the executor waits until the workers are gone. This also ends an initializer or a
    /// task that never returns.
    pub fn kill_workers(&self) {
        self.pool.kill_workers();
    }

    fn lock_manager(&self) -> MutexGuard<'_, Manager> {
        self.manager.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Drop for ProcessPoolExecutor<S> {
    /// Waits for all submitted tasks and the end of the workers, unless `shutdown(false, _)` said
    /// not to.
    fn drop(&mut self) {
        if std::process::id() == self.owner {
            self.shutdown(true, false);
        }
    }
}

impl<S> fmt::Debug for ProcessPoolExecutor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPoolExecutor")
            .field("max_workers", &self.pool.max_workers())
            .finish_non_exhaustive()
    }
}
