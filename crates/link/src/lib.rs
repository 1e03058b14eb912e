//! The private channel between the parent and one worker: a socket and a shared segment.
//!
//! ```text
//!  parent: ParentEnd                    segment                      worker: WorkerEnd
//!  ┌──────────────────┐      ┌──────────────────────────────┐       ┌──────────────────┐
//!  │ send ────────────┼─────▶│ calls ring   Initialize,      │──────▶│ receive          │
//!  │                  │      │    CallItem, Finalize, Exit   │       │   │              │
//!  │ take_back ───────┼─────▶│ claim        next task's index│◀──────┼─ claim           │
//!  │                  │      │                               │       │   ▼              │
//!  │ read ◀───────────┼──────│ results ring ResultItem       │◀──────┼─ send_result     │
//!  │ watch ◀──────────┼──────│ bells        sleepers         │◀──────┼─ (rings)         │
//!  └──────▲───────────┘      └──────────────────────────────┘       └───────┬──────────┘
//!         └───── socket: Hello, Ready, InitializerFailed, Bell, Skipped, ────┘
//!                        Report, last words
//! ```
//!
//! An internal crate of procpool: its interface follows the pool's needs. It owns the two rings, the claim
//! word, the bells, the socket, the frames, and the outbox of frames that wait for room. It knows no pool and no
//! process. A task is an index here, an [`Entry`] numbers, a payload bytes.
//!
//! # Guarantees
//!
//! - A task is run by the worker or taken back by the parent, never both (`claim`).
//! - A result is visible to the parent before the worker claims the next task, so a death leaves at most
//!   one task in doubt.
//! - Neither side sleeps while the other has published something for it (`bell`).
//! - The parent's end never blocks. The worker's end blocks wherever it has to.
//! - Two workers share no link, so a worker that dies or corrupts its memory at any time damages only its own.
//!   The parent validates everything that it reads; a value that no worker writes is [`Scribbled`].
//! - A peer cannot make the other side use more memory than about twice the bytes that it really sent.
//!
//! The module `draft` shows the results of a chunk before the chunk has ended. The headers of `claim`, `bell`
//! and `draft` list their interleavings; loom runs the shipped rings, claims and bells in all of them
//! (`just loom`).

#![deny(unsafe_code)]

mod bell;
mod claim;
mod clock;
mod draft;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(all(loom, test))]
mod model;
mod parent;
mod relay;
mod ring;
mod socket;
#[expect(unsafe_code, reason = "the fence: everything unsafe is in this module")]
mod sys;
mod wire;
mod worker;

use std::sync::atomic::AtomicU32;

use procpool_os::model::planted;
use procpool_os::poller::current_cpu;
use procpool_os::refused::Refused;

use crate::bell::Bells;
use crate::ring::Region;
use crate::sys::segment::Segment;

pub use crate::draft::Draft;
pub use crate::parent::{ParentEnd, Receipt, Watch, WorkerDescriptors};
pub use crate::ring::Scribbled;
pub use crate::socket::Socket;
pub use crate::wire::{
    Entry, Frame, FrameReader, Head, Hello, Malformed, Payload, Progress, Received, ResultStatus,
    SMALL, Source, VERSION,
};
pub use crate::worker::{GONE, TaskLink, WorkerEnd};

