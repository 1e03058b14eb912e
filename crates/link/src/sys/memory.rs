//! Advice to the kernel about ordinary memory.
//!
//! Owns the calls whose only effect is speed. Knows nothing of what is stored.

use std::mem::MaybeUninit;

use nix::libc;

/// Below this, huge pages do not pay: a page is 2 MiB, and only whole ones count.
const LARGE: usize = 4 << 20;

/// Says that `spare`, memory not used before, is about to be filled, if it is large: with huge
/// pages the kernel is asked 512 times less often for it. A fault costs more than copying a page.
pub(crate) fn advise_large(spare: &mut [MaybeUninit<u8>]) {
    const PAGE: usize = 4096;
    if spare.len() < LARGE {
        return;
    }
    let skip = spare.as_ptr().align_offset(PAGE);
    let length = (spare.len() - skip) / PAGE * PAGE;
    let start = spare[skip..].as_mut_ptr();
    // SAFETY: the range is page-aligned and lies within memory that we borrow. The advice changes
    // how it is backed, never what it holds; a kernel without huge pages refuses, which is fine.
    let _ = unsafe { libc::madvise(start.cast(), length, libc::MADV_HUGEPAGE) };
}
