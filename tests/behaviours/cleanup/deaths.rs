//! A worker's death is seen at once, even if another process holds its socket or collects its exit status.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, gettid};
use procpool::{Activity, BrokenCause, Error, Future, ProcessPoolExecutor, WorkerExit};
use procpool_testkit::bystander::Bystander;
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::os::{self, Watched};
use procpool_testkit::running::Running;
use procpool_testkit::{program, watch};
use tempfile::TempDir;

/// The time within which a death must be reported. It takes milliseconds; the limit is the promise.
const PROMISE: Duration = Duration::from_secs(1);

#[test]
fn a_status_discarded_by_the_kernel_is_reported_as_unknown() {
    watch::within(watch::HANG, || assert_eq!(exit_of_worker_in("ignored"), "Unknown"));
}

#[test]
fn a_status_collected_by_another_thread_causes_no_hang() {
    watch::within(watch::HANG, || {
        let exit = exit_of_worker_in("elsewhere");
        // Both threads are woken by the same death, and one of them gets the status.
        assert!(["Unknown", "Signal(9)"].contains(&exit.as_str()), "{exit}");
    });
}

/// Runs the program in which a status gets lost, and returns how its worker ended according to it.
fn exit_of_worker_in(mode: &str) -> String {
    let mut command = program::command("clean_reaping");
    let mut program = Running::start(command.arg(mode), crate::start_method());
    let exit = program.line();
    assert_eq!(program.line::<Vec<u32>>(), [0, 2, 4, 6], "another pool works");
    assert_eq!(program.line::<Vec<u32>>(), Vec::<u32>::new(), "no child is left");
    let (status, complaints) = program.end();
    assert!(status.success(), "{status}: {complaints}");
    exit
}

/// Starts a program that inherits the worker's link, reports that, and never ends by itself.
#[expect(clippy::zombie_processes, reason = "the worker is killed, so somebody else reaps it")]
fn give_link_away((folder, started, never): (String, String, String)) {
    for (number, target) in os::descriptors_of(std::process::id()) {
        if target.starts_with("socket:") && number > 2 {
            // SAFETY: it was listed, and only this thread closes descriptors of this process.
            let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
            fcntl(socket, FcntlArg::F_SETFD(FdFlag::empty())).expect("it is open");
        }
    }
    let heir = Command::new("/bin/sh")
        .args(["-c", "read permit < \"$1\"", "heir", &never])
        .stdout(Stdio::null())
        .spawn()
        .expect("there is a shell");
    fs::write(format!("{folder}/heir"), heir.id().to_string()).expect("the folder is there");
    fs::write(format!("{folder}/worker"), std::process::id().to_string()).expect("it is there");
    gate::give(&started);
    gate::take(&never);
}

/// A worker whose link another process holds too, and its task.
struct Shared {
    executor: ProcessPoolExecutor,
    task: Future<()>,
    worker: Watched,
    heir: Bystander,
    _gates: (TempDir, Gate, Gate),
}

impl Shared {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let started = Gate::new(folder.path(), "started");
        let never = Gate::new(folder.path(), "never");
        let executor = crate::builder().max_workers(1).build().unwrap();
        let path = folder.path().to_str().expect("a plain name").to_owned();
        let task = executor.submit(give_link_away, (path, started.path(), never.path()));
        started.take(1, watch::HANG).unwrap();
        let watched = |name| {
            let text = fs::read_to_string(folder.path().join(name)).expect("it was written");
            Watched::new(text.parse().expect("a number"))
        };
        let (worker, heir) = (watched("worker"), Bystander(watched("heir")));
        let links = |pid| {
            let all = os::descriptors_of(pid).into_iter().map(|(_, target)| target);
            all.filter(|target| target.starts_with("socket:")).collect::<Vec<String>>()
        };
        assert!(!links(heir.0.pid).is_empty(), "the link was not inherited");
        assert_eq!(links(heir.0.pid), links(worker.pid), "the link was not inherited");
        Self { executor, task, worker, heir, _gates: (folder, started, never) }
    }

    fn kill_worker(&self) {
        kill(Pid::from_raw(self.worker.pid as i32), Signal::SIGKILL).expect("it is alive");
    }

    fn assert_is_the_death(&self, error: Option<Error>) {
        let Some(Error::BrokenProcessPool(broken)) = error else { panic!("{error:?}") };
        let BrokenCause::WorkerDied(death) = broken.cause() else { panic!("{broken}") };
        assert_eq!(death.pid, self.worker.pid);
        assert_eq!(death.exit, WorkerExit::Signal(libc::SIGKILL));
        assert_eq!(death.activity, Activity::Running(1));
        let heir = &self.heir.0;
        assert!(!heir.ended_within(Duration::ZERO), "the death was seen by the link's end");
    }
}

#[test]
fn the_manager_sees_a_death_if_another_process_holds_the_link() {
    watch::within(watch::HANG, || {
        let shared = Shared::new();
        shared.kill_worker();
        assert!(shared.worker.ended_within(PROMISE), "SIGKILL kills");
        let error = shared.task.result_timeout(PROMISE).err();
        shared.assert_is_the_death(error);
    });
}

#[test]
fn a_waiter_sees_a_death_if_another_process_holds_the_link() {
    watch::within(watch::HANG, || {
        let shared = Shared::new();
        let error = std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            let task = &shared.task;
            let waiter = scope.spawn(move || {
                sender.send(gettid()).expect("the receiver waits");
                task.error()
            });
            wait_until_asleep(receiver.recv().expect("the thread starts"));
            shared.kill_worker();
            waiter.join().expect("it does not panic")
        });
        shared.assert_is_the_death(error);
    });
}

/// Returns when `thread` of this process sleeps in the kernel.
fn wait_until_asleep(thread: Pid) {
    let stat = format!("/proc/self/task/{thread}/stat");
    let asleep = || fs::read_to_string(&stat).expect("it lives").contains(") S ");
    while !asleep() {
        std::thread::yield_now();
    }
}

#[test]
fn a_pool_can_be_dropped_if_another_process_holds_a_link() {
    watch::within(watch::HANG, || {
        let Shared { executor, task, worker, heir, _gates } = Shared::new();
        executor.kill_workers();
        drop(executor);
        assert!(worker.ended_within(Duration::ZERO), "drop waits for the workers");
        assert!(task.done());
        assert!(!heir.0.ended_within(Duration::ZERO), "it is not the pool's to end");
    });
}
