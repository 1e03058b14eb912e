//! `add_done_callback`: user code that runs when a future has settled.
//!
//! Owns the path of a callback from the future to the pool's callback thread. `callbacks` has that
//! thread and handles panics.

use std::sync::{Arc, Mutex, PoisonError};

use procpool_callbacks::{Callback, CallbackThread};

use super::listeners::Listener;
use super::{Future, SharedFuture};

/// A callback that waits for its future.
struct Waiting {
    thread: CallbackThread,
    callback: Mutex<Option<Callback>>,
}

impl Listener for Waiting {
    fn settled(&self, _future: &SharedFuture) {
        let callback = self.callback.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(callback) = callback {
            self.thread.push(callback);
        }
    }
}

impl<T: 'static> Future<T> {
    /// Calls `callback` with this future once it has settled, by a result, an error or a
    /// cancellation.
    ///
    /// Each pool runs its callbacks one after another on a thread of their own, those of one future
    /// in the order in which they were added. If the future has already settled, the calling thread
    /// runs `callback` before this returns; likewise if it never will, in a
    /// [forked copy](crate::Error::ForkedCopy) of the program.
    ///
    /// A callback may do anything: submit, wait, shut its pool down, drop the executor. One that
    /// blocks delays other callbacks, but no tasks or results. It also delays the executor's drop
    /// and a [`shutdown`](crate::ProcessPoolExecutor::shutdown) that waits: both return after every
    /// callback has returned. (Called by a callback, they do not wait for that one.) A callback
    /// that panics is reported to the [log](https://docs.rs/log), without further effect.
    ///
    /// If the system refuses the thread, callbacks run on a thread that settles a future by
    /// cancelling or waiting, are kept until the thread can be started, or run on the thread that
    /// ends the pool.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    ///
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
    /// let (sender, receiver) = channel();
    /// let future = executor.submit(|x: u32| x + 1, 41);
    /// future.add_done_callback(move |future| {
    ///     let _ = sender.send(future.result());
    /// });
    /// drop(executor);
    /// assert_eq!(receiver.recv(), Ok(Ok(42)));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn add_done_callback(&self, callback: impl FnOnce(&Future<T>) + Send + 'static) {
        // A pool that is gone has settled all its futures; a forked copy settles none.
        let pool = if self.done() { None } else { self.pool() };
        let Some(pool) = pool else { return procpool_callbacks::run(|| callback(self)) };
        let future = self.clone();
        let callback: Callback = Box::new(move || callback(&future));
        let waiting =
            Arc::new(Waiting { thread: pool.callbacks(), callback: Mutex::new(Some(callback)) });
        if !self.listen(Arc::clone(&waiting) as Arc<dyn Listener>) {
            // It has settled in the meantime, and nothing else holds the callback.
            let callback = waiting.callback.lock().unwrap_or_else(PoisonError::into_inner).take();
            callback.into_iter().for_each(procpool_callbacks::run);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use super::*;
    use crate::error::Error;
    use crate::future::PoolHandle;
    use crate::future::PoolOfFuture;
    use crate::lifecycle::KillOutcome;
    use procpool_os::signal::current_mask;

    /// A pool whose only task settles when the callback thread is requested: after the check
    /// whether it has settled, and before a listener is added.
    struct Hasty(Arc<SharedFuture>);

    impl PoolOfFuture for Hasty {
        fn is_ours(&self) -> bool {
            true
        }

        fn advance(&self, _: &SharedFuture, _: Option<Instant>) {}

        fn cancel_sent(&self, _: &Arc<SharedFuture>) -> bool {
            false
        }

        fn kill(&self, _: &Arc<SharedFuture>) -> KillOutcome {
            KillOutcome::AlreadyDone
        }

        fn has_started(&self, _: &SharedFuture) -> bool {
            false
        }

        fn expect(&self, _: &SharedFuture) {}

        fn note_cancelled(&self, _: u64) {}

        fn callbacks(&self) -> CallbackThread {
            assert!(!self.0.finish(Err(Box::new(Error::Shutdown))), "nobody has to be told");
            CallbackThread::new(current_mask())
        }
    }

    // Behaviours: FUT-06.
    #[test]
    fn a_callback_added_after_the_outcome_runs_at_once() {
        let pool = Arc::new(Hasty(SharedFuture::new()));
        let future = Future::<u32>::new(Ok((Arc::clone(&pool.0), 1)), &PoolHandle::new(&pool));
        let runs = Arc::new(AtomicU32::new(0));
        let theirs = Arc::clone(&runs);
        future.add_done_callback(move |future| {
            assert_eq!(future.error(), Some(Error::Shutdown));
            theirs.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }
}
