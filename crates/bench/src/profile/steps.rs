//! The steps to which functions belong.
//!
//! Owns the table. A symbol belongs to the first step one of whose words it contains; the rest is "other",
//! which is shown like the others.

use std::collections::BTreeMap;

use super::loads::Done;
use super::perf::{HERTZ, Sample};
use crate::report::profile::{SideProfile, Step};
use crate::statistics::{largest, median};

/// The side that was at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Asking,
    Manager,
    Workers,
}

impl Side {
    pub(super) const ALL: [Self; 3] = [Self::Asking, Self::Manager, Self::Workers];

    fn of(sample: &Sample, parent: u32) -> Self {
        match sample {
            _ if sample.process != parent => Self::Workers,
            _ if sample.thread.starts_with("procpool-manage") => Self::Manager,
            _ => Self::Asking,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Asking => "asking thread",
            Self::Manager => "manager thread",
            Self::Workers => "workers",
        }
    }

    /// The steps in their order.
    fn table(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Asking | Self::Manager => PARENT,
            Self::Workers => WORKER,
        }
    }
}

/// Functions that every part calls.
const KERNEL: &str = "kernel";
const OTHER: &str = "other";
const ALLOCATOR: (&str, &[&str]) =
    ("allocator", &["malloc", "free", "calloc", "realloc", "unlink_chunk", "_int_", "drop_slow"]);
const COPIES: (&str, &[&str]) = ("memcpy", &["memmove", "memcpy", "memset"]);
const CLOCK: (&str, &[&str]) = ("clock", &["clock_gettime", "Instant", "Timespec"]);

const PARENT: &[(&str, &[&str])] = &[
    (
        "encode and submit",
        &[
            "ProcessPoolExecutor<S>::submit",
            "procpool_os::image",
            "procpool_os::code",
            "entry",
            "postcard::ser",
            "Serializer",
            "Serialize",
            "codec::encode",
            "Feeder",
            "Filler",
            "MapOptions",
            "ItemWriter",
        ],
    ),
    (
        "inbox and blocks",
        &["inbox", "manager::Pool::submit", "manager::block", "SharedFuture::new"],
    ),
    (
        "dispatch",
        &[
            "PoolState>::dispatch",
            "feed_workers",
            "with_state",
            "set_bells",
            "take_inbox",
            "VecDeque",
            "PoolState>::give",
            "mutex",
            "forget_what_is_over",
            "is_over",
            "take_chunk",
            "ChunkSource",
            "needed",
            "wants_worker",
            "tell_hunger",
            "PoolState>::start_",
            "Worker::tasks",
            "share",
            "has_backlog",
            "barrier",
        ],
    ),
    (
        "write calls to the ring",
        &[
            "RingWriter",
            "ParentEnd>::send",
            "ParentEnd::send",
            "Frame::head",
            "ParentEnd::publish",
            "send_work",
            "send_calls",
            "wake_worker",
            "ParentEnd::put",
        ],
    ),
    (
        "wait for the worker",
        &[
            "poller::spin",
            "Watch",
            "has_news",
            "sched_yield",
            "futex",
            "advance",
            "start_watch",
            "poll",
            "syscall",
            "epoll",
        ],
    ),
    (
        "read and settle",
        &[
            "read_results",
            "FrameReader",
            "RingSource",
            "RingReader",
            "on_result",
            "finish_front",
            "SharedFuture::finish",
            "Body",
            "Once",
            "look_as_watcher",
            "Frame::decode",
            "Payload",
            "on_events",
            "Wakes",
            "events",
            "io::error",
            "waiter",
            "manager::worker",
        ],
    ),
    (
        "decode the result",
        &[
            "Future<T>",
            "future::Future",
            "postcard::de",
            "Deserializer",
            "map::Map<",
            "codec::decode",
            "future::",
            "from_iter",
        ],
    ),
    ALLOCATOR,
    COPIES,
    CLOCK,
    ("the loop itself", &["procpool_bench"]),
];

