//! Other effects of a worker's threads and tasks on its link: they end it while the worker is idle, or
//! write a frame that is only partly valid.

use std::io::Write;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use procpool::{BrokenCause, Error, Report, WorkerExit};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::forked::{report_of, split};
use procpool_testkit::gate;
use procpool_testkit::os::{self, Watched};
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::causes::{assert_broken, cause_after, cause_for};
use crate::behaviours::errors::exit;
use crate::behaviours::lives::{replacing_builder, until};
use crate::behaviours::pools::{builder, pool};

/// This worker's end of its link. Left open: the worker continues to use it.
fn link() -> ManuallyDrop<UnixStream> {
    let mut descriptors = os::descriptors_of(std::process::id()).into_iter();
    let is_link = |(number, target): &(i32, String)| *number > 2 && target.starts_with("socket:");
    let (number, _) = descriptors.find(is_link).expect("a worker has a link");
    // SAFETY: the number is that of an open socket, as /proc says. Its owner, the worker's own
    // code, lives as long as the process; this handle is never dropped, so it closes nothing.
    ManuallyDrop::new(unsafe { UnixStream::from_raw_fd(number) })
}

/// Writes `bytes` to the link, between the frames.
fn write_to_link(bytes: &[u8]) {
    (&*link()).write_all(bytes).expect("the parent reads");
}

/// Shuts down this worker's direction of the link, and lives on.
fn close_and_go_on((arrived, go): Places) {
    link().shutdown(Shutdown::Write).expect("it was open");
    gate::give(&arrived);
    gate::take(&go);
}

#[test]
fn an_idle_worker_that_closes_its_link_is_killed_and_named() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let sibling = Crossing::new();
        let executor = pool(2);
        let running = executor.submit(cross, sibling.places());
        sibling.wait_for(1);
        let close_later = |(before, places): (String, Places)| {
            thread::spawn(move || {
                gate::take(&before);
                close_and_go_on(places);
            });
            std::process::id()
        };
        let before = Crossing::new();
        let future = executor.submit(close_later, (before.places().1, crossing.places()));
        let worker = Watched::new(future.result().unwrap());
        let cause = cause_after(&running, || before.let_go(1));
        let what = "closed its link to the pool and went on".to_owned();
        assert_eq!(cause, BrokenCause::Protocol { pid: worker.pid, what });
        assert!(worker.ended_within(watch::HANG));
        assert_broken(&executor, &cause);
    });
}

#[test]
fn zeros_on_the_link_are_reported_as_an_impossible_frame() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let worker = Watched::new(executor.submit(pid, ()).result().unwrap());
        let write_and_stay = |go: String| {
            write_to_link(&[0; 64]);
            gate::take(&go);
        };
        let cause = cause_for(&executor.submit(write_and_stay, crossing.places().1));
        let BrokenCause::Protocol { pid, what } = &cause else { panic!("{cause}") };
        assert!(what.starts_with("sent a frame of 0 bytes"), "{what}");
        assert_eq!(*pid, worker.pid);
        assert!(worker.ended_within(watch::HANG), "it is killed");
        assert_broken(&executor, &cause);
    });
}

#[test]
fn an_empty_frame_behind_a_burst_of_reports_breaks_only_its_worker() {
    watch::within(watch::HANG, || {
        let executor = builder().max_workers(1).on_report(|_: Report<u32>| ()).build().unwrap();
        let worker = executor.submit(pid, ()).result().unwrap();
        let floods = |()| {
            // Reports that are not counted, in one piece with the frame.
            write_to_link(&[report_frame().repeat(200), vec![0; 8]].concat());
            thread::park();
        };
        let cause = cause_for(&executor.submit(floods, ()));
        let BrokenCause::Protocol { pid, what } = &cause else { panic!("{cause}") };
        assert!(what.starts_with("sent a frame of 0 bytes"), "{what}");
        assert_eq!(*pid, worker);
    });
}

#[test]
fn a_frame_longer_than_its_bytes_ends_with_its_worker() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let worker = executor.submit(pid, ()).result().unwrap();
        let promise = |()| {
            // A gibibyte is believed but not allocated: the end of the process follows.
            write_to_link(&(1_u64 << 30).to_le_bytes());
            exit(9);
        };
        let cause = cause_for(&executor.submit(promise, ()));
        let BrokenCause::WorkerDied(death) = cause else { panic!("{cause}") };
        assert_eq!((death.pid, death.exit), (worker, WorkerExit::Code(9)));
    });
}

/// A report as the worker itself would send it.
fn report_frame() -> Vec<u8> {
    let body = [&[12], &u64::MAX.to_le_bytes()[..], b"u32\0\x07"].concat();
    [&(body.len() as u64).to_le_bytes()[..], &body].concat()
}

/// Sends the pool's process reports that are not counted, and dies, while that process is stopped.
fn flood_and_die(pool: i32) {
    let (pool, worker) = (Pid::from_raw(pool), getpid());
    kill(pool, Signal::SIGSTOP).expect("it can be stopped");
    until(|| os::process(pool.as_raw().cast_unsigned()).is_some_and(|it| it.state == 'T'));
    write_to_link(&report_frame().repeat(6_000));
    if split() == 0 {
        until(|| getppid() != worker);
        let _ = kill(pool, Signal::SIGCONT);
        // SAFETY: _exit(2) takes an integer.
        unsafe { nix::libc::_exit(0) }
    }
    exit(3);
}

#[test]
fn reports_are_read_in_turns_of_a_known_length() {
    watch::within(watch::HANG, || {
        // A copy of this program, because it is stopped.
        let report = report_of(|| {
            let handled = Arc::new(AtomicUsize::new(0));
            let theirs = Arc::clone(&handled);
            let hook = move |_: Report<u32>| {
                theirs.fetch_add(1, Ordering::Relaxed);
            };
            let executor = replacing_builder(1, 0).on_report(hook).build().unwrap();
            let future = executor.submit(flood_and_die, std::process::id().cast_signed());
            let died = matches!(future.result(), Err(Error::WorkerDied(_)));
            drop(executor);
            format!("{died} {}", handled.load(Ordering::Relaxed))
        });
        let (died, handled) = report.split_once(' ').expect("two words");
        assert_eq!(died, "true");
        // Its end was found after a few turns: the rest was never read. A forkserver reports the end
        // later, and any number of turns may precede that: there is no bound then.
        let is_spawned = crate::start_method() == "spawn";
        let most: u32 = if is_spawned { 3_000 } else { 6_000 };
        assert!((1..=most).contains(&handled.parse().unwrap()), "{handled}");
    });
}
