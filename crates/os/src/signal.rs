//! Signal masks and signal actions of the pool's processes and of the manager thread.
//!
//! Ctrl-C reaches every process of the terminal's foreground group. In the parent the program decides how to
//! handle it. A worker must neither die with a message nor pass an ignored SIGINT on to the programs that
//! tasks start. So a worker *handles* SIGINT, with a handler that does nothing: unlike SIG_IGN, a handler
//! is reset to the default by exec. Between exec and [`adopt_sigint`] the signal is blocked; a forked worker
//! has its forkserver's handler until then.
//!
//! A forkserver runs no task, so no signal for the program may kill it. It handles every signal that would,
//! with the same handler, and its workers have the default actions again ([`shield`], [`lay_down_shield`]).
//! Signals that stop a process keep their actions: a terminal stops all processes of a program together.

use std::mem::MaybeUninit;

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal};
use nix::sys::signal::{sigaction, sigprocmask};

use super::refused::Refused;

extern "C" fn do_nothing(_: libc::c_int) {}

/// Returns the calling thread's signal mask.
pub fn current_mask() -> SigSet {
    SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty())
}

/// Returns the mask that a worker starts with: `mask` and SIGINT.
pub fn with_sigint(mut mask: SigSet) -> SigSet {
    mask.add(Signal::SIGINT);
    mask
}

/// Blocks every signal in the calling thread, so that the program's handlers never run on it. Returns
/// its previous mask.
pub fn block_all() -> SigSet {
    let mask = current_mask();
    set_mask(&SigSet::all());
    mask
}

/// Sets the calling thread's mask.
pub fn set_mask(mask: &SigSet) {
    // It fails only for masks that do not exist.
    let _ = mask.thread_set_mask();
}

/// The numbers that a signal can have.
const NUMBERS: std::ops::RangeInclusive<libc::c_int> = 1..=64;

/// Returns `mask` as bits, signal 1 the lowest.
pub fn bits_of(mask: &SigSet) -> u64 {
    let is_member = |number: &libc::c_int| {
        // SAFETY: sigismember(3) reads the set, which is valid.
        let is_member = unsafe { libc::sigismember(mask.as_ref(), *number) };
        is_member == 1
    };
    NUMBERS.filter(is_member).fold(0, |bits, number| bits | 1 << (number - 1))
}

/// The inverse of [`bits_of`].
pub fn mask_of(bits: u64) -> SigSet {
    let mut set = *SigSet::empty().as_ref();
    for number in NUMBERS.filter(|number| bits & 1 << (number - 1) != 0) {
        // SAFETY: sigaddset(3) writes to the set, which is valid; it refuses numbers that are no signal.
        unsafe { libc::sigaddset(&raw mut set, number) };
    }
    // SAFETY: sigemptyset(3) has initialized the set.
    unsafe { SigSet::from_sigset_t_unchecked(set) }
}

/// Signals by which the kernel reports faults: after a handler that does nothing the fault repeats.
const FAULTS: [libc::c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

/// Signals whose default action stops or continues a process, or does nothing.
const HARMLESS: [libc::c_int; 7] = [
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGWINCH,
];

const DO_NOTHING: extern "C" fn(libc::c_int) = do_nothing;

/// Makes this process immune to signals for the program, as a forkserver has to be: a handler that does
/// nothing handles those that would kill it.
pub fn shield() {
    replace_actions(|number, action| {
        let ends = !FAULTS.contains(&number) && !HARMLESS.contains(&number);
        (action == libc::SIG_DFL && ends).then_some(DO_NOTHING as libc::sighandler_t)
    });
}

/// Undoes [`shield`] in a copy of a forkserver that becomes a worker. Actions that `preload` has set stay.
pub fn lay_down_shield() {
    let is_shield = |action| action == DO_NOTHING as libc::sighandler_t;
    // SIGINT keeps its handler: a worker has the same one, and Ctrl-C may arrive before it adopts that.
    replace_actions(|number, action| {
        (number != libc::SIGINT && is_shield(action)).then_some(libc::SIG_DFL)
    });
}

/// Resets every signal that has a handler to its default action, as exec does, in a copy of a process:
/// the handlers are the original's. Those for SIGSEGV and SIGBUS stay, because they are Rust's own, which
/// programs install again after exec.
pub fn forget_handlers() {
    let kept = [libc::SIGSEGV, libc::SIGBUS];
    replace_actions(|number, action| {
        (action != libc::SIG_IGN && !kept.contains(&number)).then_some(libc::SIG_DFL)
    });
}

/// Ignores SIGPIPE, as Rust's runtime does before `main`.
pub fn ignore_sigpipe() {
    replace_actions(|number, _| (number == libc::SIGPIPE).then_some(libc::SIG_IGN));
}

/// Replaces actions of signals: by the default one, by ignoring, or by [`DO_NOTHING`].
fn replace_actions(
    new_action: impl Fn(libc::c_int, libc::sighandler_t) -> Option<libc::sighandler_t>,
) {
    for number in NUMBERS {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: sigaction(2) writes at most a sigaction, to memory that is one. It refuses SIGKILL,
        // SIGSTOP and the C library's own signals.
        let result = unsafe { libc::sigaction(number, std::ptr::null(), action.as_mut_ptr()) };
        // SAFETY: all-zero bytes are a valid sigaction, and sigaction(2) leaves it valid.
        let mut action = unsafe { action.assume_init() };
        if result == 0
            && let Some(new) = new_action(number, action.sa_sigaction)
        {
            (action.sa_sigaction, action.sa_flags) = (new, libc::SA_RESTART);
            // SAFETY: the default action and ignoring run no code of this process, and `do_nothing`
            // touches nothing, so it may run at any time.
            unsafe { libc::sigaction(number, &raw const action, std::ptr::null_mut()) };
        }
    }
}

/// Installs the empty SIGINT handler and unblocks SIGINT.
///
/// # Errors
///
/// A sandbox refuses one of the calls.
pub fn adopt_sigint() -> Result<(), Refused> {
    let action =
        SigAction::new(SigHandler::Handler(do_nothing), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler touches nothing, so it may run at any time, on any thread.
    unsafe { sigaction(Signal::SIGINT, &action) }.map_err(Refused::new("sigaction"))?;
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&interrupt), None)
        .map_err(Refused::new("sigprocmask"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_survives_the_round_trip_through_bits() {
        assert_eq!(bits_of(&SigSet::empty()), 0);
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGHUP);
        mask.add(Signal::SIGTERM);
        assert_eq!((bits_of(&mask), mask_of(bits_of(&mask))), (1 << 14 | 1, mask));
        let realtime = 1 << 39 | 1 << 63;
        assert_eq!(bits_of(&mask_of(realtime)), realtime);
    }
}
