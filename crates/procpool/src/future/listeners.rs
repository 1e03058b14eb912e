//! Listeners of futures: everything to notify when one settles, except threads that sleep on its
//! word.
//!
//! Owns a table from futures to their listeners. It is beside the futures so that those without
//! any, which are most, are not larger for it. Does not know what a listener does.
//!
//! A listener is notified once, or learns at once that there is nothing to wait for:
//!
//! 1. A thread adds a listener. The mark in the future's word says that there are listeners.
//! 2. Another thread settles the future, sees the mark, and takes the listeners out of the table.
//! 3. The first thread puts the listener into the table. ***Nobody takes it out.*** The rule that forbids
//!    this: one lock covers setting the mark and inserting the listener, and the second thread
//!    takes it too.
//!
//! The futures' addresses are the keys. No address in the table is reused: the pool holds every
//! future that has not settled, and when it settles, its entry is removed.

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

/// A recipient of the notification.
pub(crate) trait Listener: Send + Sync {
    /// Called once, after `future` has settled, by the thread that settled it. That may be the
    /// pool's manager, and holds no lock. Must not block or panic.
    fn settled(&self, future: &SharedFuture);
}

type Table = BTreeMap<usize, Vec<Arc<dyn Listener>>>;

/// How many tables the futures are divided among. More keeps threads that wait for different
/// futures out of each other's way; each costs 32 bytes.
#[cfg(not(loom))]
const SHARDS: usize = 32;

/// The key of a future.
pub(super) fn key(future: &SharedFuture) -> usize {
    std::ptr::from_ref(future).addr()
}

/// Locks the table that `key` belongs to. No user code runs under this lock.
fn table(key: usize) -> MutexGuard<'static, Table> {
    #[cfg(not(loom))]
    let table = {
        static TABLES: PerProcess<[Mutex<Table>; SHARDS]> = PerProcess::new();
        // Futures are at least 64 bytes apart.
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
    /// Notifies `listener` when this settles. Returns its state, or `None` if it has settled.
    pub(crate) fn listen(&self, listener: Arc<dyn Listener>) -> Option<u32> {
        let early = planted("marked without the lock").then(|| self.mark(LISTENED));
        let mut table = table(key(self));
        let state = early.unwrap_or_else(|| self.mark(LISTENED))?;
        table.entry(key(self)).or_default().push(listener);
        Some(state)
    }

    /// Removes `listener`, which the caller holds as well. A thread that has just settled this may
    /// still notify it once.
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

    /// Notifies all waiters that it has settled, listeners in the order in which they were added. The
    /// thread that settled it calls this once, holding no lock.
    pub(crate) fn tell(&self) {
        if !self.wake_sleepers() {
            return;
        }
        let listeners = table(key(self)).remove(&key(self));
        for listener in listeners.into_iter().flatten() {
            listener.settled(self);
        }
    }
}

/// How many listeners `future` has.
#[cfg(test)]
pub(super) fn count(future: &SharedFuture) -> usize {
    table(key(future)).get(&key(future)).map_or(0, Vec::len)
}
