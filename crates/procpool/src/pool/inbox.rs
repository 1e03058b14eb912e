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
//! 3. The dispatch ends the attendance and returns. ***The call is stranded.*** The rule against it:
//!    step 3 checks the inbox under the same lock and starts over if it holds anything.
//!
//! The queue may have a capacity. The inbox counts the room that is left: it falls with each push, and
//! a dispatch returns the room of the tasks that it sent to workers or that were cancelled. Calls that
//! find no room wait here, outside of the queue, in their order; while any waits, there is no room. A
//! dispatch that makes room admits them itself, so that no worker waits for a submitter to wake up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use procpool_link::Payload;

use super::block::{Arguments, Block, Callee, Slice};
use super::wakes::Wakes;
use crate::error::Error;
use crate::future::{Body, SharedFuture};

#[derive(Debug)]
pub(super) struct Inbox(Mutex<Contents>);

#[derive(Debug)]
struct Contents {
    full: Vec<Slice>,
    open: Option<Block<Vec<u8>>>,
    next_id: u64,
    /// How many calls more may wait in the queue. Negative if calls were taken back to a full one.
    room: isize,
    /// Calls that wait for room, by id, and what their submitters wait for.
    waiting: VecDeque<(Slice, Arc<SharedFuture>)>,
    attended: bool,
    /// Why the inbox accepts no more calls.
    closed: Option<Error>,
}

/// The treatment of a call that finds the queue full.
pub(crate) enum WhenFull<'a> {
    /// Refuse it.
    Refuse,
    /// Wait until it is in the queue. If this thread asks, refuse it.
    BlockUnless(ThreadId),
    /// Return at once, with a future that settles when it is in the queue, or with the reason why it
    /// never is.
    Wait(&'a mut Option<Arc<SharedFuture>>),
}

impl WhenFull<'_> {
    #[cold]
    fn wait_with(self, call: Slice, mut contents: MutexGuard<'_, Contents>) -> Result<(), Error> {
        let may_not = matches!(&self, Self::BlockUnless(id) if thread::current().id() == *id);
        if may_not || matches!(self, Self::Refuse) {
            return Err(Error::QueueFull);
        }
        let admitted = SharedFuture::new();
        contents.waiting.push_back((call, Arc::clone(&admitted)));
        contents.next_id += 1;
        // The tasks in the queue have a dispatch of their own.
        drop(contents);
        if let Self::Wait(place) = self {
            *place = Some(admitted);
            return Ok(());
        }
        admitted.wait(None);
        admitted.outcome().map(drop)
    }
}

impl Inbox {
    /// Creates the inbox of a pool with room for `capacity` waiting calls, or for any number.
    pub(super) fn new(capacity: Option<usize>) -> Self {
        Self(Mutex::new(Contents {
            full: Vec::new(),
            open: None,
            next_id: 1,
            room: capacity.map_or(isize::MAX, |room| isize::try_from(room).unwrap_or(isize::MAX)),
            waiting: VecDeque::new(),
            attended: false,
            closed: None,
        }))
    }

    /// Adds a call. Returns its number, and whether a dispatch is certain to follow. A call that finds
    /// no room waits for it as `full` says.
    ///
    /// # Errors
    ///
    /// The reason for which the inbox was closed, or that the queue is full.
    pub(super) fn push(
        &self,
        callee: Callee,
        arguments: Arguments<'_>,
        future: Arc<SharedFuture>,
        full: WhenFull<'_>,
    ) -> Result<(u64, bool), Error> {
        let mut contents = self.lock();
        if let Some(error) = &contents.closed {
            return Err(error.clone());
        }
        let id = contents.next_id;
        if contents.room <= 0 {
            let call = Block::new(id, callee, arguments, future).freeze();
            return full.wait_with(call, contents).map(|()| (id, true));
        }
        contents.next_id += 1;
        contents.room -= 1;
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

    /// Removes the call with this id, if it waits for room. Returns whether it did.
    pub(super) fn withdraw(&self, id: u64) -> bool {
        let mut contents = self.lock();
        let index = contents.waiting.binary_search_by_key(&id, |(call, _)| call.id());
        index.is_ok_and(|index| contents.waiting.remove(index).is_some())
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

    /// Adds the room of `freed` calls, and admits calls that wait for room. Then sets whether the inbox
    /// is attended; returns `false` and does not set it if it would leave calls in an unattended inbox.
    #[must_use = "something is left in the inbox"]
    pub(super) fn attend(&self, attended: bool, freed: isize, wakes: &mut Wakes) -> bool {
        let mut contents = self.lock();
        contents.room = contents.room.saturating_add(freed);
        while contents.room > 0
            && let Some((call, admitted)) = contents.waiting.pop_front()
        {
            contents.end_block();
            contents.full.push(call);
            contents.room -= 1;
            wakes.settle(&admitted, Ok(Body::from(Payload::Small(&[]))));
        }
        if !attended && (contents.open.is_some() || !contents.full.is_empty()) {
            return false;
        }
        contents.attended = attended;
        true
    }

    /// Accepts no more calls. The first reason stays, unless a later one is that the pool broke.
    pub(super) fn close(&self, reason: &Error, wakes: &mut Wakes) {
        let mut contents = self.lock();
        if matches!(contents.closed, None | Some(Error::Shutdown)) {
            contents.closed = Some(reason.clone());
        }
        for (_, admitted) in std::mem::take(&mut contents.waiting) {
            wakes.settle(&admitted, Err(Box::new(reason.clone())));
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
