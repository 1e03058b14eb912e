//! Where submitters leave calls while every worker has enough to do.
//!
//! Owns a lock of its own, held for the length of a push, so that submitting does not wait for a
//! manager that moves hundreds of results under the pool's lock. Knows no workers.
//!
//! The inbox is *attended* while somebody is sure to come for what is in it: the queue is not empty
//! and every worker is busy, so the next result brings a dispatch, which empties the inbox first.
//! Otherwise the submitter dispatches itself. Both change under the inbox's lock, so a push is
//! either seen by the dispatch that would end the attendance, or finds it ended:
//!
//! 1. A dispatch takes everything, and finds that the queue is empty.
//! 2. A submitter pushes, sees the inbox attended, and goes away.
//! 3. The dispatch ends the attendance and goes away. ***Nobody comes***, were it not that step 3
//!    looks into the inbox under the same lock and starts over when there is something.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::block::{Arguments, Block, Errand, Slice};
use crate::error::Error;
use crate::future::SharedFuture;

#[derive(Debug)]
pub(super) struct Inbox(Mutex<Contents>);

#[derive(Debug)]
struct Contents {
    full: Vec<Slice>,
    open: Option<Block<Vec<u8>>>,
    next_id: u64,
    attended: bool,
    /// Why nothing is taken any more.
    closed: Option<Error>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Contents {
            full: Vec::new(),
            open: None,
            next_id: 1,
            attended: false,
            closed: None,
        }))
    }

    /// Adds a call. Returns its number, and whether somebody is sure to come for it.
    ///
    /// # Errors
    ///
    /// Why the inbox is closed.
    pub(super) fn push(
        &self,
        errand: Errand,
        arguments: Arguments<'_>,
        future: Arc<SharedFuture>,
    ) -> Result<(u64, bool), Error> {
        let mut contents = self.lock();
        if let Some(error) = &contents.closed {
            return Err(error.clone());
        }
        let id = contents.next_id;
        contents.next_id += 1;
        let added = match &mut contents.open {
            Some(block) => block.add(id, errand, &arguments, future),
            None => Err(future),
        };
        if let Err(future) = added {
            contents.end_block();
            contents.open = Some(Block::new(id, errand, arguments, future));
        }
        Ok((id, contents.attended))
    }

    /// Returns a number that no other work item has.
    pub(super) fn next_id(&self) -> u64 {
        let mut contents = self.lock();
        contents.next_id += 1;
        contents.next_id - 1
    }

    /// Takes everything, in order of submission.
    pub(super) fn take(&self) -> Vec<Slice> {
        let mut contents = self.lock();
        contents.end_block();
        std::mem::take(&mut contents.full)
    }

    /// Says whether somebody will come. False when there is something that nobody would come for:
    /// then nothing is changed.
    #[must_use = "something is left in the inbox"]
    pub(super) fn attend(&self, attended: bool) -> bool {
        let mut contents = self.lock();
        if !attended && (contents.open.is_some() || !contents.full.is_empty()) {
            return false;
        }
        contents.attended = attended;
        true
    }

    /// Takes no more calls; the first reason stays, unless a later one is that the pool broke.
    pub(super) fn close(&self, reason: Error) {
        let mut contents = self.lock();
        if matches!(contents.closed, None | Some(Error::Shutdown)) {
            contents.closed = Some(reason);
        }
    }

    /// Why nothing is taken any more, if so.
    pub(super) fn accepts(&self) -> Result<(), Error> {
        self.lock().closed.clone().map_or(Ok(()), Err)
    }

    /// No code of the user runs under this lock, so a poisoned one still holds whole contents.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn end_block(&mut self) {
        if let Some(block) = self.open.take() {
            self.full.push(block.freeze());
        }
    }
}
