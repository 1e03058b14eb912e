//! Who wants to be told when a future settles, besides threads that sleep on its word.
//!
//! Owns a table from futures to their listeners, beside the futures, so that those without any (most
//! of them) are not larger for it. Knows nothing of what a listener does.
//!
//! A listener is told once, or has learned at once that there is nothing to wait for:
//!
//! 1. A thread adds a listener. The mark in the future's word says that there are some.
//! 2. Another thread settles the future, sees the mark, and takes the listeners out of the table.
//! 3. The first thread puts the listener into the table. ***Nobody takes it out***, were it not that
//!    the mark is set and the listener put in under one lock, which the second thread takes too.
//!
//! The futures' addresses are the keys. No address is used again while it is in the table: the pool
//! holds every future that has not settled, and when it settles, its entry is taken out.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use procpool_os::model::planted;

use super::shared::{LISTENED, SharedFuture};
#[cfg(not(loom))]
use procpool_os::lineage::PerProcess;

#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

/// Somebody who wants to be told.
pub(super) trait Listener: Send + Sync {
    /// Called once, when `future` has settled, by the thread that settled it, which may be the
    /// pool's manager and holds no lock. It must not block or panic.
    fn settled(&self, future: &SharedFuture);
}

type Table = BTreeMap<usize, Vec<Arc<dyn Listener>>>;

/// Into how many tables the futures are divided. More keeps threads that wait for different futures
/// out of each other's way; each costs 32 bytes.
#[cfg(not(loom))]
const SHARDS: usize = 32;

/// The number by which a future is known.
pub(super) fn key(future: &SharedFuture) -> usize {
    std::ptr::from_ref(future).addr()
}

/// The lock of the table that `key` belongs to. No code of the user runs under it.
fn table(key: usize) -> MutexGuard<'static, Table> {
    #[cfg(not(loom))]
    let table = {
        static TABLES: PerProcess<[Mutex<Table>; SHARDS]> = PerProcess::new();
        // Futures are 64 bytes of memory apart, at least.
        &TABLES.get(Default::default)[key / 64 % SHARDS]
    };
    #[cfg(loom)]
    let table: &Mutex<Table> = {
        let _one_is_enough = key;
        loom::lazy_static! { static ref TABLE: Mutex<Table> = Mutex::new(Table::new()); }
        &TABLE
    };
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedFuture {
    /// Has `listener` told when this settles, and returns its state; `None` when it has settled.
    pub(super) fn listen(&self, listener: Arc<dyn Listener>) -> Option<u32> {
        let early = planted("marked without the lock").then(|| self.mark(LISTENED));
        let mut table = table(key(self));
        let state = early.unwrap_or_else(|| self.mark(LISTENED))?;
        table.entry(key(self)).or_default().push(listener);
        Some(state)
    }

    /// Forgets `listener`, which the caller holds too. It may be told once more by a thread that
    /// has just settled this.
    pub(super) fn stop_listening(&self, listener: &Arc<dyn Listener>) {
        let mut table = table(key(self));
        if let Some(listeners) = table.get_mut(&key(self)) {
            listeners
                .retain(|theirs| !std::ptr::addr_eq(Arc::as_ptr(theirs), Arc::as_ptr(listener)));
            if listeners.is_empty() {
                table.remove(&key(self));
            }
        }
    }
}

/// Tells the listeners of `future`, which has settled, in the order in which they came.
pub(super) fn tell(future: &SharedFuture) {
    let listeners = table(key(future)).remove(&key(future));
    for listener in listeners.into_iter().flatten() {
        listener.settled(future);
    }
}

/// How many listeners `future` has.
#[cfg(test)]
pub(super) fn count(future: &SharedFuture) -> usize {
    table(key(future)).get(&key(future)).map_or(0, Vec::len)
}
