//! A layer between the adapter and a good pool that changes one thing.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use procpool_contract::{Call, Description, ErrorClass, MapOptions, PoolOptions, Until};
use serde_json::Value;

use super::ours::Procpool;
use crate::library::{Callback, Future, Library, Map, Pool, Stop};

/// The points at which a saboteur may change the pool. The defaults change nothing.
pub trait Twist: fmt::Debug + Send + Sync + 'static {
    /// A pool is made.
    ///
    /// # Errors
    ///
    /// The pool's.
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        ours.new_pool(options)
    }

    /// A task is submitted.
    ///
    /// # Errors
    ///
    /// The pool's.
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        pool.submit(call)
    }

    /// A map begins.
    ///
    /// # Errors
    ///
    /// The pool's.
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        pool.map(calls, options)
    }

    /// A pool is shut down.
    ///
    /// # Errors
    ///
    /// The pool's.
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        pool.shutdown(wait, cancel)
    }

    /// The workers of a pool are killed.
    ///
    /// # Errors
    ///
    /// The pool's.
    fn kill_workers(&self, pool: &dyn Pool) -> Result<(), Stop> {
        pool.kill_workers()
    }

    /// A future is waited for.
    ///
    /// # Errors
    ///
    /// The future's.
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        future.result(timeout)
    }

    /// A future is cancelled.
    ///
    /// # Errors
    ///
    /// The future's.
    fn cancel(&self, future: &dyn Future) -> Result<bool, Stop> {
        future.cancel()
    }

    /// A future's state is read.
    ///
    /// # Errors
    ///
    /// The future's.
    fn state(&self, future: &dyn Future) -> Result<&'static str, Stop> {
        future.state()
    }

    /// A callback is added.
    ///
    /// # Errors
    ///
    /// The future's.
    fn add_callback(&self, future: &dyn Future, callback: Callback) -> Result<(), Stop> {
        future.add_callback(callback)
    }

    /// Several futures are waited for.
    ///
    /// # Errors
    ///
    /// The library's.
    fn wait(
        &self,
        ours: &Procpool,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        ours.wait(futures, until, timeout)
    }

    /// Futures are taken as they complete.
    ///
    /// # Errors
    ///
    /// The library's.
    fn as_completed(
        &self,
        ours: &Procpool,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop> {
        ours.as_completed(futures, timeout)
    }
}

/// A library with a twist.
#[derive(Debug, Clone)]
pub struct Twisted {
    ours: Procpool,
    twist: Arc<dyn Twist>,
}

impl Twisted {
    /// Puts `twist` before `ours`.
    pub fn new(ours: Procpool, twist: impl Twist) -> Self {
        Self { ours, twist: Arc::new(twist) }
    }
}

struct TwistedPool {
    pool: Box<dyn Pool>,
    twist: Arc<dyn Twist>,
}

struct TwistedFuture {
    future: Arc<dyn Future>,
    twist: Arc<dyn Twist>,
}

fn untwisted(futures: &[Arc<dyn Future>]) -> Vec<Arc<dyn Future>> {
    let inner = |future: &Arc<dyn Future>| {
        let twisted = (future.as_ref() as &dyn Any).downcast_ref::<TwistedFuture>();
        twisted.map_or_else(|| Arc::clone(future), |twisted| Arc::clone(&twisted.future))
    };
    futures.iter().map(inner).collect()
}

impl Library for Twisted {
    fn describe(&self) -> Description {
        self.ours.describe()
    }

    fn new_pool(&self, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let pool = self.twist.new_pool(&self.ours, options)?;
        Ok(Box::new(TwistedPool { pool, twist: Arc::clone(&self.twist) }))
    }

    fn wait(
        &self,
        futures: &[Arc<dyn Future>],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<usize>, Stop> {
        self.twist.wait(&self.ours, &untwisted(futures), until, timeout)
    }

    fn as_completed(
        &self,
        futures: &[Arc<dyn Future>],
        timeout: Option<Duration>,
    ) -> Result<(Vec<usize>, bool), Stop> {
        self.twist.as_completed(&self.ours, &untwisted(futures), timeout)
    }
}

impl Pool for TwistedPool {
    fn submit(&self, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = self.twist.submit(self.pool.as_ref(), call)?;
        Ok(Arc::new(TwistedFuture { future, twist: Arc::clone(&self.twist) }))
    }

    fn map(&self, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        self.twist.map(self.pool.as_ref(), calls, options)
    }

    fn shutdown(&self, wait: bool, cancel: bool) -> Result<(), Stop> {
        self.twist.shutdown(self.pool.as_ref(), wait, cancel)
    }

    fn kill_workers(&self) -> Result<(), Stop> {
        self.twist.kill_workers(self.pool.as_ref())
    }
}

impl Future for TwistedFuture {
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop> {
        self.twist.result(self.future.as_ref(), timeout)
    }

    fn cancel(&self) -> Result<bool, Stop> {
        self.twist.cancel(self.future.as_ref())
    }

    fn state(&self) -> Result<&'static str, Stop> {
        self.twist.state(self.future.as_ref())
    }

    fn add_callback(&self, callback: Callback) -> Result<(), Stop> {
        self.twist.add_callback(self.future.as_ref(), callback)
    }
}

/// A future whose task is never done. A real one hangs in a pool that has lost it.
pub(super) struct Lost;

impl Future for Lost {
    fn result(&self, timeout: Option<Duration>) -> Result<Value, Stop> {
        match timeout {
            Some(limit) => {
                std::thread::sleep(limit);
                Err(Stop::failed(ErrorClass::Timeout, "it took too long"))
            }
            None => loop {
                std::thread::park();
            },
        }
    }

    fn cancel(&self) -> Result<bool, Stop> {
        Ok(false)
    }

    fn state(&self) -> Result<&'static str, Stop> {
        Ok("pending")
    }

    fn add_callback(&self, _: Callback) -> Result<(), Stop> {
        Ok(())
    }
}

// ---- what several saboteurs use ----

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn is_broken<T>(result: &Result<T, Stop>) -> bool {
    matches!(result, Err(Stop::Failed(failure)) if failure.class == ErrorClass::Broken)
}
