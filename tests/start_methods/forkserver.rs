//! A forkserver that exits, stops answering, or cannot be started.

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{
    Activity, BrokenCause, Builder, Error, Future, ProcessPoolExecutor, StartMethod, WorkerExit,
};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::os::{self, Watched};
use procpool_testkit::pool::{cause_of, cause_reported_by};
use procpool_testkit::watch;

/// A pool with a forkserver, one worker of which is idle and another one of which runs a task.
struct Pair {
    crossing: Crossing,
    executor: ProcessPoolExecutor,
    task: Future<u32>,
    server: Watched,
    idle: Watched,
}

impl Pair {
    fn new(change: fn(Builder) -> Builder) -> Self {
        let crossing = Crossing::new();
        let builder = ProcessPoolExecutor::builder().start_method(StartMethod::Forkserver);
        let executor = change(builder.max_workers(3)).build().unwrap();
        let task = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let who = |()| (std::process::id(), std::os::unix::process::parent_id());
        let (idle, server) = executor.submit(who, ()).result().unwrap();
        let (idle, server) = (Watched::new(idle), Watched::new(server));
        Self { crossing, executor, task, server, idle }
    }
}

fn send(process: &Watched, signal: Signal) {
    kill(Pid::from_raw(process.pid as i32), signal).expect("it is alive");
}

#[test]
fn a_killed_forkserver_is_the_cause_and_its_workers_are_killed() {
    watch::within(watch::HANG, || {
        let pair = Pair::new(|builder| builder);
        send(&pair.server, Signal::SIGKILL);
        let error = pair.task.error().expect("its forkserver is dead");
        let text = error.to_string();
        let expected = BrokenCause::ForkserverDied {
            pid: pair.server.pid,
            exit: WorkerExit::Signal(libc::SIGKILL),
            activity: Activity::Idle,
            refused: None,
            copy: false,
        };
        assert_eq!(cause_of(&error), &expected);
        assert!(text.ends_with("was killed by SIGKILL while idle"), "{text}");
        assert_eq!(cause_reported_by(&pair.executor.submit(|()| (), ())), expected);
        drop(pair.executor);
        assert!(pair.idle.ended_within(Duration::ZERO), "drop waits for the workers");
        assert_eq!(os::process(pair.server.pid), None, "it is reaped");
    });
}

#[test]
fn a_death_is_reported_if_the_forkserver_does_not_give_the_status() {
    watch::within(watch::HANG, || {
        let pair = Pair::new(|builder| builder);
        send(&pair.server, Signal::SIGSTOP);
        send(&pair.idle, Signal::SIGKILL);
        let cause = cause_reported_by(&pair.task);
        let BrokenCause::WorkerDied(death) = cause else { panic!("{cause}") };
        assert_eq!((death.pid, death.exit), (pair.idle.pid, WorkerExit::Unknown));
    });
}

#[test]
fn a_forkserver_that_does_not_answer_is_killed() {
    watch::within(watch::HANG, || {
        let pair = Pair::new(|builder| builder.start_timeout(Duration::from_secs(2)));
        // So that the next task needs a third worker.
        let second = pair.executor.submit(cross, pair.crossing.places());
        pair.crossing.wait_for(1);
        send(&pair.server, Signal::SIGSTOP);
        let cause = cause_reported_by(&pair.executor.submit(|()| (), ()));
        let BrokenCause::ForkserverTimeout { pid, activity, .. } = cause else { panic!("{cause}") };
        assert_eq!((pid, activity), (pair.server.pid, Activity::Idle));
        assert_eq!(cause_reported_by(&second), cause);
        drop(pair.executor);
        assert_eq!(os::process(pair.server.pid), None, "it is killed and reaped");
    });
}

#[test]
fn a_slow_forkserver_leaves_the_group_of_an_exited_worker_alone() {
    fn start_program((arrived, go): (String, String)) -> (u32, u32) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "exec head -c 1 < \"$1\" > \"$2\"", "program", &go, &arrived]);
        // It outlives this worker, and gets another parent.
        assert!(shell.stderr(Stdio::null()).spawn().is_ok(), "there is a shell");
        (std::process::id(), std::os::unix::process::parent_id())
    }
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let builder = ProcessPoolExecutor::builder().start_method(StartMethod::Forkserver);
        let executor = builder.process_groups(true).max_workers(1).build().unwrap();
        let (worker, server) = executor.submit(start_program, crossing.places()).result().unwrap();
        let (worker, server) = (Watched::new(worker), Watched::new(server));
        send(&server, Signal::SIGSTOP);
        let dropped = thread::spawn(|| drop(executor));
        assert!(worker.ended_within(watch::HANG), "it is asked to leave");
        // The forkserver learns at once that it was asked to, and that it has exited.
        send(&server, Signal::SIGCONT);
        dropped.join().unwrap();
        crossing.let_go(1);
        crossing.wait_for(1);
    });
}

#[test]
fn a_stopped_forkserver_does_not_block_the_drop_of_the_pool() {
    watch::within(watch::HANG, || {
        let pair = Pair::new(|builder| builder);
        pair.crossing.let_go(1);
        pair.task.result().unwrap();
        send(&pair.server, Signal::SIGSTOP);
        drop(pair.executor);
        assert!(pair.idle.ended_within(Duration::ZERO));
        assert_eq!(os::process(pair.server.pid), None);
    });
}

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> libc::c_int;
}

