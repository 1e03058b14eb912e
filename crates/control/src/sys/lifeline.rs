//! A pipe by which one process kills another one that it may not signal, or signals one that is elsewhere.
//!
//! Owns the rule that the kernel kills the holder of the reading end with SIGKILL as soon as that end becomes
//! readable: by a byte, or by the closing of the last writing end. The kernel sends the signal on behalf of
//! the process that requested it, which is the holder itself. So the permissions of the other process do not
//! matter: it may have another user, a filter may refuse it kill(2), or it may itself have been killed.
//!
//! A holder that watches the pipe itself, instead of [`hold`]ing it, receives the numbers of signals as bytes.
//!
//! A lifeline fails for a holder that closes it, as a task may that closes every descriptor. It also fails
//! for one that has changed its user since, unless it was root, and not only root of a user namespace.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::fstat;
use nix::unistd::{getpid, pipe2, write};
use procpool_os::descriptor::above_standard_streams;

/// Selects the signal that the kernel sends (fcntl(2)). Only on Linux, and not in `libc`.
const F_SETSIG: libc::c_int = 10;

/// The writing end. Dropping it kills the holder of the reading end.
#[derive(Debug)]
pub struct Lifeline {
    end: OwnedFd,
    /// The pipe's device and inode.
    identity: (libc::dev_t, libc::ino_t),
}

impl Lifeline {
    /// Makes a lifeline, and the end that the other process has to [`hold`].
    ///
    /// # Errors
    ///
    /// The system's, mostly `EMFILE`.
    pub fn new() -> nix::Result<(Self, OwnedFd)> {
        let (held, ours) = pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let end = above_standard_streams(ours)?;
        let stat = fstat(&end)?;
        let identity = (stat.st_dev, stat.st_ino);
        Ok((Self { end, identity }, above_standard_streams(held)?))
    }

    /// Kills the holder. One that watches the pipe itself receives `signal`.
    pub fn send(&self, signal: Signal) {
        // If the program has closed this descriptor, its number may name another file.
        if !fstat(&self.end).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == self.identity) {
            return;
        }
        // It fails if the holder has exited or has closed its end.
        let _ = write(&self.end, &[signal as u8]);
    }
}

/// The reading end, in the process that it kills. A copy of that process drops it: the lifeline is not its.
#[derive(Debug)]
#[must_use = "it holds as long as it lives"]
pub struct Held {
    _end: OwnedFd,
}

impl Held {
    /// Holds it until the process exits.
    pub fn for_good(self) {
        std::mem::forget(self);
    }
}

/// Has the kernel kill this process as soon as the other end is cut or closed. Exits if it already is.
///
/// If the system refuses that (F_SETSIG, F_SETOWN), the process has no lifeline.
pub fn hold(held: OwnedFd) -> Held {
    let number = held.as_raw_fd();
    let owner = getpid().as_raw();
    // SAFETY: this changes how the kernel treats an open descriptor, which is ours.
    let signal = unsafe { libc::fcntl(number, F_SETSIG, libc::SIGKILL) };
    // SAFETY: as above.
    let owned = unsafe { libc::fcntl(number, libc::F_SETOWN, owner) };
    let asked = Errno::result(signal)
        .and_then(|_| Errno::result(owned))
        .and_then(|_| fcntl(&held, FcntlArg::F_SETFL(OFlag::O_ASYNC)));
    // The kernel does not report what happened before the request.
    let mut source = [PollFd::new(held.as_fd(), PollFlags::POLLIN)];
    if asked.is_ok() && poll(&mut source, PollTimeout::ZERO).is_ok_and(|ready| ready > 0) {
        procpool_os::exit::exit_now(0);
    }
    Held { _end: held }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork, pause};

    /// Returns how a copy of this process ends that holds a lifeline, when `act` is done to the writing end.
    fn end_of_holder(before: bool, act: fn(Lifeline)) -> WaitStatus {
        let (lifeline, held) = Lifeline::new().unwrap();
        let (lifeline, early) =
            if before { (None, Some(lifeline)) } else { (Some(lifeline), None) };
        early.into_iter().for_each(act);
        // SAFETY: the copy makes system calls only, and exits.
        match unsafe { fork() }.expect("a process can be copied") {
            ForkResult::Child => {
                drop(lifeline);
                let _held = hold(held);
                loop {
                    pause();
                }
            }
            ForkResult::Parent { child } => {
                lifeline.into_iter().for_each(act);
                waitpid(child, None).unwrap()
            }
        }
    }

    #[test]
    fn the_holder_dies_when_its_lifeline_is_cut_or_dropped() {
        for act in [|lifeline: Lifeline| lifeline.send(Signal::SIGKILL), drop::<Lifeline>] {
            let late = end_of_holder(false, act);
            // `act` may have come before `hold`.
            assert!(
                matches!(
                    late,
                    WaitStatus::Signaled(_, Signal::SIGKILL, _) | WaitStatus::Exited(_, 0)
                ),
                "{late:?}"
            );
            assert!(matches!(end_of_holder(true, act), WaitStatus::Exited(_, 0)));
        }
    }
}
