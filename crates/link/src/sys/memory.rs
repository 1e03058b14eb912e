//! Advice to the kernel about ordinary memory.
//!
//! Owns the calls whose only effect is speed. Knows nothing of the contents.

use std::mem::MaybeUninit;

use nix::libc;

/// The shortest memory that gets the advice. A huge page is 2 MiB, and only whole ones count: less gains
/// nothing; more leaves large payloads on small pages.
const LARGE: usize = 4 << 20;

/// Announces that `spare`, memory not used before, is about to be filled, if it is large. With huge pages
/// there are 512 times fewer page faults, each of which costs more than copying a page.
pub(crate) fn advise_large(spare: &mut [MaybeUninit<u8>]) {
    const PAGE: usize = 4096;
    if spare.len() < LARGE {
        return;
    }
    let skip = spare.as_ptr().align_offset(PAGE);
    let length = (spare.len() - skip) / PAGE * PAGE;
    let start = spare[skip..].as_mut_ptr();
    // SAFETY: the range is page-aligned and lies within memory that we borrow. The advice changes
    // how it is backed, never its contents; a kernel without huge pages refuses, which is harmless.
    let _ = unsafe { libc::madvise(start.cast(), length, libc::MADV_HUGEPAGE) };
}
