//! Other effects of a worker's threads and tasks on its link: they end it while the worker is idle, or
//! write a frame that is only partly valid.

use std::io::Write;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::thread;

use procpool::{BrokenCause, WorkerExit};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::gate;
use procpool_testkit::os::{self, Watched};
use procpool_testkit::task::pid;
use procpool_testkit::watch;

use crate::behaviours::causes::{assert_broken, cause_after, cause_for};
use crate::behaviours::errors::exit;
use crate::behaviours::pools::pool;

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
fn a_frame_longer_than_its_bytes_ends_with_its_worker() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let worker = executor.submit(pid, ()).result().unwrap();
        let promise = |()| {
            // A gibibyte is believed but not allocated: what follows is the end of the process.
            write_to_link(&(1_u64 << 30).to_le_bytes());
            exit(9);
        };
        let cause = cause_for(&executor.submit(promise, ()));
        let BrokenCause::WorkerDied(death) = cause else { panic!("{cause}") };
        assert_eq!((death.pid, death.exit), (worker, WorkerExit::Code(9)));
    });
}
