//! The worker's end of a link.
//!
//! Owns the receiving and claiming of tasks and the sending of results, each published before the
//! next task is claimed. Blocks wherever it has to; what ends that when the parent is gone is the
//! kernel, which kills this process. Socket and segment live as long as the process: the panic hook
//! and tasks use them too, and are never taken down.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::unistd::Pid;
use procpool_os::exit;
use procpool_os::lineage::Lineage;
use procpool_os::poller::{SPIN, SPIN_WITHIN, spin};

use crate::claim;
use crate::clock::TaskClock;
use crate::draft::{Draft, head_length};
use crate::ring::{RingReader, RingWriter};
use crate::socket::Socket;
use crate::sys::memory::advise_large;
use crate::wire::{
    Frame, FrameReader, Progress, Received, ResultStatus, SMALL, Source, padding_before,
};
use crate::{
    BELLS, BUSY, CALLS, CLAIM, CROWDED, FINISHED, Ordering, PARENT_CPU, Placement, REFUSED,
    RESULTS, Refused, SEGMENT, STARTED, STOP, Segment, WORKER_CPU,
};

/// What an error is when the parent is gone.
pub const GONE: io::ErrorKind = io::ErrorKind::BrokenPipe;

/// See the module's header.
#[derive(Debug)]
pub struct ParentLink {
    socket: &'static Socket,
    parent: Pid,
    segment: &'static Segment,
    calls: RingReader,
    reader: FrameReader,
    results: RingWriter,
    placement: Placement,
    clock: TaskClock,
    busy_nanos: u64,
    /// The tasks below this index were reported as skipped.
    skipped: u64,
    /// The last wait for room that was rung for, and the last wish to hear of results.
    rung_for_room: u64,
    rung_for_results: u64,
}

impl ParentLink {
    /// Takes over the worker's end of a link from `parent`.
    ///
    /// # Errors
    ///
    /// `memory` is not a link's segment; the socket is given back, to report that.
    pub fn new(socket: Socket, memory: OwnedFd, parent: Pid) -> Result<Self, Socket> {
        let Some(segment) = Segment::received(memory, SEGMENT) else { return Err(socket) };
        Ok(Self {
            socket: Box::leak(Box::new(socket)),
            parent,
            segment: Box::leak(Box::new(segment)),
            calls: RingReader::new(CALLS),
            reader: FrameReader::new(),
            results: RingWriter::new(RESULTS),
            placement: Placement::new(WORKER_CPU, PARENT_CPU),
            clock: TaskClock::new(),
            busy_nanos: 0,
            skipped: 0,
            rung_for_room: 0,
            rung_for_results: u64::MAX,
        })
    }

