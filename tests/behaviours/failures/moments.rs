//! A worker ends at each moment of its life: idle, before it has read its arguments, while it decodes or
//! encodes, right after its result.

use std::process::exit;
use std::thread;

use nix::libc;
use nix::sys::signal::Signal;
use procpool::{Activity, BrokenCause, Future, ProcessPoolExecutor, WorkerExit};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::gate;
use procpool_testkit::os::{Watched, signal};
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::memory;
use crate::behaviours::causes::{assert_broken, cause_after, cause_for};
use crate::behaviours::pools::pool;

/// The pid, end and activity of the dead worker.
fn died(cause: &BrokenCause) -> (u32, WorkerExit, Activity) {
    let BrokenCause::WorkerDied(death) = cause else { panic!("{cause}") };
    (death.pid, death.exit, death.activity)
}

/// A pool of two workers, one of which runs a task that stops at the crossing and the other of which has
/// finished one.
struct Pair {
    /// Never opened: the task ends with its worker.
    _crossing: Crossing,
    executor: ProcessPoolExecutor,
    running: Future<u32>,
    busy: Watched,
    done: Future<u32>,
    idle: Watched,
}

impl Pair {
    fn new() -> Self {
        let crossing = Crossing::new();
        let executor = pool(2);
        let says_who = |(arrived, go, who): (String, String, String)| {
            std::fs::write(who, std::process::id().to_string()).expect("the folder is there");
            cross((arrived, go))
        };
        let (arrived, go) = crossing.places();
        let who = crossing.file("busy");
        let running = executor.submit(says_who, (arrived, go, who.clone()));
        crossing.wait_for(1);
        let busy = std::fs::read_to_string(who).unwrap().parse().expect("a number");
        let done = executor.submit(pid, ());
        let idle = done.result().expect("there is a second worker");
        assert_ne!(busy, idle);
        let (busy, idle) = (Watched::new(busy), Watched::new(idle));
        Self { _crossing: crossing, executor, running, busy, done, idle }
    }

    /// Asserts that every unfinished task has failed, and that no worker is left alive.
    fn assert_broken(&self, cause: &BrokenCause) {
        assert_broken(&self.executor, cause);
        assert_eq!(self.done.result(), Ok(self.idle.pid), "it had finished");
        assert!(self.busy.ended_within(watch::HANG) && self.idle.ended_within(watch::HANG));
    }
}

// Behaviours: SUB-05, BRK-06, BRK-16.
#[test]
fn a_worker_killed_while_idle_breaks_the_pool() {
    watch::within(watch::HANG, || {
        let pair = Pair::new();
        let cause = cause_after(&pair.running, || signal(pair.idle.pid, Signal::SIGKILL));
        assert_eq!(
            died(&cause),
            (pair.idle.pid, WorkerExit::Signal(libc::SIGKILL), Activity::Idle),
            "the sibling's task failed for this reason"
        );
        let (text, pid) = (pair.running.error().unwrap().to_string(), pair.idle.pid);
        assert!(
            text.ends_with(&format!("worker {pid} was killed by SIGKILL while idle")),
            "{text}"
        );
        pair.assert_broken(&cause);
    });
}

#[test]
fn a_worker_that_exits_while_idle_breaks_the_pool() {
    watch::within(watch::HANG, || {
        let pair = Pair::new();
        let leave_later = |go: String| {
            thread::spawn(move || {
                gate::take(&go);
                exit(5);
            });
        };
        let later = Crossing::new();
        pair.executor.submit(leave_later, later.places().1).result().unwrap();
        let cause = cause_after(&pair.running, || later.let_go(1));
        assert_eq!(died(&cause), (pair.idle.pid, WorkerExit::Code(5), Activity::Idle));
        pair.assert_broken(&cause);
    });
}

// Behaviours: BRK-04, MAP-21.
#[test]
fn a_death_fails_pending_tasks_and_they_never_run() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let worker = executor.submit(pid, ()).result().unwrap();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let path = crossing.file("ran");
        let write = |path: String| std::fs::write(path, "ran").expect("the folder is there");
        let waiting: Vec<_> = (0..50).map(|_| executor.submit(write, path.clone())).collect();
        let mapped = executor.map(write, vec![path.clone(); 50]);
        let cause = cause_after(&running, || signal(worker, Signal::SIGKILL));
        assert!(waiting.iter().all(|future| cause_for(future) == cause));
        assert!(mapped.map(Result::unwrap_err).all(|error| cause_of(&error) == &cause));
        drop(executor);
        assert!(!std::fs::exists(path).unwrap());
    });
}

// Behaviours: BRK-15.
#[test]
fn a_result_that_was_sent_before_the_death_is_kept() {
    watch::within(watch::HANG, || {
        // A task cannot act after its result was sent, so this one sends it itself.
        let answer_and_die = |()| -> u8 {
            memory::publish_result(&memory::result_frame(0, &[42]));
            kill_self();
            0
        };
        let executor = pool(1);
        let answered = executor.submit(answer_and_die, ());
        let waiting = executor.submit(pid, ());
        assert_eq!(answered.result(), Ok(42));
        assert_eq!(died(&cause_for(&waiting)).1, WorkerExit::Signal(libc::SIGKILL));
        assert_eq!(answered.result(), Ok(42));
    });
}

#[test]
fn a_worker_killed_before_reading_its_arguments_breaks_the_pool() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let worker = executor.submit(pid, ()).result().unwrap();
        signal(worker, Signal::SIGSTOP);
        // More than the ring holds: the parent is in the middle of sending it.
        let stuck = executor.submit(|bytes: Vec<u8>| bytes.len(), vec![0; 16 << 20]);
        assert!(!stuck.running() && !stuck.done(), "no worker has claimed it");
        let cause = cause_after(&stuck, || signal(worker, Signal::SIGKILL));
        let receiving = Activity::Receiving(2);
        assert_eq!(died(&cause), (worker, WorkerExit::Signal(libc::SIGKILL), receiving));
    });
}

/// Kills the process that encodes or decodes it.
#[derive(Debug)]
struct Deadly;

impl Serialize for Deadly {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        kill_self();
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Deadly {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        kill_self();
        Ok(Self)
    }
}

/// Encoded in the parent as an empty value; decoded in the worker, where it kills.
#[derive(Debug, Deserialize)]
struct DeadlyArgument(Deadly);

impl Serialize for DeadlyArgument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("DeadlyArgument", &())
    }
}

#[test]
fn a_worker_that_dies_while_decoding_or_encoding_breaks_the_pool() {
    watch::within(watch::HANG, || {
        let killed = WorkerExit::Signal(libc::SIGKILL);
        let executor = pool(1);
        let decoding = executor.submit(|_: DeadlyArgument| (), DeadlyArgument(Deadly));
        let (_, exit, activity) = died(&cause_for(&decoding));
        assert_eq!((exit, activity), (killed, Activity::Running(1)));
        let executor = pool(1);
        let encoding = executor.submit(|()| Deadly, ());
        let (_, exit, activity) = died(&cause_for(&encoding));
        assert_eq!((exit, activity), (killed, Activity::Running(1)));
    });
}
