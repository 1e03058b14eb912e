//! Where submitters put calls while every worker has enough to do.
//!
//! Owns a lock of its own, held for one push, so that a submitter does not wait while the manager
//! moves hundreds of results under the pool's lock. Knows no workers.
//!
//! The inbox is *attended* while a dispatch is certain to follow: the queue is not empty and every
//! worker is busy, so the next result causes a dispatch, which empties the inbox first. Otherwise
//! the submitter dispatches itself. Both the contents and this flag change under the inbox's lock,
//! so a push is either seen by the dispatch that ends the attendance, or finds it ended:
//!
//! 1. A dispatch takes everything and finds the queue empty.
//! 2. A submitter pushes, sees the inbox attended, and returns.
//! 3. The dispatch ends the attendance and returns. ***The call is stranded.*** What forbids this:
//!    step 3 checks the inbox under the same lock and starts over if it holds anything.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::block::{Arguments, Block, Callee, Slice};
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
    /// Why the inbox accepts no more calls.
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

    /// Adds a call. Returns its number, and whether a dispatch is certain to follow.
    ///
    /// # Errors
    ///
    /// The reason for which the inbox was closed.
    pub(super) fn push(
        &self,
        callee: Callee,
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
            Some(block) => block.add(id, callee, &arguments, future),
            None => Err(future),
        };
        if let Err(future) = added {
            contents.end_block();
            contents.open = Some(Block::new(id, callee, arguments, future));
        }
        Ok((id, contents.attended))
    }

    /// Returns a number that no other work item has.
    pub(super) fn next_id(&self) -> u64 {
        let mut contents = self.lock();
        contents.next_id += 1;
        contents.next_id - 1
    }

    /// Takes all calls, in order of submission.
    pub(super) fn take(&self) -> Vec<Slice> {
        let mut contents = self.lock();
        contents.end_block();
        std::mem::take(&mut contents.full)
    }

    /// Sets whether the inbox is attended. Returns `false` and changes nothing if it would leave
    /// calls in an unattended inbox.
    #[must_use = "something is left in the inbox"]
    pub(super) fn attend(&self, attended: bool) -> bool {
        let mut contents = self.lock();
        if !attended && (contents.open.is_some() || !contents.full.is_empty()) {
            return false;
        }
        contents.attended = attended;
        true
    }

    /// Accepts no more calls. The first reason stays, unless a later one is that the pool broke.
    pub(super) fn close(&self, reason: Error) {
        let mut contents = self.lock();
        if matches!(contents.closed, None | Some(Error::Shutdown)) {
            contents.closed = Some(reason);
        }
    }

    /// Fails with the reason for which the inbox was closed, if it was.
    pub(super) fn accepts(&self) -> Result<(), Error> {
        self.lock().closed.clone().map_or(Ok(()), Err)
    }

    /// No user code runs under this lock, so a poisoned one still guards whole contents.
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
