//! The parent's end of a link.
//!
//! Sends tasks, keeps frames that the ring has no room for in its outbox, and reads results. Everything
//! except [`Watch`] runs under the pool's lock and never blocks. Frames reach the ring in the order in which
//! they were sent: while the outbox is not empty, every new frame queues up there.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::errno::Errno;
use procpool_os::poller::{SPIN, SPIN_WITHIN, spin};

use crate::claim;
use crate::clock::monotonic_nanos;
use crate::draft::{Pace, head_length};
use crate::ring::{Region, RingReader, RingWriter, Scribbled};
use crate::socket::{self, Socket};
use crate::wire::{Entry, Frame, FrameReader, Head, Progress, Received, SMALL, padding_before};
use crate::worker::RingSource;
use crate::{
    BELLS, BUSY, CALLS, CLAIM, CROWDED, DRAFT, FINISHED, Ordering, PARENT_CPU, Placement, REFUSED,
    REPORTS, RESULTS, Refused, SEGMENT, STARTED, STOP, Segment, WORKER_CPU,
};

/// How many bytes are written before the worker is woken. More wakes it less often; less lets it start
/// copying sooner, while the rest is written.
const SLICE: usize = 64 * 1024;

/// How many bytes one [`publish`](ParentEnd::publish) moves. More holds the pool's lock for longer; less
/// needs more calls.
const TURN: usize = 1 << 20;

/// See the module's header.
#[derive(Debug)]
pub struct ParentEnd {
    pub(super) socket: Socket,
    news: FrameReader,
    pub(super) shared: Arc<Shared>,
    calls: RingWriter,
    results: RingReader,
    reader: FrameReader,
    outbox: VecDeque<Outgoing>,
    /// The number of tasks sent, which is the index of the next one.
    sent: u64,
    /// The claim word as last seen: it only grows.
    claimed: u64,
    pace: Pace,
    /// Whether the worker's end is a relay's, which sleeps on the socket.
    pub(super) is_relayed: bool,
    /// Whether the ring holds bytes that are not published.
    unpublished: bool,
    /// Whether the worker was asked to ring when there is room.
    waits_for_room: bool,
    /// How often it was asked to so far.
    room_waits: u64,
}

/// The part of a link that the parent's threads share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) segment: Segment,
    /// Set if the watcher should return to look at the pool.
    nudged: AtomicBool,
    placement: Placement,
    /// How many reports were handled.
    handled: Mutex<u32>,
}

/// A frame that the ring had no room for; its first `written` bytes are in the ring.
#[derive(Debug)]
struct Outgoing {
    head: Head,
    payload: Bytes,
    written: usize,
}

/// The descriptors of a link that its worker takes over.
#[derive(Debug)]
pub struct WorkerDescriptors {
    /// Becomes a [`Socket`].
    pub socket: OwnedFd,
    /// The segment.
    pub memory: OwnedFd,
}

impl ParentEnd {
    /// Makes a link. Returns the parent's end, and the descriptors that the worker takes over.
    ///
    /// # Errors
    ///
    /// The part that could not be made, and the system's answer.
    pub fn pair() -> Result<(Self, WorkerDescriptors), (&'static str, Errno)> {
        let failed = |what| move |errno| (what, errno);
        let (ours, socket) = socket::pair().map_err(failed("a socket pair"))?;
        let (segment, memory) = Segment::create(SEGMENT).map_err(failed("shared memory"))?;
        Ok((Self::new(ours, segment), WorkerDescriptors { socket, memory }))
    }

    pub(crate) fn new(socket: Socket, segment: Segment) -> Self {
        Self {
            socket,
            news: FrameReader::default(),
            shared: Arc::new(Shared {
                segment,
                nudged: AtomicBool::new(false),
                placement: Placement::new(PARENT_CPU, WORKER_CPU),
                handled: Mutex::new(0),
            }),
            calls: RingWriter::new(CALLS),
            results: RingReader::new(RESULTS),
            reader: FrameReader::default(),
            outbox: VecDeque::new(),
            sent: 0,
            claimed: 0,
            pace: Pace::default(),
            is_relayed: false,
            unpublished: false,
            waits_for_room: false,
            room_waits: 0,
        }
    }

    /// Returns the refusal of the system that made the worker exit, if there was one.
    pub fn refused(&self) -> Option<Refused> {
        // Relaxed: the worker has exited.
        Refused::from_number(self.shared.segment.line(REFUSED).number.load(Ordering::Relaxed))
    }

