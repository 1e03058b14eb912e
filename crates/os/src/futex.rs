//! Sleeping on a word in memory, and waking its sleepers.
//!
//! Owns the two futex(2) calls, for private memory and for memory shared with another process. Knows
//! nothing of the word's meaning. The kernel compares the word and puts the thread to sleep in one step, so
//! a change between a check and the sleep is never missed.

use std::sync::atomic::AtomicU32;
use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::poll::poll;

/// The threads that may sleep on a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Threads of this process.
    Private,
    /// Threads of every process that maps its memory.
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

/// Sleeps while `word` is `expected`, until a wake-up or `deadline`. May return early.
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
        // The caller checks again.
        Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ETIMEDOUT) => {}
        // A sandbox refuses the call. If it refuses poll(2) as well, the caller busy-waits.
        Err(_) => drop(poll(&mut [], REFUSED)),
    }
}

/// How long to sleep, in milliseconds, if the system refuses to sleep on a word. Longer responds later;
/// shorter wakes up more often in vain.
const REFUSED: u8 = 1;

/// Wakes every thread that sleeps on `word`. Returns `false` if the system refuses that.
pub fn wake_all(word: &AtomicU32, scope: Scope) -> bool {
    // SAFETY: `word` is valid for the call, which only uses its address.
    let result = unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | scope.flag(), i32::MAX)
    };
    result >= 0
}