    /// Returns the socket, for last words.
    pub fn socket(&self) -> &'static Socket {
        self.socket
    }

    /// Tells the parent something that is no result.
    ///
    /// # Errors
    ///
    /// `BrokenPipe`: the parent is gone; others: the system refuses to send anything.
    pub fn tell(&self, frame: Frame, payload: &[u8]) -> io::Result<()> {
        let mut socket = self.socket;
        let sent = socket.write_all(&[&*frame.head(payload.len()), payload].concat());
        sent.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => GONE.into(),
            _ => {
                let errno = error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
                self.note(Refused::new("sendmsg")(errno)).into()
            }
        })
    }

    /// Leaves word of what ends this process, which the parent finds when it has ended.
    fn note(&self, refused: Refused) -> Refused {
        // Relaxed: it is read when this process has ended.
        self.segment.line(REFUSED).number.store(refused.to_number(), Ordering::Relaxed);
        refused
    }

    /// Waits for the next frame.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the segment was scribbled over; those of [`tell`](Self::tell).
    pub fn receive(&mut self) -> io::Result<Received<'_>> {
        while self.fill()? != Progress::Frame {
            self.clock.pause();
            self.wait_for_calls()?;
        }
        Ok(self.reader.frame())
    }

    fn fill(&mut self) -> io::Result<Progress> {
        let before = self.calls.position();
        let progress = self.reader.fill(&mut RingSource::new(&mut self.calls, self.segment))?;
        if self.calls.position() != before && self.calls.is_half_empty(self.segment) {
            let wait = BELLS.room_wanted(self.segment);
            if wait != 0 && std::mem::replace(&mut self.rung_for_room, wait) != wait {
                self.ring()?;
            }
        }
        Ok(progress)
    }

    fn wait_for_calls(&mut self) -> io::Result<()> {
        // A parent that sends one task after another has the next one ready within microseconds.
        let soon = || self.calls.has_more(self.segment).then_some(());
        // Relaxed: a hint.
        let crowded = self.segment.line(CROWDED).number.load(Ordering::Relaxed) != 0;
        let sleep = crowded || self.placement.should_sleep(self.segment);
        let limit = if self.reader.is_within_large() { SPIN_WITHIN } else { SPIN };
        if !sleep && spin(limit, soon).is_some() {
            return Ok(());
        }
        if !self.results.is_drained(self.segment) {
            self.ring()?;
        }
        // A task may have changed this process's user, and the kernel forgotten. In a sandbox that
        // refuses to say it again, what was said in the beginning holds.
        match self.end_with_parent() {
            Err(error) if error.kind() == GONE => return Err(error),
            _ => {}
        }
        BELLS.sleep_as_worker(self.segment, || self.calls.has_more(self.segment));
        Ok(())
    }

    /// Makes sure that this process does not outlive its parent; see [`exit::end_with`].
    ///
    /// # Errors
    ///
    /// `BrokenPipe`: the parent is gone; others: the system refuses to say.
    pub fn end_with_parent(&self) -> io::Result<()> {
        if exit::end_with(self.parent)? { Ok(()) } else { Err(GONE.into()) }
    }

    /// Keeps memory for the next long arguments; see [`FrameReader::reuse`].
    pub fn reuse(&mut self, memory: Vec<u8>) {
        self.reader.reuse(memory);
    }

    /// Claims task `index`; false when it was taken back, which is reported once for all tasks that
    /// were taken back with it.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the segment was scribbled over; those of the socket.
    pub fn claim(&mut self, index: u64) -> io::Result<bool> {
        if index < self.skipped {
            return Ok(false);
        }
        // Before the claim, which makes it visible. Relaxed: the claim is a release.
        self.segment.line(STARTED).number.store(self.clock.start(), Ordering::Relaxed);
        let Some(to) = claim::claim(self.segment, CLAIM, index)? else { return Ok(true) };
        self.skipped = to;
        self.tell(Frame::Skipped { from: index, to }, &[])?;
        Ok(false)
    }

    /// Whether the parent asks a task to stop.
    pub fn stop_requests(&self) -> StopRequests {
        StopRequests(self.segment, Lineage::current())
    }

    /// Where results are drafted.
    pub fn draft(&self) -> Draft {
        Draft::new(self.segment)
    }

    /// Begins the draft of a result, for a task that has `arguments` bytes of them.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the segment was scribbled over.
    pub fn begin_draft(&mut self, draft: &mut Draft, arguments: usize) -> io::Result<()> {
        /// What has less is one item, or a few, and its result need not be aligned.
        const MANY: usize = 4096;
        if arguments >= MANY && self.results.room(self.segment, 2 * 64)? >= 2 * 64 {
            let padding = padding_before(self.results.position(), head_length());
            self.results.put(self.segment, &padding);
            self.results.publish(self.segment);
        }
        Ok(draft.begin(&mut self.results)?)
    }

    /// Sends the result of the claimed task `index`, which may be longer than the ring: what was
    /// drafted, and `payload` behind it.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn send_result(
        &mut self,
        index: u64,
        status: ResultStatus,
        draft: &Draft,
        payload: &[u8],
    ) -> io::Result<()> {
        let nanos = u64::try_from(self.clock.lap().as_nanos()).unwrap_or(u64::MAX);
        self.busy_nanos = self.busy_nanos.wrapping_add(nanos);
        self.segment.line(BUSY).number.store(self.busy_nanos, Ordering::Relaxed);
        let drafted = draft.length();
        if drafted > 0 {
            let whole = if payload.is_empty() { status } else { ResultStatus::Part };
            let head = Frame::ResultItem { index, status: whole }.head(drafted);
            self.results.put(self.segment, &head);
            self.results.skip(drafted);
            self.results.publish(self.segment);
        }
        let head = Frame::ResultItem { index, status }.head(payload.len());
        let total = head.len() + payload.len();
        if drafted > 0 && payload.is_empty() {
            // That was all.
        } else if payload.len() <= SMALL && self.results.room(self.segment, total)? >= total {
            self.results.put(self.segment, &head);
            self.results.put(self.segment, payload);
            self.results.publish(self.segment);
        } else {
            self.stream(&padding_before(self.results.position(), head.len()))?;
            self.stream(&head)?;
            self.stream(payload)?;
            self.clock.pause();
        }
        self.segment.line(FINISHED).number.store(index + 1, Ordering::Release);
        // Once for each wish: until the parent has come, it need not hear of more.
        match BELLS.due(self.segment, index + 1) {
            Some(wish) if std::mem::replace(&mut self.rung_for_results, wish) != wish => {
                self.ring()
            }
            _ => Ok(()),
        }
    }

    /// Writes bytes piece by piece, as the parent makes room.
    fn stream(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        const PIECE: usize = 64 * 1024;
        while !bytes.is_empty() {
            let wanted = bytes.len().min(PIECE);
            if self.results.room(self.segment, wanted)? < wanted {
                self.ring()?;
                let (results, segment) = (&mut self.results, self.segment);
                let mut has_room =
                    || !matches!(results.room(segment, wanted), Ok(room) if room < wanted);
                let sleep = self.placement.should_sleep(segment);
                if sleep || spin(SPIN_WITHIN, || has_room().then_some(())).is_none() {
                    BELLS.sleep_as_worker(segment, has_room);
                }
                continue;
            }
            let (piece, rest) = bytes.split_at(wanted);
            self.results.put(self.segment, piece);
            self.results.publish(self.segment);
            bytes = rest;
        }
        Ok(())
    }

    /// Tells the parent that there is something for it.
    fn ring(&self) -> io::Result<()> {
        if BELLS.ring(self.segment) { self.tell(Frame::Bell, &[]) } else { Ok(()) }
    }
}