    /// Sends the next task, whose arguments are a part of `block`. The worker sees it after the next
    /// [`publish`](Self::publish).
    pub fn send_part(
        &mut self,
        entry: Entry,
        block: &Bytes,
        part: std::ops::Range<usize>,
    ) -> Result<(), Scribbled> {
        let head = Frame::CallItem { index: self.sent, entry }.head(part.len());
        self.sent += 1;
        self.put(head, &block[part.clone()], || block.slice(part))
    }

    /// Sends a frame that is no task.
    pub fn send(&mut self, frame: Frame, payload: &Bytes) -> Result<(), Scribbled> {
        self.put(frame.head(payload.len()), payload, || payload.clone())
    }

    fn put(
        &mut self,
        head: Head,
        payload: &[u8],
        keep: impl FnOnce() -> Bytes,
    ) -> Result<(), Scribbled> {
        let segment = &self.shared.segment;
        let total = head.len() + payload.len();
        let fits = payload.len() <= SMALL && self.outbox.is_empty();
        if fits && self.calls.room(segment, total)? >= total {
            self.calls.put(segment, &head);
            self.calls.put(segment, payload);
            self.unpublished = true;
        } else {
            self.outbox.push_back(Outgoing { head, payload: keep(), written: 0 });
        }
        Ok(())
    }

    /// Returns whether a sent frame is not visible to the worker yet.
    pub fn is_behind(&self) -> bool {
        self.unpublished || !self.outbox.is_empty()
    }

    /// Records whether more workers are busy than there are CPUs.
    pub fn set_crowded(&self, crowded: bool) {
        // Relaxed: a hint.
        self.shared.segment.line(CROWDED).number.store(u64::from(crowded), Ordering::Relaxed);
    }

    /// Makes sent frames visible to the worker, and moves frames from the outbox into the ring. Returns whether
    /// there is still room for more of the outbox: then the caller should call again later.
    pub fn publish(&mut self) -> Result<bool, Scribbled> {
        let mut moved = 0;
        loop {
            let slice = self.move_slice()?;
            moved += slice;
            if self.unpublished {
                self.unpublished = false;
                self.calls.publish(&self.shared.segment);
                self.wake_worker();
            }
            if self.outbox.is_empty() {
                if std::mem::take(&mut self.waits_for_room) {
                    BELLS.want_room(&self.shared.segment, 0);
                }
                return Ok(false);
            }
            if slice < SLICE || moved >= TURN {
                // The worker rings when half of the ring becomes free. It may be free already.
                self.room_waits += 1;
                self.waits_for_room = true;
                BELLS.want_room(&self.shared.segment, self.room_waits);
                let half = self.calls.capacity() / 2;
                let has_room = self.calls.room(&self.shared.segment, half)? >= half;
                if !has_room || moved >= TURN {
                    return Ok(has_room);
                }
            }
        }
    }

    /// Moves a slice from the outbox to the ring, if there is room. Returns the number of bytes.
    fn move_slice(&mut self) -> Result<usize, Scribbled> {
        let segment = &self.shared.segment;
        let mut moved = 0;
        while let Some(frame) = self.outbox.front_mut()
            && moved < SLICE
        {
            if frame.written == 0 && frame.payload.len() > SMALL {
                let padding = padding_before(self.calls.position(), frame.head.len());
                if self.calls.room(segment, padding.len())? < padding.len() {
                    break;
                }
                self.calls.put(segment, &padding);
            }
            let rest = match frame.head.get(frame.written..) {
                Some(rest) if !rest.is_empty() => rest,
                _ => &frame.payload[frame.written - frame.head.len()..],
            };
            let wanted = rest.len().min(SLICE);
            let count = self.calls.room(segment, wanted)?.min(wanted);
            if count == 0 && wanted > 0 {
                break;
            }
            self.calls.put(segment, &rest[..count]);
            self.unpublished = true;
            frame.written += count;
            moved += count;
            if frame.written == frame.head.len() + frame.payload.len() {
                self.outbox.pop_front();
            }
        }
        Ok(moved)
    }

    /// Returns the number of tasks sent, which is the index of the next one.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns the index of the first task that the worker has not claimed.
    pub fn first_unclaimed(&mut self) -> Result<u64, Scribbled> {
        self.claimed = claim::claimed(&self.shared.segment, CLAIM, self.claimed..=self.sent)?;
        Ok(self.claimed)
    }

