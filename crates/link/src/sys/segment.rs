//! Memory that two processes share: one makes and seals it, the other inherits it.
//!
//! Owns the mapping and the promise that no part of it is ever referenced as ordinary memory. The other
//! process may write at any time, so all accesses are atomics or copies. Knows no protocol. The layout is
//!
//! ```text
//! line 0 | line 1 | … | line 63 | bytes …
//! ```
//!
//! where a [`Line`] is a cache line of its own with a number and a word to sleep on. The size is
//! fixed by seals, so a peer cannot shrink the memory under a reader (which would raise SIGBUS).
//! A copy of a process by fork(2) does not inherit the mapping: it would be a third side.
//!
//! Under `--cfg loom`, `segment_model` provides the same operations, so that loom checks the shipped code
//! above them.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;
use procpool_os::descriptor::above_standard_streams;
use procpool_os::lineage::Lineage;

/// The number of lines. They fill the first page.
pub(crate) const LINES: usize = 64;

const LINE: usize = 64;

/// A cache line. A value that one side writes often shares it with no other value.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Line {
    /// A number.
    pub number: AtomicU64,
    /// A word to sleep on.
    pub word: AtomicU32,
}

/// A mapping of shared memory; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Segment {
    base: NonNull<u8>,
    /// The number of bytes behind the lines.
    length: usize,
    /// The process that owns the mapping: its copies have nothing at these addresses.
    owner: Lineage,
}

// SAFETY: the mapping belongs to no thread; its lines are atomics, and its bytes are only copied.
unsafe impl Send for Segment {}
// SAFETY: as above.
unsafe impl Sync for Segment {}

const SEALS: SealFlag =
    SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_SEAL);