#[cfg(loom)]
use loom::sync::atomic::{Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{Ordering, fence};

/// The size of each ring. Bytes that a side overwrites should have left the other side's private cache,
/// which holds about this much on today's processors. Half of it halves the speed of long payloads; twice as
/// much only adds memory, all of which a busy worker uses sooner or later.
const RING: usize = 1024 * 1024;

/// The bytes of a segment behind its lines.
const SEGMENT: usize = 2 * RING;

const CALLS: Region = Region { offset: 0, capacity: RING, tail: 0, head: 1 };
const RESULTS: Region = Region { offset: RING, capacity: RING, tail: 2, head: 3 };
/// Number: the index of the next task that the worker may claim.
const CLAIM: usize = 4;
const BELLS: Bells = Bells { worker: 5, parent: 6, room: 7 };
/// Number: the total time of the worker's finished tasks, in nanoseconds.
const BUSY: usize = 8;
/// Number: one more than the index of the last task whose result was published.
const FINISHED: usize = 9;
/// Number: the CPU on which each side last waited, counted from 1; see [`Placement`].
const WORKER_CPU: usize = 10;
const PARENT_CPU: usize = 11;

/// Number: whether the worker should sleep at once when it is idle, because other workers need its CPU.
const CROWDED: usize = 12;
/// Number: the start of the task that was claimed last, in nanoseconds of the monotonic clock.
const STARTED: usize = 13;
/// Number: one more than the index of the task that should stop. Word: whether the worker asks to be replaced.
const STOP: usize = 14;
/// Number: the position in the results ring up to which whole items are written, published or not. Word: how
/// many items have finished beyond that. See [`draft`].
const DRAFT: usize = 15;

/// Number: how many reports the worker has sent. Word: how many of them the program has handled.
const REPORTS: usize = 17;

/// Number: the refusal of the system that makes the worker exit; see [`Refused`].
const REFUSED: usize = 16;

/// Detects that both sides wait on the same CPU.
///
/// Two threads that poll, and yield to each other in between, never sleep. The scheduler then leaves both on
/// one CPU although another one is idle, and their work takes twice as long. A thread that wakes from sleep
/// gets an idle CPU. So of the waits on the same CPU, one in [`SLEEP_EVERY`](Self::SLEEP_EVERY) sleeps at
/// once.
#[derive(Debug)]
struct Placement {
    own: usize,
    other: usize,
    waits: AtomicU32,
}

impl Placement {
    /// More leaves both sides on one CPU for longer; less sleeps more often if there is only one CPU.
    const SLEEP_EVERY: u32 = 16;

    fn new(own: usize, other: usize) -> Self {
        Self { own, other, waits: AtomicU32::new(0) }
    }

    /// Records the calling thread's CPU. Returns whether the thread should sleep at once instead of polling.
    fn should_sleep(&self, segment: &Segment) -> bool {
        let cpu = current_cpu();
        // All Relaxed: these are only hints.
        segment.line(self.own).number.store(cpu, Ordering::Relaxed);
        cpu != 0
            && segment.line(self.other).number.load(Ordering::Relaxed) == cpu
            && self.waits.fetch_add(1, Ordering::Relaxed).is_multiple_of(Self::SLEEP_EVERY)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    /// Calls `test` in a thread that stays on one CPU, with the result of `current_cpu` there.
    fn on_one_cpu(test: impl FnOnce(u64) + Send) {
        let this = Pid::from_raw(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let usable = sched_getaffinity(this).unwrap();
                let cpu = (0..CpuSet::count()).find(|cpu| usable.is_set(*cpu) == Ok(true)).unwrap();
                let mut one = CpuSet::new();
                one.set(cpu).unwrap();
                sched_setaffinity(this, &one).unwrap();
                test(cpu as u64 + 1);
            });
        });
    }

    #[test]
    fn one_in_sixteen_waits_on_the_other_sides_cpu_sleeps() {
        on_one_cpu(|cpu| {
            let (segment, _memory) = Segment::create(0).unwrap();
            let parent = Placement::new(PARENT_CPU, WORKER_CPU);
            assert!(!parent.should_sleep(&segment), "the other side has not waited yet");
            let noted = segment.line(PARENT_CPU).number.load(Ordering::Relaxed);
            assert_eq!(noted, cpu, "its CPU, for the other side");

            segment.line(WORKER_CPU).number.store(cpu + 1, Ordering::Relaxed);
            assert!((0..32).all(|_| !parent.should_sleep(&segment)), "they wait on different CPUs");

            segment.line(WORKER_CPU).number.store(cpu, Ordering::Relaxed);
            let sleeps: Vec<bool> = (0..32).map(|_| parent.should_sleep(&segment)).collect();
            let expected: Vec<bool> = (0..32).map(|wait| wait % 16 == 0).collect();
            assert_eq!(sleeps, expected);
        });
    }
}