    /// Takes back all tasks that the worker has not claimed. Returns the index of the first one.
    pub fn take_back(&mut self) -> Result<u64, Scribbled> {
        let possible = self.claimed..=self.sent;
        let first = claim::take_back(&self.shared.segment, CLAIM, possible)?;
        self.claimed = self.sent;
        Ok(first)
    }

    /// Returns when the task that was claimed last began, as the worker reports it, but not after `now`.
    ///
    /// The worker writes this before it claims, so after [`first_unclaimed`](Self::first_unclaimed) has shown a claim
    /// this is the start of that task or of a later one.
    pub fn started(&self, now: Instant) -> Instant {
        // Relaxed: the worker stored it before the claim that was seen.
        let started = self.shared.segment.line(STARTED).number.load(Ordering::Relaxed);
        let ago = Duration::from_nanos(monotonic_nanos().saturating_sub(started));
        now.checked_sub(ago).unwrap_or(now)
    }

    /// Reads until a result is complete or the ring is empty; see [`FrameReader::fill`].
    #[inline]
    pub fn fill(&mut self) -> io::Result<Progress> {
        self.reader.fill(&mut RingSource::new(&mut self.results, &self.shared.segment))
    }

    /// Returns whether it is time to read the draft.
    pub fn look_at_draft(&mut self) -> bool {
        // Relaxed: a hint.
        self.pace.look(self.shared.segment.line(DRAFT).number.load(Ordering::Relaxed))
    }

    /// Copies the whole items of the current draft, without the first `shown` bytes. Returns nothing while an
    /// earlier result is unread.
    pub fn draft(&mut self, shown: usize) -> Result<Vec<u8>, Scribbled> {
        let segment = &self.shared.segment;
        let written = segment.line(DRAFT).number.load(Ordering::Acquire);
        let skip = head_length() + shown;
        let drafted = written.saturating_sub(self.results.position() + skip as u64);
        // The tail is loaded after the word: see the header of `draft`.
        let is_behind = self.results.available(segment)? > 0 || self.reader.is_within_large();
        if drafted == 0 || is_behind {
            return Ok(Vec::new());
        }
        if drafted > RESULTS.capacity as u64 {
            return Err(Scribbled);
        }
        let mut items = vec![0; drafted as usize];
        self.results.peek(segment, skip, &mut items);
        Ok(items)
    }

    /// Returns how many items of the running chunk have finished and are not in its draft. The worker may have
    /// made up that number.
    pub fn undrafted(&self) -> usize {
        self.shared.segment.line(DRAFT).word.load(Ordering::Acquire) as usize
    }

    /// Returns whether the worker asks to be replaced. It claims nothing more.
    pub fn wants_replacement(&self) -> bool {
        self.shared.segment.line(STOP).word.load(Ordering::Acquire) != 0
    }

    /// Keeps memory for the next long result; see [`FrameReader::reuse`].
    pub fn reuse(&mut self, memory: Vec<u8>) {
        self.reader.reuse(memory);
    }

