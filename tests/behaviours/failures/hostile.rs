//! Tasks that tamper with their worker's link: the pool is broken and reports it, nothing hangs, and other
//! pools are not affected.

use std::os::fd::RawFd;
use std::time::Duration;

use nix::libc;
use procpool::{BrokenCause, DeathPolicy, Error, WorkerExit};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::pool::{assert_works, cause_of};
use procpool_testkit::task::pid;
use procpool_testkit::{os, watch};

use crate::behaviours::errors::prompt_error;
use crate::behaviours::pools::{pool, pool_beside_another};

/// The worker's end of its link: its only socket.
fn link() -> RawFd {
    let open = os::descriptors_of(std::process::id());
    let sockets: Vec<RawFd> = open
        .into_iter()
        .filter(|(number, target)| *number > 2 && target.starts_with("socket:"))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(sockets.len(), 1, "a worker has one socket");
    sockets[0]
}

/// Writes `bytes` between the frames, and stays until it is killed for that.
fn write_to_link(bytes: Vec<u8>) {
    // SAFETY: the pointer and the length are those of `bytes`.
    let written = unsafe { libc::write(link(), bytes.as_ptr().cast(), bytes.len()) };
    assert_eq!(written, bytes.len() as isize);
    loop {
        std::thread::park();
    }
}

/// The pool's complaint about a worker whose task wrote `bytes`.
fn blame_for(bytes: &[u8]) -> String {
    let (attacked, other) = (pool(2), pool_beside_another(1));
    assert_works(&other);
    let error = prompt_error(&attacked.submit(write_to_link, bytes.to_vec()));
    let BrokenCause::Protocol { what, .. } = cause_of(&error) else { panic!("{error}") };
    assert_works(&other);
    what.clone()
}

#[test]
fn garbage_on_the_link_breaks_the_pool() {
    watch::within(watch::HANG, || {
        let what = blame_for(b"this is not a frame at all");
        assert!(what.starts_with("sent a frame of ") && what.contains("the limit is"), "{what}");
    });
}

#[test]
fn impossible_frames_break_the_pool() {
    watch::within(watch::HANG, || {
        let framed = |body: &[u8]| [&(body.len() as u64).to_le_bytes()[..], body].concat();
        assert_eq!(blame_for(&framed(&[99])), "sent a frame of an unknown kind");
        assert_eq!(blame_for(&framed(&[1, 2])), "sent a frame that is too short");
        assert_eq!(blame_for(&framed(&[3, 0])), "sent a frame with bytes left over");
        assert!(blame_for(&framed(&[3])).starts_with("sent a frame out of turn: Ready"));
        // The result of a work item that it was never given.
        let forged = framed(&[&[6][..], &77_u64.to_le_bytes(), &[0]].concat());
        assert!(blame_for(&forged).starts_with("sent a frame out of turn: ResultItem"));
    });
}

#[test]
fn a_link_closed_by_a_live_worker_breaks_the_pool() {
    /// Sends nothing more, but lives.
    fn fall_silent(never: String) {
        // SAFETY: shutdown(2) takes two integers.
        assert_eq!(unsafe { libc::shutdown(link(), libc::SHUT_WR) }, 0);
        gate::take(&never);
    }
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let never = Gate::new(folder.path(), "never");
        let executor = pool(1);
        let error = prompt_error(&executor.submit(fall_silent, never.path()));
        let BrokenCause::Protocol { what, .. } = cause_of(&error) else { panic!("{error}") };
        assert_eq!(what, "closed its link to the pool and went on");
        drop(executor);
    });
}

#[test]
fn a_result_arrives_after_its_worker_closed_the_link() {
    fn close_link((): ()) {
        // SAFETY: close(2) takes an integer. It steals the descriptor from its owner on purpose.
        assert_eq!(unsafe { libc::close(link()) }, 0);
    }
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_eq!(executor.submit(close_link, ()).result(), Ok(()));
        // The worker exits when it next has to ring, and is killed if it stays; which of them happens
        // first, and whether its task was over then, depends on timing.
        let Err(error) = executor.submit(pid, ()).result() else { return };
        match cause_of(&error) {
            BrokenCause::Protocol { .. } => {}
            BrokenCause::WorkerDied(death) => {
                assert_eq!(death.exit, WorkerExit::Code(70));
                assert!(error.to_string().contains("the system refused sendmsg(2): "), "{error}");
            }
            cause => panic!("{cause}"),
        }
    });
}

#[test]
fn a_link_that_was_shut_down_is_detected() {
    fn shut_down(never: String) {
        // SAFETY: shutdown(2) takes two integers.
        assert_eq!(unsafe { libc::shutdown(link(), libc::SHUT_RDWR) }, 0);
        gate::take(&never);
    }
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let never = Gate::new(folder.path(), "never");
        let error = prompt_error(&pool(1).submit(shut_down, never.path()));
        let BrokenCause::Protocol { what, .. } = cause_of(&error) else { panic!("{error}") };
        assert_eq!(what, "closed its link to the pool and went on");
    });
}

/// Tampers with every descriptor but the standard ones, and stays until it is killed.
fn tamper(how: u32) {
    for (number, _) in os::descriptors_of(std::process::id()) {
        let garbage = [0x5a_u8; 64];
        match how {
            _ if number <= 2 => {}
            // SAFETY: the pointer and the length are those of `garbage`.
            0 => drop(unsafe { libc::write(number, garbage.as_ptr().cast(), garbage.len()) }),
            // SAFETY: ftruncate(2) takes two integers.
            1 => drop(unsafe { libc::ftruncate(number, 0) }),
            // SAFETY: close(2) takes an integer. It steals descriptors on purpose.
            _ => drop(unsafe { libc::close(number) }),
        }
    }
    loop {
        std::thread::park();
    }
}

#[test]
fn tampering_with_every_descriptor_costs_one_worker_under_replace() {
    watch::within(watch::HANG, || {
        for how in 0..3 {
            let policy = DeathPolicy::Replace { retries: 0 };
            let builder = crate::builder().max_workers(2).death_policy(policy);
            let executor = builder.grace(Duration::ZERO).build().unwrap();
            let other = pool_beside_another(1);
            assert_works(&other);
            let crossing = Crossing::new();
            let busy = executor.submit(cross, crossing.places());
            crossing.wait_for(1);
            // An operation that a descriptor does not support does no harm: then the limit ends the task.
            let limited = executor.submit_options().time_limit(Duration::from_millis(200));
            let hostile = limited.submit(tamper, how);
            let queued: Vec<_> = (0..10).map(|_| executor.submit(pid, ())).collect();
            let error = hostile.error();
            let is_its_own = matches!(
                error,
                Some(
                    Error::Protocol { .. } | Error::WorkerDied(_) | Error::TimeLimitExceeded { .. }
                )
            );
            assert!(is_its_own, "{how}: {error:?}");
            assert!(queued.iter().all(|future| future.result().is_ok()), "{how}: {queued:?}");
            assert!(busy.running(), "{how}: the other worker has not noticed");
            crossing.let_go(1);
            assert!(busy.result().is_ok(), "{how}");
            assert_works(&other);
        }
    });
}