const WORKER: &[(&str, &[&str])] = &[
    ("wait for a call", &["poller::spin", "has_more", "sched_yield", "futex", "syscall", "poll"]),
    (
        "read and claim the call",
        &[
            "receive",
            "FrameReader",
            "RingSource",
            "RingReader",
            "Frame::decode",
            "claim",
            "io::error",
            "Payload",
            "is_half_empty",
        ],
    ),
    (
        "decode, run, encode",
        &[
            "task::call",
            "postcard",
            "Serializer",
            "Deserializer",
            "codec",
            "call_once",
            "panics",
            "worker::run",
            "catch",
            "procpool_os::code",
            "resolve",
            "procpool_os::image",
            "chunk",
            "recycle",
        ],
    ),
    ("publish the result", &["send_result", "RingWriter", "Frame::head", "bell", "ring"]),
    ALLOCATOR,
    COPIES,
    ("clock", &["clock_gettime", "Instant", "Timespec", "TaskClock"]),
];

/// Nanoseconds per operation of each step in one round.
#[derive(Debug)]
pub(super) struct Tally(BTreeMap<(Side, &'static str), f64>);

impl Tally {
    pub(super) fn new(done: &Done, samples: &[Sample]) -> Self {
        let mut nanos = BTreeMap::new();
        let each = 1e9 / f64::from(HERTZ) / done.operations as f64;
        for sample in samples {
            let side = Side::of(sample, done.process);
            *nanos.entry((side, step(side, sample))).or_default() += each;
        }
        Self(nanos)
    }
}

fn step(side: Side, sample: &Sample) -> &'static str {
    if sample.in_kernel {
        return KERNEL;
    }
    let shared = [ALLOCATOR, COPIES, CLOCK];
    let mut table = shared.iter().chain(side.table());
    let found = table.find(|(_, words)| words.iter().any(|word| sample.symbol.contains(word)));
    found.map_or(OTHER, |(name, _)| name)
}

/// The steps of a side, by the medians of the rounds. Steps that take no time are left out.
pub(super) fn side(side: Side, rounds: &[&Tally]) -> SideProfile {
    let names = side.table().iter().map(|(name, _)| *name).chain([KERNEL, OTHER]);
    let steps = names.map(|name| {
        let value = |tally: &&Tally| tally.0.get(&(side, name)).copied().unwrap_or_default();
        let values: Vec<f64> = rounds.iter().map(value).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        Step { name: name.to_owned(), nanos: median(&values), low, high: largest(&values) }
    });
    SideProfile {
        name: side.name().to_owned(),
        steps: steps.filter(|step| step.nanos > 0.0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(thread: &str, process: u32, symbol: &str) -> Sample {
        Sample { thread: thread.into(), process, symbol: symbol.into(), in_kernel: false }
    }

    #[test]
    fn a_symbol_belongs_to_a_side_and_a_step() {
        for (thread, process, symbol, expected) in [
            ("bench", 1, "procpool::pool::inbox::Inbox::push", (Side::Asking, "inbox and blocks")),
            ("bench", 1, "procpool_os::poller::spin", (Side::Asking, "wait for the worker")),
            ("bench", 2, "procpool_os::poller::spin", (Side::Workers, "wait for a call")),
            ("procpool-manage", 1, "_int_free", (Side::Manager, "allocator")),
            ("procpool-manage", 1, "something", (Side::Manager, "other")),
        ] {
            let sample = sample(thread, process, symbol);
            let side = Side::of(&sample, 1);
            assert_eq!((side, step(side, &sample)), expected, "{symbol}");
        }
    }

    #[test]
    fn a_step_has_the_median_of_the_rounds() {
        let done = Done { process: 1, operations: 1, nanos: 0.0 };
        let rounds = [1, 9, 2].map(|count| {
            let samples: Vec<Sample> = (0..count).map(|_| sample("bench", 1, "inbox")).collect();
            Tally::new(&done, &samples)
        });
        let side = side(Side::Asking, &rounds.each_ref());
        assert_eq!(side.steps.len(), 1);
        let period = 1e9 / f64::from(HERTZ);
        let step = &side.steps[0];
        for (nanos, samples) in [(step.nanos, 2.0), (step.low, 1.0), (step.high, 9.0)] {
            assert!((nanos / period - samples).abs() < 1e-9, "{step:?}");
        }
    }
}