impl Segment {
    /// Makes a segment of zeros with `length` bytes behind its lines; the descriptor is for the
    /// other process.
    pub(crate) fn create(length: usize) -> nix::Result<(Self, OwnedFd)> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let memory = above_standard_streams(memfd_create(c"procpool", flags)?)?;
        let size = i64::try_from(LINES * LINE + length).map_err(|_| Errno::EFBIG)?;
        ftruncate(&memory, size)?;
        fcntl(&memory, FcntlArg::F_ADD_SEALS(SEALS))?;
        Ok((Self::map(&memory, length)?, memory))
    }

    /// Takes over the segment behind `memory`. Returns `None` if that is no such segment.
    pub(crate) fn received(memory: OwnedFd, length: usize) -> Option<Self> {
        let size = nix::sys::stat::fstat(&memory).ok()?.st_size;
        let seals = fcntl(&memory, FcntlArg::F_GET_SEALS).ok()?;
        let whole = usize::try_from(size).ok()? == LINES * LINE + length;
        let sealed = SealFlag::from_bits_retain(seals).contains(SEALS);
        (whole && sealed).then(|| Self::map(&memory, length).ok()).flatten()
    }

    fn map(memory: impl AsFd, length: usize) -> nix::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                LINES * LINE + length,
                protection,
                libc::MAP_SHARED,
                memory.as_fd().as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let owner = Lineage::current();
        let segment = Self { base: NonNull::new(base.cast()).ok_or(Errno::ENOMEM)?, length, owner };
        // If a filter refuses this, copies inherit the mapping, and only their own code keeps them off it.
        // SAFETY: the mapping is ours, of this size; the advice changes nothing in this process.
        let _ = unsafe { libc::madvise(base, LINES * LINE + length, libc::MADV_DONTFORK) };
        Ok(segment)
    }

    /// Returns whether this process has the mapping: a copy of its owner has not.
    pub(crate) fn is_mapped(&self) -> bool {
        self.owner.is_current()
    }

    /// Returns line `index`.
    ///
    /// # Panics
    ///
    /// There is no such line.
    #[inline]
    pub(crate) fn line(&self, index: usize) -> &Line {
        assert!(index < LINES, "there are {LINES} lines");
        // SAFETY: the mapping starts with LINES lines, which is within its size (sealed).
        let line = unsafe { self.base.cast::<Line>().add(index) };
        // SAFETY: the mapping is page-aligned, as each line must be, and lives as long as `self`.
        // Any bytes are a valid Line: it consists of atomics. They may be written by the other
        // process at any time, which atomics permit.
        unsafe { line.as_ref() }
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Panics
    ///
    /// They do not fit.
    #[inline]
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        let target = self.address(offset, bytes.len());
        // SAFETY: `address` checked that the target is within the mapping; the source is ordinary
        // memory, which never overlaps it. Both processes may write here at once if the other one
        // misbehaves; then the bytes are garbage, and the reader validates them.
        unsafe { target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// Copies bytes from `offset` to `output`.
    ///
    /// # Panics
    ///
    /// There are fewer bytes.
    pub(crate) fn read(&self, offset: usize, output: &mut [u8]) {
        let source = self.address(offset, output.len());
        // SAFETY: as in `write`, with the directions swapped; the copy is private from here on.
        unsafe { source.copy_to_nonoverlapping(output.as_mut_ptr(), output.len()) };
    }

    /// Appends `count` bytes from `offset` to `output`, which has the capacity.
    ///
    /// # Panics
    ///
    /// There are fewer bytes or less capacity.
    pub(crate) fn append(&self, offset: usize, count: usize, output: &mut Vec<u8>) {
        let source = self.address(offset, count);
        let spare = output.spare_capacity_mut();
        assert!(count <= spare.len(), "the caller reserves");
        // SAFETY: `address` checked the source and the line above the target, which is private.
        unsafe { source.copy_to_nonoverlapping(spare.as_mut_ptr().cast::<u8>(), count) };
        let length = output.len() + count;
        // SAFETY: the line above initialized `count` bytes behind the old length.
        unsafe { output.set_len(length) };
    }

    #[inline]
    fn address(&self, offset: usize, count: usize) -> *mut u8 {
        let fits = offset <= self.length && count <= self.length - offset;
        assert!(fits, "{count} bytes at {offset} of {}", self.length);
        // SAFETY: the mapping has LINES lines and `length` bytes, and `offset` is at most `length`.
        unsafe { self.base.as_ptr().add(LINES * LINE + offset) }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if !self.is_mapped() {
            return;
        }
        let base = self.base.as_ptr().cast();
        // SAFETY: the mapping is ours, of this size, and no borrow of `self` is left.
        let unmapped = unsafe { libc::munmap(base, LINES * LINE + self.length) };
        debug_assert_eq!(unmapped, 0);
    }
}

impl Line {
    /// Sleeps while the word is `expected`, until [`wake_all`](Self::wake_all) or `deadline`. May
    /// return early. The wake-up may come from the other process.
    pub(crate) fn sleep_while(&self, expected: u32, deadline: Option<Instant>) {
        procpool_os::futex::wait(&self.word, expected, deadline, procpool_os::futex::Scope::Shared);
    }

    /// Wakes every thread of either process that sleeps on the word. Returns `false` if the system
    /// refuses that.
    pub(crate) fn wake_all(&self) -> bool {
        procpool_os::futex::wake_all(&self.word, procpool_os::futex::Scope::Shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn two_mappings_share_lines_and_bytes() {
        let (ours, memory) = Segment::create(100).unwrap();
        let theirs = Segment::received(memory, 100).expect("it is a segment");
        ours.line(3).number.store(7, Ordering::Relaxed);
        ours.write(98, b"ab");
        assert_eq!(theirs.line(3).number.load(Ordering::Relaxed), 7);
        let mut output = Vec::with_capacity(2);
        theirs.append(98, 2, &mut output);
        assert_eq!(output, b"ab");
        theirs.line(3).wake_all();
        ours.line(3).sleep_while(1, None);
    }

    #[test]
    fn a_segment_cannot_be_resized_and_an_unsealed_file_is_refused() {
        let (_ours, memory) = Segment::create(100).unwrap();
        assert_eq!(ftruncate(&memory, 0), Err(Errno::EPERM));
        assert_eq!(ftruncate(&memory, 1 << 20), Err(Errno::EPERM));
        assert!(Segment::received(memory, 101).is_none(), "another size");
        let unsealed = memfd_create(c"unsealed", MFdFlags::empty()).unwrap();
        ftruncate(&unsealed, (LINES * LINE) as i64).unwrap();
        assert!(Segment::received(unsealed, 0).is_none());
    }

    #[test]
    #[should_panic(expected = "2 bytes at 99 of 100")]
    fn a_write_beyond_the_end_panics() {
        Segment::create(100).unwrap().0.write(99, b"ab");
    }
}
