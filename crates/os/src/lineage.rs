//! Whether this process is the one that made something, or a copy of it by fork(2).
//!
//! Owns one page of memory that the kernel empties in every copy, however the copy is made, so that
//! a look is one load and no system call. A child that shares its parent's memory until it executes
//! another program (vfork(2), posix_spawn(3)) counts as its parent. Knows nothing of pools.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use nix::libc;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};

/// The size of the page; the kernel rounds up where its own are larger.
const PAGE: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The mark of this process: its number, or 0 in a copy that has not looked yet.
static MARK: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());

/// A process. No ancestor of a process has the same number.
#[derive(Debug, Clone, Copy)]
pub struct Lineage {
    mark: &'static AtomicU64,
    number: u64,
}

impl Lineage {
    /// The calling process.
    pub fn current() -> Self {
        /// A copy goes on counting where its original was.
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

    /// Whether the calling process is this one.
    #[inline]
    pub fn is_current(&self) -> bool {
        self.mark.load(Ordering::Relaxed) == self.number
    }

    /// Ends the calling process, quietly and at once, if it is not this one: a copy that code of the
    /// user's has made, and that returned from it, too.
    #[inline]
    pub fn end_copy(&self) {
        if !self.is_current() {
            crate::exit::exit_now(0);
        }
    }
}

fn mark() -> &'static AtomicU64 {
    let made = MARK.load(Ordering::Acquire);
    // SAFETY: what is stored below is never freed, and was whole before it was stored.
    if let Some(mark) = unsafe { made.as_ref() } {
        return mark;
    }
    let mark = make_mark();
    let ours = std::ptr::from_ref(mark).cast_mut();
    match MARK.compare_exchange(made, ours, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => mark,
        // SAFETY: as above; another thread was faster. Ours is a page too many.
        Err(theirs) => unsafe { &*theirs },
    }
}

fn make_mark() -> &'static AtomicU64 {
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
    let page = unsafe { mmap_anonymous(None, PAGE, protection, MapFlags::MAP_PRIVATE) };
    if let Ok(page) = page {
        // SAFETY: the page is ours alone, and nothing is in it that a copy could miss.
        let wiped = unsafe { madvise(page, PAGE.get(), MmapAdvise::MADV_WIPEONFORK) };
        if wiped.is_ok() {
            // SAFETY: the page is zeros, which is a valid atomic number, aligned, and never unmapped.
            return unsafe { page.cast::<AtomicU64>().as_ref() };
        }
    }
    // A kernel without that advice: the C library tells, except of copies made behind its back.
    static MADE_BY_HAND: AtomicU64 = AtomicU64::new(0);
    extern "C" fn forget() {
        MADE_BY_HAND.store(0, Ordering::Relaxed);
    }
    // SAFETY: the handler is a store into a static atomic, which any thread may do at any instant.
    unsafe { libc::pthread_atfork(None, None, Some(forget)) };
    &MADE_BY_HAND
}

/// A value that every process makes for itself: a copy does not use its original's, in which a
/// thread that the copy does not have may hold a lock for ever.
#[derive(Debug)]
pub struct PerProcess<T: 'static>(AtomicPtr<(Lineage, T)>);

impl<T: Send + Sync> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync> PerProcess<T> {
    /// Holds no value yet.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// The calling process's value, made by `make` if there is none yet.
    pub fn get(&self, make: impl FnOnce() -> T) -> &'static T {
        let found = self.0.load(Ordering::Acquire);
        // SAFETY: what is stored below is never freed, and was whole before it was stored.
        if let Some((lineage, value)) = unsafe { found.as_ref() }
            && lineage.is_current()
        {
            return value;
        }
        let made = Box::into_raw(Box::new((Lineage::current(), make())));
        match self.0.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: it was made above, and is never freed from here on.
            Ok(_) => unsafe { &(*made).1 },
            Err(theirs) => {
                // SAFETY: it was made above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: another thread of this process has stored it meanwhile; as above.
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

    /// Runs `look` in a copy of this process, made by `copy`, and returns what it says.
    fn in_copy(look: impl FnOnce() -> bool) -> bool {
        // SAFETY: the copy only loads and stores atomics, and ends.
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
        assert!(here.is_current(), "the original stays what it is");
    }

    #[test]
    fn a_copy_made_by_the_bare_system_call_is_another_process() {
        let here = Lineage::current();
        // SAFETY: as fork(2): no stack, no flags but the signal at the end.
        match unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } {
            0 => crate::exit::exit_now(i32::from(here.is_current())),
            pid => {
                let pid = nix::unistd::Pid::from_raw(pid as i32);
                assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
            }
        }
    }

    #[test]
    fn each_process_makes_a_value_of_its_own_once() {
        static VALUE: PerProcess<u32> = PerProcess::new();
        assert_eq!(*VALUE.get(|| 1), 1);
        assert_eq!(*VALUE.get(|| 2), 1);
        assert!(in_copy(|| *VALUE.get(|| 3) == 3 && *VALUE.get(|| 4) == 3));
        assert_eq!(*VALUE.get(|| 5), 1);
    }
}
