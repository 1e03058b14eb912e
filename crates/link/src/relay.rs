//! A link whose worker is elsewhere: a relay has the worker's end.
//!
//! Owns what a relay does otherwise than a worker: it passes calls and results on, so it must not block. It
//! sleeps on the socket, to which the parent of a [`relayed`](crate::ParentEnd::relayed) link writes, instead of the word; one
//! thread can then wait for many links and for other descriptors. It claims a call before it passes the call on.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use crate::draft::head_length;
use crate::parent::ParentEnd;
use crate::wire::Received;
use crate::worker::WorkerEnd;
use crate::{BELLS, DRAFT, Ordering, REPORTS, RESULTS, STOP};

impl WorkerEnd {
    /// Takes the frame that [`fill`](Self::fill) announced.
    pub fn frame(&mut self) -> Received<'_> {
        self.reader.frame()
    }

    /// Consumes the wake-ups of a readable socket. Returns `false` at its end: the parent is gone.
    pub fn wake(&self) -> bool {
        matches!((&*self.socket).read(&mut [0; 256]), Ok(1..))
    }

    /// Returns whether to wait for the socket: if the caller `reads` calls, there are none, and if it `puts`
    /// results, there is no room. If there are none, announces the results that the parent has not read.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn may_sleep(&mut self, reads: bool, puts: bool) -> io::Result<bool> {
        let (segment, calls, results) = (&self.segment, &self.calls, &mut self.results);
        let may = BELLS.doze(segment, || {
            (reads && calls.has_more(segment))
                || (puts && !matches!(results.room(segment, 1), Ok(0)))
        });
        // As a worker does before it sleeps: the parent may have asked for bells from a later result on.
        let announces = may && reads && !self.results.is_drained(&self.segment);
        if announces { self.ring().map(|()| may) } else { Ok(may) }
    }

    /// Puts as much as there is room for into the results ring. Returns how many bytes that is.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn put(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.results.room(&self.segment, bytes.len())?.min(bytes.len());
        self.results.put(&self.segment, &bytes[..count]);
        self.results.publish(&self.segment);
        if count < bytes.len() { self.ring().map(|()| count) } else { Ok(count) }
    }

    /// Announces the result of task `index`, which was put and took the worker `nanos`.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn finish_after(&mut self, index: u64, nanos: u64) -> io::Result<()> {
        // The next task begins when it is claimed.
        self.clock.pause();
        self.note_busy(nanos);
        self.finish(index)
    }

    /// Shows the finished items of a chunk whose worker has died: the bytes of the first ones, and how many
    /// more have finished. `None` if nobody knows: then every item of it is in doubt.
    pub fn show_draft(&mut self, draft: Option<(&[u8], u32)>) {
        let start = self.results.position() + head_length() as u64;
        let (bytes, more) = draft.unwrap_or_default();
        RESULTS.pieces(start, bytes.len().min(RESULTS.capacity), |offset, piece| {
            self.segment.write(offset, &bytes[piece]);
        });
        // The parent refuses a draft that is longer than the ring.
        let length = if draft.is_some() { bytes.len() } else { RESULTS.capacity + 1 };
        self.segment.line(DRAFT).word.store(more, Ordering::Release);
        self.segment.line(DRAFT).number.store(start + length as u64, Ordering::Release);
    }

    /// Counts reports that were sent, and returns how many were handled.
    pub fn count_reports(&self, reports: u64) -> u32 {
        let line = self.segment.line(REPORTS);
        line.number.fetch_add(reports, Ordering::Release);
        line.word.load(Ordering::Acquire)
    }

    /// Returns whether the parent asks the task with index `index` to stop.
    pub fn should_stop(&self, index: u64) -> bool {
        self.segment.line(STOP).number.load(Ordering::Relaxed) == index + 1
    }

    /// Asks the parent to replace the worker, which claims nothing more.
    pub fn ask_for_replacement(&self) {
        self.segment.line(STOP).word.store(1, Ordering::Release);
    }
}

impl ParentEnd {
    /// Has the worker's end woken through the socket, too: it is a relay's.
    pub fn relayed(mut self) -> Self {
        self.is_relayed = true;
        self
    }

    /// Wakes the worker if it waits for tasks, or for room for its results.
    pub fn wake_worker(&self) {
        if BELLS.wake_worker(&self.shared.segment) {
            self.wake_relay();
        }
    }

    pub(super) fn wake_relay(&self) {
        if self.is_relayed {
            // If there is no room, it has unread wake-ups. If the other end is closed, the socket says so.
            let _ = (&self.socket).write(&[0]);
        }
    }

    /// Asks the task with index `index` to stop. The task may ignore that.
    pub fn ask_to_stop(&self, index: u64) {
        // Relaxed: the task polls, and nothing else depends on it.
        self.shared.segment.line(STOP).number.store(index + 1, Ordering::Relaxed);
        self.wake_relay();
    }
}

impl AsFd for WorkerEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, ResultStatus, Socket};
    use nix::unistd::getpid;

    #[test]
    fn an_idle_relay_announces_results_that_nobody_asked_to_hear_of_at_once() {
        let (mut parent, ends) = ParentEnd::pair().unwrap();
        parent.ring_from(7);
        let socket = Socket::from(ends.socket);
        let mut relay = WorkerEnd::new(socket, ends.memory, getpid()).unwrap();
        relay.put(&Frame::ResultItem { index: 0, status: ResultStatus::Value }.head(0)).unwrap();
        relay.finish_after(0, 1).unwrap();
        assert!(relay.may_sleep(false, false).unwrap(), "another task runs");
        assert!(matches!(parent.fill_news(true), Ok(crate::Progress::Pending)));
        assert!(relay.may_sleep(true, false).unwrap());
        assert!(matches!(parent.fill_news(true), Ok(crate::Progress::Frame)));
        assert_eq!(parent.news().frame().unwrap(), Frame::Bell);
    }
}
