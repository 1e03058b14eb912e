//! A pipe by which one process ends another one that it may not signal.
//!
//! Owns the rule that the holder of the reading end is killed, by the kernel and with SIGKILL, as soon as
//! anything comes out of it: a byte, or the end, because nobody has the writing end any more. The kernel
//! sends that signal for the process that asked for it, which is the one that it is for. So it does not
//! matter what the other process may do: it may have another user, a filter may refuse it kill(2), and it
//! may have been killed itself.
//!
//! It fails for a holder that closes it, as a task may that closes every descriptor; and for one that
//! has changed its user since, unless it was root, and not root of a user namespace alone.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;
use nix::unistd::{getpid, pipe2, write};
use procpool_os::descriptor::above_standard_streams;

/// Which signal the kernel sends (fcntl(2)); of Linux alone, and not in `libc`.
const F_SETSIG: libc::c_int = 10;

/// The writing end. Dropping it ends the holder of the other one.
#[derive(Debug)]
pub(crate) struct Lifeline {
    end: OwnedFd,
    /// Its device and its inode.
    identity: (libc::dev_t, libc::ino_t),
}

impl Lifeline {
    /// Makes a lifeline, and the end that the other process is to [`hold`].
    ///
    /// # Errors
    ///
    /// The system's, mostly `EMFILE`.
    pub(crate) fn new() -> nix::Result<(Self, OwnedFd)> {
        let (held, ours) = pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let end = above_standard_streams(ours)?;
        let stat = fstat(&end)?;
        let identity = (stat.st_dev, stat.st_ino);
        Ok((Self { end, identity }, above_standard_streams(held)?))
    }

    /// Ends the holder.
    pub(crate) fn cut(&self) {
        // The number may be another file's by now, if the program has closed what is not its own.
        if !fstat(&self.end).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == self.identity) {
            return;
        }
        // It fails when the holder is gone, or has closed it.
        let _ = write(&self.end, &[0]);
    }
}

/// The reading end, in the process that ends by it. A copy of that process drops it: it is not meant.
#[derive(Debug)]
#[must_use = "it holds as long as it lives"]
pub(crate) struct Held {
    _end: OwnedFd,
}

impl Held {
    /// Holds until the process ends.
    pub(crate) fn for_good(self) {
        std::mem::forget(self);
    }
}

/// Makes this process end as soon as the other end is cut or gone, which it may be already.
///
/// A system without that (F_SETSIG, F_SETOWN) leaves the process with what else ends it.
pub(crate) fn hold(held: OwnedFd) -> Held {
    let number = held.as_raw_fd();
    let owner = getpid().as_raw();
    // SAFETY: this changes what the kernel does with an open descriptor, which is ours.
    let signal = unsafe { libc::fcntl(number, F_SETSIG, libc::SIGKILL) };
    // SAFETY: as above.
    let owned = unsafe { libc::fcntl(number, libc::F_SETOWN, owner) };
    let asked = Errno::result(signal)
        .and_then(|_| Errno::result(owned))
        .and_then(|_| fcntl(&held, FcntlArg::F_SETFL(OFlag::O_ASYNC)));
    // What came before that is not reported any more.
    let mut source = [PollFd::new(held.as_fd(), PollFlags::POLLIN)];
    if asked.is_ok() && poll(&mut source, PollTimeout::ZERO).is_ok_and(|ready| ready > 0) {
        procpool_os::exit::exit_now(0);
    }
    Held { _end: held }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork, pause};

    /// How a copy of this process ends that holds a lifeline, and to whose writing end `act` is done.
    fn end_of_holder(before: bool, act: fn(Lifeline)) -> WaitStatus {
        let (lifeline, held) = Lifeline::new().unwrap();
        let (lifeline, early) =
            if before { (None, Some(lifeline)) } else { (Some(lifeline), None) };
        early.into_iter().for_each(act);
        // SAFETY: the copy makes system calls only, and ends.
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
    fn the_holder_ends_when_it_is_cut_or_gone_before_or_later() {
        for act in [|lifeline: Lifeline| lifeline.cut(), drop::<Lifeline>] {
            let late = end_of_holder(false, act);
            // It may have been a moment sooner.
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
