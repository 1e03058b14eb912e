//! A full fence between two threads of this process, for which only one of them pays.
//!
//! Owns the choice between membarrier(2) and ordinary fences. Two threads that each write one place
//! and then read the other's need a fence in between, or both may read the old value. If one of
//! them does so for every item of a `map`, and the other only now and then, the frequent one uses
//! [`light`], which only constrains the compiler. The rare one uses [`heavy`], which makes every
//! CPU that runs a thread of this process pass a fence. If that fence comes after the frequent
//! side's write, the rare side sees the write. If it comes before it, it also comes before the
//! frequent side's read, which then sees the rare side's write.

use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

use nix::errno::Errno;
use nix::libc;

const UNKNOWN: u8 = 0;
const ASYMMETRIC: u8 = 1;
const SYMMETRIC: u8 = 2;

/// The kind of fences. Decided before the first fence; a refusal may change it once more.
static KIND: AtomicU8 = AtomicU8::new(UNKNOWN);

fn membarrier(command: libc::c_int) -> nix::Result<()> {
    // SAFETY: membarrier(2) takes three integers and touches no memory.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    Errno::result(result).map(drop)
}

/// Decides the kind of fences. Call it before threads rely on them, on a thread that precedes them
/// all.
pub fn prepare() {
    if KIND.load(Ordering::Relaxed) == UNKNOWN {
        let registered = membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
        // A sandbox may refuse it.
        let kind = if registered.is_ok() { ASYMMETRIC } else { SYMMETRIC };
        KIND.store(kind, Ordering::Relaxed);
    }
}

/// The frequent side's fence, between its write and its read.
#[inline]
pub fn light() {
    match KIND.load(Ordering::Relaxed) {
        ASYMMETRIC => compiler_fence(Ordering::SeqCst),
        _ => fence(Ordering::SeqCst),
    }
}

/// The rare side's fence, between its write and its read. Returns `false` if the system refuses it
/// from now on, as a sandbox does that the process has entered since: then the read may have missed
/// the frequent side's last write. Later fences are ordinary ones.
#[must_use = "a write may have been missed"]
pub fn heavy() -> bool {
    fence(Ordering::SeqCst);
    if KIND.load(Ordering::Relaxed) != ASYMMETRIC {
        return true;
    }
    let passed = membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED).is_ok();
    if !passed {
        KIND.store(SYMMETRIC, Ordering::SeqCst);
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    /// A word alone on its cache line.
    #[derive(Default)]
    #[repr(align(128))]
    struct Word(AtomicU32);

    /// Lets two threads start a round within nanoseconds of each other: any later, and the write of
    /// one is visible everywhere before the other reads.
    fn meet(own: &Word, other: &Word, round: u32) {
        own.0.store(round, Ordering::Release);
        let mut looks = 0_u32;
        while other.0.load(Ordering::Acquire) < round {
            looks += 1;
            // If there is only one CPU, the other thread needs it.
            if looks.is_multiple_of(1_000) {
                std::thread::yield_now()
            } else {
                std::hint::spin_loop()
            }
        }
    }

    /// Writes words that the other thread has written last: the next write has to wait, for
    /// hundreds of nanoseconds, until they have been transferred. Without a fence, a read does not
    /// wait.
    fn delay(words: &[Word], round: u32) {
        words.iter().for_each(|word| word.0.store(round, Ordering::Relaxed));
    }

    #[test]
    fn at_least_one_of_two_threads_sees_the_other() {
        const ROUNDS: u32 = 20_000;
        prepare();
        let [frequent, rare, here, there]: [Word; 4] = Default::default();
        let others: [Word; 16] = Default::default();
        let missed = std::thread::scope(|scope| {
            let seen = scope.spawn(|| {
                let round = |round| {
                    meet(&here, &there, round);
                    delay(&others, round);
                    frequent.0.store(round, Ordering::Relaxed);
                    light();
                    rare.0.load(Ordering::Relaxed) == round
                };
                (1..=ROUNDS).map(round).collect::<Vec<bool>>()
            });
            let round = |round| {
                meet(&there, &here, round);
                rare.0.store(round, Ordering::Relaxed);
                assert!(heavy());
                let seen = frequent.0.load(Ordering::Relaxed) == round;
                delay(&others, round);
                seen
            };
            let theirs = (1..=ROUNDS).map(round).collect::<Vec<bool>>();
            let ours = seen.join().unwrap();
            ours.into_iter().zip(theirs).filter(|pair| *pair == (false, false)).count()
        });
        assert_eq!(missed, 0);
    }
}