/// Sends every process that this one forks SIGINT from its first instruction on, again and again.
fn interrupt_copies() {
    extern "C" fn interrupt() {
        // SAFETY: zeroes are a value of this struct of numbers and unions of them.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_signo = libc::SIGINT;
        event.sigev_notify = libc::SIGEV_SIGNAL;
        let mut timer: libc::timer_t = std::ptr::null_mut();
        let often = libc::timespec { tv_sec: 0, tv_nsec: 20_000 };
        let often = libc::itimerspec { it_interval: often, it_value: often };
        // SAFETY: both pointers lead to values of this function.
        let made =
            unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) };
        // SAFETY: the timer was made, or the number is none, which is refused; the other pointers lead to
        // a value of this function, or may be null.
        let set = unsafe { libc::timer_settime(timer, 0, &raw const often, std::ptr::null_mut()) };
        assert_eq!((made, set), (0, 0));
    }
    // SAFETY: the handler only makes the two system calls.
    assert_eq!(unsafe { pthread_atfork(None, None, Some(interrupt)) }, 0);
}

#[test]
fn ctrl_c_does_not_end_a_worker_right_after_its_fork() {
    watch::within(watch::HANG, || {
        let builder = ProcessPoolExecutor::builder().start_method(StartMethod::Forkserver);
        let builder = builder.preload(interrupt_copies).max_workers(1).max_tasks_per_child(1);
        let executor = builder.build().unwrap();
        let tasks = [(); 10].map(|()| executor.submit(|()| std::process::id(), ()));
        let workers = tasks.iter().map(Future::result).collect::<Result<HashSet<u32>, _>>();
        assert_eq!(workers.map(|workers| workers.len()), Ok(10));
    });
}

/// Lowers the limit on descriptors of a process, so that it gets no more.
fn take_room_from(process: &Watched) {
    let limit = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
    let pid = process.pid as libc::pid_t;
    let none = std::ptr::null_mut();
    // SAFETY: `limit` is readable, and nothing is written to a null pointer.
    let result = unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, &raw const limit, none) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_forkserver_without_room_leaves_the_work_to_existing_workers() {
    watch::within(watch::HANG, || {
        // Longer than a hang takes, so that only an answer ends a wait.
        let pair = Pair::new(|builder| builder.start_timeout(10 * watch::HANG));
        take_room_from(&pair.server);
        // Both workers are busy, so the third task needs another one, in vain.
        let second = pair.executor.submit(cross, pair.crossing.places());
        pair.crossing.wait_for(1);
        let third = pair.executor.submit(|()| std::process::id(), ());
        pair.crossing.let_go(2);
        let busy = [pair.task.result().unwrap(), second.result().unwrap()];
        assert!(busy.contains(&third.result().unwrap()));
        let descriptors = os::descriptors_of(pair.server.pid).len();
        pair.crossing.let_go(3);
        let more = [(); 3].map(|()| pair.executor.submit(cross, pair.crossing.places()));
        assert!(more.iter().all(|task| busy.contains(&task.result().unwrap())));
        assert_eq!(os::descriptors_of(pair.server.pid).len(), descriptors, "none is lost");
    });
}

#[test]
fn the_forkserver_reports_the_status_of_a_worker_that_dies() {
    watch::within(watch::HANG, || {
        let pair = Pair::new(|builder| builder);
        send(&pair.idle, Signal::SIGTERM);
        let cause = cause_reported_by(&pair.task);
        let BrokenCause::WorkerDied(death) = cause else { panic!("{cause}") };
        assert_eq!((death.pid, death.exit), (pair.idle.pid, WorkerExit::Signal(libc::SIGTERM)));
    });
}

// Behaviours: FORK-04.
#[test]
fn a_forkserver_has_no_descriptor_of_another_pool() {
    watch::within(watch::HANG, || {
        let [first, second] = [Pair::new(|builder| builder), Pair::new(|builder| builder)];
        let sockets = |process: &Watched| {
            let all = os::descriptors_of(process.pid).into_iter().map(|(_, target)| target);
            all.filter(|target| target.starts_with("socket:")).collect::<Vec<String>>()
        };
        let processes = [&first.server, &second.server, &first.idle, &second.idle];
        let mut all: Vec<String> = processes.into_iter().flat_map(sockets).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        for pair in [&first, &second] {
            pair.crossing.let_go(1);
        }
        assert_eq!((all.len(), count), (4, 4), "one each, and no two the same: {all:?}");
    });
}

#[test]
fn a_process_with_threads_is_not_forked() {
    // Beside the test's own thread there is the main one, and perhaps those of other tests.
    let error = ProcessPoolExecutor::builder().start_method(StartMethod::Fork).build().unwrap_err();
    let Error::ForkWithThreads { threads } = error else { panic!("{error:?}") };
    assert!(threads >= 2, "{threads}");
    let text = error.to_string();
    assert!(text.contains(&format!("this one has {threads}")), "{text}");
    assert!(text.contains("use StartMethod::Forkserver"), "{text}");
}

#[test]
fn a_preload_without_a_forkserver_is_refused() {
    let error = ProcessPoolExecutor::builder().preload(|| ()).build().unwrap_err();
    assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
    assert!(error.to_string().contains("choose StartMethod::Forkserver"), "{error}");
}