/// Which task is asked to stop, for any thread of the worker: of this process, not of a copy, which
/// has no segment.
#[derive(Debug, Clone, Copy)]
pub struct StopRequests(&'static Segment, Lineage);

impl StopRequests {
    /// Whether it is the one with index `index`.
    pub fn is_for(self, index: u64) -> bool {
        // Relaxed: whoever asks looks again.
        self.1.is_current() && self.0.line(STOP).number.load(Ordering::Relaxed) == index + 1
    }
}

/// A ring as a source of frames: what was copied out of it is released at once.
#[derive(Debug)]
pub(super) struct RingSource<'a> {
    ring: &'a mut RingReader,
    segment: &'a Segment,
}

impl<'a> RingSource<'a> {
    pub(super) fn new(ring: &'a mut RingReader, segment: &'a Segment) -> Self {
        Self { ring, segment }
    }

    fn take(&mut self, limit: usize, copy: impl FnOnce(&mut Self, usize)) -> io::Result<usize> {
        let count = self.ring.available(self.segment)?.min(limit);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        copy(self, count);
        self.ring.release(self.segment);
        Ok(count)
    }
}

impl Read for RingSource<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.take(buffer.len(), |this, count| this.ring.read(this.segment, &mut buffer[..count]))
    }
}

impl Source for RingSource<'_> {
    fn prepare(&self, spare: &mut [MaybeUninit<u8>]) {
        advise_large(spare);
    }

    fn append(&mut self, limit: usize, output: &mut Vec<u8>) -> io::Result<usize> {
        /// Released in pieces, so that the writer goes on while the next one is copied.
        const PIECE: usize = 64 * 1024;
        self.take(limit.min(PIECE), |this, count| this.ring.append(this.segment, count, output))
    }
}
