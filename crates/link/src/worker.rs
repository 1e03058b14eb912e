//! The worker's end of a link.
//!
//! Receives and claims tasks, and sends results, each published before the next task is claimed. Blocks
//! wherever it has to; if the parent exits, the kernel kills this process. Once the panic hook or tasks use
//! them, too, socket and segment live as long as the process. A relay's part is in `relay`.

use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;

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
    BELLS, BUSY, CALLS, CLAIM, CROWDED, DRAFT, FINISHED, Ordering, PARENT_CPU, Placement, REFUSED,
    REPORTS, RESULTS, Refused, SEGMENT, STARTED, STOP, Segment, WORKER_CPU,
};

/// The kind of error that reports that the parent has exited.
pub const GONE: io::ErrorKind = io::ErrorKind::BrokenPipe;

/// See the module's header.
#[derive(Debug)]
pub struct WorkerEnd {
    pub(super) socket: Arc<Socket>,
    parent: Pid,
    pub(super) segment: Arc<Segment>,
    pub(super) calls: RingReader,
    pub(super) reader: FrameReader,
    pub(super) results: RingWriter,
    placement: Placement,
    pub(super) clock: TaskClock,
    busy_nanos: u64,
    /// The tasks below this index were reported as skipped.
    skipped: u64,
    /// The last wait for room for which the worker has rung.
    rung_for_room: u64,
    /// The last requested number of results for which it has rung.
    rung_for_results: u64,
}

impl WorkerEnd {
    /// Takes over the worker's end of a link from `parent`.
    ///
    /// # Errors
    ///
    /// `memory` is not a link's segment. Returns the socket, to report that.
    pub fn new(socket: Socket, memory: OwnedFd, parent: Pid) -> Result<Self, Socket> {
        let Some(segment) = Segment::received(memory, SEGMENT) else { return Err(socket) };
        Ok(Self {
            socket: Arc::new(socket),
            parent,
            segment: Arc::new(segment),
            calls: RingReader::new(CALLS),
            reader: FrameReader::default(),
            results: RingWriter::new(RESULTS),
            placement: Placement::new(WORKER_CPU, PARENT_CPU),
            clock: TaskClock::new(),
            busy_nanos: 0,
            skipped: 0,
            rung_for_room: 0,
            rung_for_results: u64::MAX,
        })
    }

