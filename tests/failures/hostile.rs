//! Tasks that tamper with their worker's link: the pool is broken and says so, nothing hangs, and
//! other pools never notice.

use std::os::fd::RawFd;

use nix::libc;
use procpool::{BrokenCause, WorkerExit};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::{os, watch};

use crate::crossing::pid;
use crate::support::{assert_works, cause_of, pool, prompt_error};

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

/// Writes `bytes` into the middle of the conversation, and stays until it is killed for that.
fn write_to_link(bytes: Vec<u8>) {
    // SAFETY: the pointer and the length are those of `bytes`.
    let written = unsafe { libc::write(link(), bytes.as_ptr().cast(), bytes.len()) };
    assert_eq!(written, bytes.len() as isize);
    loop {
        std::thread::park();
    }
}

/// The words with which the pool blames a worker whose task wrote `bytes`.
fn blame_for(bytes: &[u8]) -> String {
    let (attacked, other) = (pool(2), pool(1));
    assert_works(&other);
    let error = prompt_error(&attacked.submit(write_to_link, bytes.to_vec()));
    let BrokenCause::Protocol { what, .. } = cause_of(&error) else { panic!("{error}") };
    assert_works(&other);
    what.clone()
}

#[test]
fn garbage_on_the_link() {
    watch::within(watch::HANG, || {
        let what = blame_for(b"this is not a frame at all");
        assert!(what.starts_with("sent a frame of ") && what.contains("the limit is"), "{what}");
    });
}

#[test]
fn frames_of_no_kind_or_without_sense() {
    let framed = |body: &[u8]| [&(body.len() as u64).to_le_bytes()[..], body].concat();
    watch::within(watch::HANG, move || {
        assert_eq!(blame_for(&framed(&[99])), "sent a frame of an unknown kind");
        assert_eq!(blame_for(&framed(&[1, 2])), "sent a frame that is too short");
        assert_eq!(blame_for(&framed(&[3, 0])), "sent a frame with bytes left over");
        assert!(blame_for(&framed(&[3])).starts_with("sent a frame out of turn: Ready"));
        // The answer to a work item that it was never given.
        let forged = framed(&[&[6][..], &77_u64.to_le_bytes(), &[0]].concat());
        assert!(blame_for(&forged).starts_with("sent a frame out of turn: ResultItem"));
    });
}

#[test]
fn an_ended_link_of_a_worker_that_goes_on() {
    /// Says nothing more, but lives.
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
fn a_result_needs_no_link_and_arrives_although_it_was_closed() {
    fn close_link((): ()) {
        // SAFETY: close(2) takes an integer. That this steals the descriptor from its owner is
        // the point.
        assert_eq!(unsafe { libc::close(link()) }, 0);
    }
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_eq!(executor.submit(close_link, ()).result(), Ok(()));
        // The worker leaves when it next has to ring; whether it has to, is a matter of timing.
        match executor.submit(pid, ()).result() {
            Ok(_) => {}
            Err(error) => {
                let BrokenCause::WorkerDied(death) = cause_of(&error) else { panic!("{error}") };
                assert_eq!(death.exit, WorkerExit::Code(0));
            }
        }
    });
}

#[test]
fn a_link_that_was_shut_down_is_found_out() {
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
