//! Sleeping on a word in memory, and waking who sleeps there.
//!
//! Owns the two futex(2) calls, in private memory and in memory shared with another process. Knows
//! nothing of what the word means: the kernel compares it and falls asleep in one step, so a change
//! between a look at it and the sleep is never missed.

use std::sync::atomic::AtomicU32;
use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::poll::poll;

/// Who may sleep on a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Threads of this process.
    Private,
    /// Threads of every process that maps it.
    Shared,
}

impl Scope {
    fn flag(self) -> libc::c_int {
        match self {
            Scope::Private => libc::FUTEX_PRIVATE_FLAG,
            Scope::Shared => 0,
        }
    }
}

/// Sleeps while `word` is `expected`, until a wake-up or `deadline`. It may return early.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>, scope: Scope) {
    let limit = deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        libc::timespec {
            tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(left.subsec_nanos() as i32),
        }
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), |limit| &raw const *limit);
    // SAFETY: `word` is valid for the call, which only compares it; `limit` is null or a timespec
    // that lives until the end of this function.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | scope.flag(),
            expected,
            limit,
        )
    };
    match Errno::result(result) {
        // The caller looks again.
        Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ETIMEDOUT) => {}
        // A sandbox refuses the call. If it refuses this one as well, the caller looks all the time.
        Err(_) => drop(poll(&mut [], REFUSED)),
    }
}

/// How long to sleep, in milliseconds, where the system refuses to sleep on a word. Longer answers later;
/// shorter looks more often in vain.
const REFUSED: u8 = 1;

/// Wakes every thread that sleeps on `word`. Returns whether the system has done that, and not refused it.
pub fn wake_all(word: &AtomicU32, scope: Scope) -> bool {
    // SAFETY: `word` is valid for the call, which uses its address only.
    let result = unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | scope.flag(), i32::MAX)
    };
    result >= 0
}