    /// Returns the socket, for [`ResultStatus::LastWords`].
    pub fn socket(&self) -> &'static Socket {
        leak(&self.socket)
    }

    /// Sends the parent a frame that is no result.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if the parent has exited; others if the system refuses to send.
    pub fn tell(&self, frame: Frame, payload: &[u8]) -> io::Result<()> {
        let sent = self.socket.send(&frame.head(payload.len()), payload);
        sent.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => GONE.into(),
            _ => {
                let errno = error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
                self.note(Refused::new("sendmsg")(errno)).into()
            }
        })
    }

    /// Records the refusal that makes this process exit. The parent reads it after the exit.
    fn note(&self, refused: Refused) -> Refused {
        // Relaxed: it is read after this process has exited.
        self.segment.line(REFUSED).number.store(refused.to_number(), Ordering::Relaxed);
        refused
    }

    /// Waits for the next frame.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the segment was scribbled over; those of [`tell`](Self::tell).
    #[inline]
    pub fn receive(&mut self) -> io::Result<Received<'_>> {
        while self.fill()? != Progress::Frame {
            self.clock.pause();
            self.wait_for_calls()?;
        }
        Ok(self.reader.frame())
    }

    /// Reads until a frame is complete or the ring is empty; see [`FrameReader::fill`].
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn fill(&mut self) -> io::Result<Progress> {
        let before = self.calls.position();
        let progress = self.reader.fill(&mut RingSource::new(&mut self.calls, &self.segment))?;
        if self.calls.position() != before && self.calls.is_half_empty(&self.segment) {
            let wait = BELLS.room_wanted(&self.segment);
            if wait != 0 && std::mem::replace(&mut self.rung_for_room, wait) != wait {
                self.ring()?;
            }
        }
        Ok(progress)
    }

    fn wait_for_calls(&mut self) -> io::Result<()> {
        // A parent that sends one task after another sends the next one within microseconds.
        let soon = || self.calls.has_more(&self.segment).then_some(());
        // Relaxed: a hint.
        let crowded = self.segment.line(CROWDED).number.load(Ordering::Relaxed) != 0;
        let sleep = crowded || self.placement.should_sleep(&self.segment);
        let limit = if self.reader.is_within_large() { SPIN_WITHIN } else { SPIN };
        if !sleep && spin(limit, soon).is_some() {
            return Ok(());
        }
        if !self.results.is_drained(&self.segment) {
            self.ring()?;
        }
        // A task may have changed this process's user, and the kernel then forgot the request. If a sandbox
        // refuses to repeat it, the request made at the start still holds.
        match self.end_with_parent() {
            Err(error) if error.kind() == GONE => return Err(error),
            _ => {}
        }
        BELLS.sleep_as_worker(&self.segment, || self.calls.has_more(&self.segment));
        Ok(())
    }

    /// Makes sure that this process does not outlive its parent; see [`exit::end_with`].
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if the parent has exited; others if the system refuses the request.
    pub fn end_with_parent(&self) -> io::Result<()> {
        if exit::end_with(self.parent)? { Ok(()) } else { Err(GONE.into()) }
    }

    /// Keeps memory for the next long arguments; see [`FrameReader::reuse`].
    pub fn reuse(&mut self, memory: Vec<u8>) {
        self.reader.reuse(memory);
    }

    /// Claims task `index`. Returns `false` if it was taken back, and reports that once for all tasks that were
    /// taken back with it.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the segment was scribbled over; those of the socket.
    #[inline]
    pub fn claim(&mut self, index: u64) -> io::Result<bool> {
        // A worker that asked to be replaced starts nothing more, and makes the parent look.
        if self.segment.line(STOP).word.load(Ordering::Relaxed) != 0 {
            return self.ring().map(|()| false);
        }
        if index < self.skipped {
            return Ok(false);
        }
        // Before the claim, which makes it visible. Relaxed: the claim is a release.
        self.segment.line(STARTED).number.store(self.clock.start(), Ordering::Relaxed);
        let Some(to) = claim::claim(&self.segment, CLAIM, index)? else { return Ok(true) };
        self.skipped = to;
        self.tell(Frame::Skipped { from: index, to }, &[])?;
        Ok(false)
    }

    /// Returns the part of the link that tasks use.
    pub fn task_link(&self) -> TaskLink {
        let (socket, segment) = (leak(&self.socket), leak(&self.segment));
        TaskLink { socket, segment, home: Lineage::current() }
    }

    /// Returns a draft for results, without room.
    pub fn draft(&self) -> Draft {
        Draft::new(leak(&self.segment))
    }

    /// Begins the draft of a result, for a task with `arguments` bytes of arguments.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the segment was scribbled over.
    #[inline]
    pub fn begin_draft(&mut self, draft: &mut Draft, arguments: usize) -> io::Result<()> {
        /// A shorter argument is one item or a few, whose result needs no alignment. More aligns fewer results;
        /// less pads results that gain nothing.
        const MANY: usize = 4096;
        if arguments >= MANY && self.results.room(&self.segment, 2 * 64)? >= 2 * 64 {
            let padding = padding_before(self.results.position(), head_length());
            self.results.put(&self.segment, &padding);
            self.results.publish(&self.segment);
        }
        Ok(draft.begin(&mut self.results)?)
    }

    /// Sends the result of the claimed task `index`: the draft, then `payload`. It may be longer than the ring.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    #[inline]
    pub fn send_result(
        &mut self,
        index: u64,
        status: ResultStatus,
        draft: &Draft,
        payload: &[u8],
    ) -> io::Result<()> {
        let nanos = self.clock.lap();
        self.note_busy(nanos);
        let drafted = draft.length();
        if drafted > 0 {
            let drafted_status = if payload.is_empty() { status } else { ResultStatus::Part };
            let head = Frame::ResultItem { index, status: drafted_status }.head(drafted);
            self.results.put(&self.segment, &head);
            self.results.skip(drafted);
            self.results.publish(&self.segment);
        }
        let head = Frame::ResultItem { index, status }.head(payload.len());
        let total = head.len() + payload.len();
        if drafted > 0 && payload.is_empty() {
            // The draft was the whole result.
        } else if payload.len() <= SMALL && self.results.room(&self.segment, total)? >= total {
            self.results.put(&self.segment, &head);
            self.results.put(&self.segment, payload);
            self.results.publish(&self.segment);
        } else {
            self.stream(&padding_before(self.results.position(), head.len()))?;
            self.stream(&head)?;
            self.stream(payload)?;
            self.clock.pause();
        }
        if draft.undrafted > 0 {
            self.segment.line(DRAFT).word.store(0, Ordering::Release);
        }
        self.finish(index)
    }

    /// Counts the time of a finished task.
    pub(super) fn note_busy(&mut self, nanos: u64) {
        self.busy_nanos = self.busy_nanos.wrapping_add(nanos);
        self.segment.line(BUSY).number.store(self.busy_nanos, Ordering::Relaxed);
    }

    /// Announces the result of task `index`, which was published.
    pub(super) fn finish(&mut self, index: u64) -> io::Result<()> {
        self.segment.line(FINISHED).number.store(index + 1, Ordering::Release);
        // Once for each requested number: until the parent has read, more bells are useless.
        match BELLS.due(&self.segment, index + 1) {
            Some(from) if std::mem::replace(&mut self.rung_for_results, from) != from => {
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
            if self.results.room(&self.segment, wanted)? < wanted {
                self.ring()?;
                let (results, segment) = (&mut self.results, &self.segment);
                let mut has_room =
                    || !matches!(results.room(segment, wanted), Ok(room) if room < wanted);
                let sleep = self.placement.should_sleep(segment);
                if sleep || spin(SPIN_WITHIN, || has_room().then_some(())).is_none() {
                    BELLS.sleep_as_worker(segment, has_room);
                }
                continue;
            }
            let (piece, rest) = bytes.split_at(wanted);
            self.results.put(&self.segment, piece);
            self.results.publish(&self.segment);
            bytes = rest;
        }
        Ok(())
    }

    /// Announces to the parent that the segment holds something for it.
    pub(super) fn ring(&self) -> io::Result<()> {
        if BELLS.ring(&self.segment) { self.tell(Frame::Bell, &[]) } else { Ok(()) }
    }
}