    /// Takes the frame that `fill` announced.
    #[inline]
    pub fn frame(&mut self) -> Received<'_> {
        self.reader.frame()
    }

    /// Has the worker announce at once the results from task `index` on. Earlier ones may wait. The caller reads
    /// results afterwards, which may be there already.
    pub fn ring_from(&self, index: u64) {
        BELLS.ring_from(&self.shared.segment, index.saturating_add(1));
    }

    /// Returns whether there are unread results.
    pub fn has_results(&self) -> bool {
        self.results.has_more(&self.shared.segment)
    }

    /// Returns whether part of a long result was read.
    pub fn is_within_result(&self) -> bool {
        self.reader.is_within_large()
    }

    /// Rewrites every word of this side, and wakes the worker. A task may have overwritten the words, and then
    /// the worker may sleep or ring nobody. `from` is the index of [`ring_from`](Self::ring_from).
    pub fn refresh(&mut self, from: u64, is_watched: bool) {
        let segment = &self.shared.segment;
        self.calls.publish(segment);
        self.results.release(segment);
        BELLS.want_room(segment, if self.waits_for_room { self.room_waits } else { 0 });
        self.ring_from(from);
        self.shared.show_handled(0);
        match is_watched {
            true => self.nudge(),
            false => self.end_watch(),
        }
        BELLS.wake_worker_always(segment);
        self.wake_relay();
    }

    /// Returns how many bytes of results were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.results.position()
    }

    /// Returns the total time of the worker's finished tasks, in nanoseconds, as the worker reports it.
    pub fn busy_nanos(&self) -> u64 {
        self.shared.segment.line(BUSY).number.load(Ordering::Relaxed)
    }

    /// Reads from the socket until a frame is complete or the socket is empty. If `reads` is false, finds
    /// only frames that were read before, which the poller does not report; behind a padding, which no worker
    /// sends, it reads.
    pub fn fill_news(&mut self, reads: bool) -> io::Result<Progress> {
        match reads || self.news.has_frame() {
            true => self.news.fill(&mut &self.socket),
            false => Ok(Progress::Pending),
        }
    }

    /// Takes the frame that `fill_news` announced.
    pub fn news(&mut self) -> Received<'_> {
        self.news.frame()
    }

    /// Returns how many reports the worker has sent, as it says. After [`fill`](Self::fill) has found a task's
    /// result, that includes the task's reports, and all of them can be read.
    #[inline]
    pub fn reports_sent(&self) -> u64 {
        self.shared.segment.line(REPORTS).number.load(Ordering::Acquire)
    }

    /// Returns a receipt for a report that was read.
    pub fn receipt(&self) -> Receipt {
        Receipt(Arc::clone(&self.shared))
    }

    /// Makes the calling thread the watcher.
    pub fn watch(&self) -> Watch {
        BELLS.watch(&self.shared.segment);
        Watch(Arc::clone(&self.shared))
    }

    /// Returns how long the watcher should poll before it sleeps.
    pub fn spin_limit(&self) -> Duration {
        if self.outbox.is_empty() && !self.is_within_result() { SPIN } else { SPIN_WITHIN }
    }

    /// Ends the watch. The caller reads results afterwards.
    pub fn end_watch(&self) {
        BELLS.end_watch(&self.shared.segment);
    }

    /// Makes the watcher return to look at the pool.
    pub fn nudge(&self) {
        self.shared.nudged.store(true, Ordering::Release);
        BELLS.wake_watcher(&self.shared.segment);
    }
}

impl AsFd for ParentEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A report that is not handled yet. When it is dropped, the worker may send another one.
#[derive(Debug)]
pub struct Receipt(Arc<Shared>);

impl Drop for Receipt {
    fn drop(&mut self) {
        self.0.show_handled(1);
    }
}

impl Shared {
    /// Shows the worker that so many more reports were handled. The lock keeps an older number from being
    /// stored after a newer one. A copy of this process has no segment.
    fn show_handled(&self, more: u32) {
        if self.segment.is_mapped() {
            let line = self.segment.line(REPORTS);
            let mut handled = self.handled.lock().unwrap_or_else(PoisonError::into_inner);
            *handled = handled.wrapping_add(more);
            line.word.store(*handled, Ordering::Release);
            line.wake_all();
        }
    }
}

/// The watcher's handle: it keeps the segment, not the worker.
#[derive(Debug)]
pub struct Watch(Arc<Shared>);

impl Watch {
    /// Waits until the caller should look at the pool: the requested results are there, or there is room for
    /// more of the outbox, or another thread nudged, or `deadline` passed. May return early. Polls for `limit`
    /// before it sleeps.
    pub fn wait(&self, deadline: Option<Instant>, limit: Option<Duration>) {
        let soon = || self.should_return().then_some(());
        let sleep = self.0.placement.should_sleep(&self.0.segment);
        if sleep || limit.is_none_or(|limit| spin(limit, soon).is_none()) {
            BELLS.sleep_as_watcher(&self.0.segment, deadline, || self.should_return());
        }
    }

    fn should_return(&self) -> bool {
        // Only hints: the pool validates everything that it then reads.
        let segment = &self.0.segment;
        let line = |line| segment.line(line).number.load(Ordering::Acquire);
        let held = |ring: Region| line(ring.tail).wrapping_sub(line(ring.head));
        BELLS.is_reached(segment, line(FINISHED))
            || held(RESULTS) >= SLICE as u64
            || (BELLS.wants_room(segment) != 0 && held(CALLS) <= CALLS.capacity as u64 / 2)
            || self.0.nudged.swap(false, Ordering::Acquire)
    }
}
