//! Distinguishes the process that made an object from its copies by fork(2).
//!
//! Owns one page of memory that the kernel zeroes in every copy, however the copy is made, so a check is
//! one load and no system call. A child that shares its parent's memory until it executes
//! another program (vfork(2), posix_spawn(3)) counts as its parent. Knows nothing of pools.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use nix::libc;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};

/// The size of the page; the kernel rounds up where its own are larger.
const PAGE: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The mark of this process: its number, or 0 in a copy that has not asked for it yet.
static MARK: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());

/// A process. No ancestor of a process has the same number.
#[derive(Debug, Clone, Copy)]
pub struct Lineage {
    mark: &'static AtomicU64,
    number: u64,
}

impl Lineage {
    /// Returns the calling process.
    pub fn current() -> Self {
        /// A copy continues the count of its original.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mark = mark();
        // All Relaxed: the number guards no other memory.
        let number = match mark.load(Ordering::Relaxed) {
            0 => {
                let next = NEXT.fetch_add(1, Ordering::Relaxed);
                match mark.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => next,
                    Err(earlier) => earlier,
                }
            }
            number => number,
        };
        Self { mark, number }
    }

    /// Returns whether the calling process is this one.
    #[inline]
    pub fn is_current(&self) -> bool {
        self.mark.load(Ordering::Relaxed) == self.number
    }

    /// Exits the calling process silently and at once if it is not this one, but a copy: one that user code
    /// made and that returned from that code.
    #[inline]
    pub fn end_copy(&self) {
        if !self.is_current() {
            crate::exit::exit_now(0);
        }
    }
}

fn mark() -> &'static AtomicU64 {
    let made = MARK.load(Ordering::Acquire);
    // SAFETY: the value stored below is never freed, and was complete before it was stored.
    if let Some(mark) = unsafe { made.as_ref() } {
        return mark;
    }
    let mark = make_mark();
    let ours = std::ptr::from_ref(mark).cast_mut();
    match MARK.compare_exchange(made, ours, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => mark,
        // SAFETY: as above; another thread stored its page first. Ours is left unused.
        Err(theirs) => unsafe { &*theirs },
    }
}

fn make_mark() -> &'static AtomicU64 {
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
    let page = unsafe { mmap_anonymous(None, PAGE, protection, MapFlags::MAP_PRIVATE) };
    if let Ok(page) = page {
        // SAFETY: the page is ours alone, and holds nothing that a copy needs.
        let wiped = unsafe { madvise(page, PAGE.get(), MmapAdvise::MADV_WIPEONFORK) };
        if wiped.is_ok() {
            // SAFETY: the page is zeros, which is a valid atomic number, aligned, and never unmapped.
            return unsafe { page.cast::<AtomicU64>().as_ref() };
        }
    }
    // The kernel lacks that advice: the C library reports copies, except those made by a bare system call.
    static MADE_BY_HAND: AtomicU64 = AtomicU64::new(0);
    extern "C" fn forget() {
        MADE_BY_HAND.store(0, Ordering::Relaxed);
    }
    // SAFETY: the handler only stores to a static atomic, which any thread may do at any time.
    unsafe { libc::pthread_atfork(None, None, Some(forget)) };
    &MADE_BY_HAND
}

/// A value that every process makes for itself. A copy does not use its original's: a thread that the copy
/// lacks may hold a lock in it forever.
#[derive(Debug)]
pub struct PerProcess<T: 'static>(AtomicPtr<(Lineage, T)>);

impl<T: Send + Sync> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync> PerProcess<T> {
    /// Makes one without a value.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// Returns the calling process's value, made by `make` if there is none yet.
    pub fn get(&self, make: impl FnOnce() -> T) -> &'static T {
        let found = self.0.load(Ordering::Acquire);
        // SAFETY: the value stored below is never freed, and was complete before it was stored.
        if let Some((lineage, value)) = unsafe { found.as_ref() }
            && lineage.is_current()
        {
            return value;
        }
        let made = Box::into_raw(Box::new((Lineage::current(), make())));
        match self.0.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: it was made above, and is never freed after this.
            Ok(_) => unsafe { &(*made).1 },
            Err(theirs) => {
                // SAFETY: it was made above, and was not stored.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: another thread of this process has stored it since the load; as above.
                unsafe { &(*theirs).1 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    /// Runs `look` in a copy of this process and returns its result.
    fn in_copy(look: impl FnOnce() -> bool) -> bool {
        // SAFETY: the copy only loads and stores atomics, and exits.
        match unsafe { fork() }.expect("a process can be copied") {
            ForkResult::Child => crate::exit::exit_now(i32::from(look())),
            ForkResult::Parent { child } => match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, code)) => code == 1,
                other => panic!("{other:?}"),
            },
        }
    }

    #[test]
    fn a_copy_and_its_copy_are_other_processes() {
        let here = Lineage::current();
        assert!(here.is_current() && Lineage::current().is_current());
        assert!(in_copy(|| !here.is_current()));
        assert!(in_copy(|| {
            let there = Lineage::current();
            there.is_current() && !here.is_current() && in_copy(|| !there.is_current())
        }));
        assert!(here.is_current(), "the original is unchanged");
    }

    #[test]
    fn a_copy_made_by_the_bare_system_call_is_another_process() {
        let here = Lineage::current();
        // SAFETY: as fork(2): no stack, no flags except the signal at exit.
        match unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } {
            0 => crate::exit::exit_now(i32::from(here.is_current())),
            pid => {
                let pid = nix::unistd::Pid::from_raw(pid as i32);
                assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
            }
        }
    }

    #[test]
    fn each_process_makes_its_own_value_once() {
        static VALUE: PerProcess<u32> = PerProcess::new();
        assert_eq!(*VALUE.get(|| 1), 1);
        assert_eq!(*VALUE.get(|| 2), 1);
        assert!(in_copy(|| *VALUE.get(|| 3) == 3 && *VALUE.get(|| 4) == 3));
        assert_eq!(*VALUE.get(|| 5), 1);
    }
}