/// For what is needed until the process ends.
fn leak<T>(shared: &Arc<T>) -> &'static T {
    Box::leak(Box::new(Arc::clone(shared)))
}

/// How many reports of a worker may wait to be handled. More holds more memory of a program that handles
/// them slowly; fewer makes tasks wait sooner.
const UNHANDLED: i32 = 1000;

/// The part of a link that tasks use. Usable by any thread of the worker process; a copy of the process has
/// no segment, sees no request and reports nothing.
#[derive(Debug, Clone, Copy)]
pub struct TaskLink {
    socket: &'static Socket,
    segment: &'static Segment,
    home: Lineage,
}

impl TaskLink {
    /// Returns whether the parent asks the task with index `index` to stop.
    pub fn should_stop(self, index: u64) -> bool {
        // Relaxed: the caller polls.
        self.home.is_current()
            && self.segment.line(STOP).number.load(Ordering::Relaxed) == index + 1
    }

    /// Asks the parent to replace this worker after its running task.
    pub fn ask_for_replacement(self) {
        if self.home.is_current() {
            self.segment.line(STOP).word.store(1, Ordering::Release);
        }
    }

    /// Sends a report of the task with index `index`, or of none. Waits while a thousand of the worker's are not handled.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn report(self, index: Option<u64>, payload: &[u8]) -> io::Result<()> {
        if !self.home.is_current() {
            return Ok(());
        }
        let line = self.segment.line(REPORTS);
        loop {
            let handled = line.word.load(Ordering::Acquire);
            // Relaxed: threads that report at the same time may exceed the limit by one each. A report may
            // be handled before it is counted.
            let unhandled = (line.number.load(Ordering::Relaxed) as u32).wrapping_sub(handled);
            if unhandled.cast_signed() < UNHANDLED {
                break;
            }
            line.sleep_while(handled, None);
        }
        let index = index.unwrap_or(u64::MAX);
        self.socket.send(&Frame::Report { index }.head(payload.len()), payload)?;
        // Release, after the frame: a parent that sees the number can read the report.
        line.number.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

/// A ring as a source of frames: bytes that were copied out are released at once.
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
        /// Released in pieces, so that the writer continues while the next piece is copied. More delays the
        /// writer; less releases more often.
        const PIECE: usize = 64 * 1024;
        self.take(limit.min(PIECE), |this, count| this.ring.append(this.segment, count, output))
    }
}
