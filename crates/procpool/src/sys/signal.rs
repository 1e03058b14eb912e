//! What a worker and the manager thread do about signals.
//!
//! Ctrl-C reaches every process of the terminal's foreground group. The parent answers it as the
//! program decides; a worker must neither die with a message nor pass its indifference on to the
//! programs that tasks start. So a worker *handles* SIGINT, with a handler that does nothing:
//! unlike SIG_IGN, a handler is reset to the default by exec. Between exec and [`adopt_sigint`]
//! the signal is blocked.

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal};
use nix::sys::signal::{sigaction, sigprocmask};

extern "C" fn do_nothing(_: libc::c_int) {}

/// Returns the calling thread's signal mask.
pub(crate) fn current_mask() -> SigSet {
    SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty())
}

/// Returns the mask that a worker starts with: `mask` and SIGINT.
pub(crate) fn with_sigint(mut mask: SigSet) -> SigSet {
    mask.add(Signal::SIGINT);
    mask
}

/// Blocks SIGINT in the calling thread, and returns the mask that it had.
pub(crate) fn block_sigint() -> SigSet {
    let mask = current_mask();
    restore_mask(&with_sigint(mask));
    mask
}

/// Gives the calling thread a mask that it had before.
pub(crate) fn restore_mask(mask: &SigSet) {
    // It can only fail for masks that do not exist.
    let _ = mask.thread_set_mask();
}

/// Blocks every signal in the calling thread, so that handlers of the program never run on it.
pub(crate) fn block_all() {
    let _ = SigSet::all().thread_block();
}

/// Gives the calling thread this mask.
pub(crate) fn set_mask(mask: &SigSet) {
    let _ = mask.thread_set_mask();
}

/// Installs the empty SIGINT handler and lets SIGINT through.
pub(crate) fn adopt_sigint() -> nix::Result<()> {
    let action =
        SigAction::new(SigHandler::Handler(do_nothing), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler touches nothing, so it may run at any instant, on any thread.
    unsafe { sigaction(Signal::SIGINT, &action) }?;
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&interrupt), None)
}

/// Gives every signal that has a handler its default action, as exec does, in a copy of a process:
/// the handlers are the original's. Those for faults stay, because they are Rust's own, which
/// exec'd programs install anew.
pub(crate) fn forget_handlers() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    let faults = [Signal::SIGSEGV, Signal::SIGBUS];
    for signal in Signal::iterator().filter(|signal| !faults.contains(signal)) {
        // SAFETY: the default action runs no code of ours.
        let Ok(previous) = (unsafe { sigaction(signal, &default) }) else { continue };
        if matches!(previous.handler(), SigHandler::SigIgn) {
            // SAFETY: ignoring a signal runs no code of ours.
            let _ = unsafe { sigaction(signal, &previous) };
        }
    }
}

/// Ignores SIGPIPE, as Rust's runtime does before `main`.
pub(crate) fn ignore_sigpipe() -> nix::Result<()> {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { sigaction(Signal::SIGPIPE, &action) }.map(drop)
}
