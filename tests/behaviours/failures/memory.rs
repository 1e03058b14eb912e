//! Access of a task to the memory that its worker shares with the parent.
//!
//! Knows the layout of that segment (`crates/link/src/sys/segment.rs` and `lib.rs`): 64
//! lines of 64 bytes, then a ring of calls and a ring of results of the same size.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The size of the lines together.
pub(crate) const LINES: usize = 64 * 64;
/// The third of the lines of the positions: the calls' tail and head, the results' tail and head.
pub(crate) const RESULTS_TAIL: usize = 2;

/// Where this worker's segment is mapped: its address and size.
pub(crate) fn segment() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has /proc");
    let line = maps.lines().find(|line| line.contains("memfd:procpool")).expect("a worker has one");
    let (start, rest) = line.split_once('-').expect("a range");
    let (end, _) = rest.split_once(' ').expect("a range");
    let number = |text| usize::from_str_radix(text, 16).expect("a hexadecimal number");
    (number(start), number(end) - number(start))
}

/// The number on a line.
pub(crate) fn line(index: usize) -> &'static AtomicU64 {
    // SAFETY: the segment is mapped until the process ends, and each line starts with such a number.
    unsafe { &*((segment().0 + index * 64) as *const AtomicU64) }
}

/// The word on a line, on which a thread may sleep.
pub(crate) fn word(index: usize) -> &'static AtomicU32 {
    // SAFETY: as above; the word is behind the number.
    unsafe { &*((segment().0 + index * 64 + 8) as *const AtomicU32) }
}

/// Writes bytes to an offset behind the lines.
pub(crate) fn write(offset: usize, bytes: &[u8]) {
    let (start, size) = segment();
    assert!(LINES + offset + bytes.len() <= size);
    let target = (start + LINES + offset) as *mut u8;
    // SAFETY: within the segment, which is mapped for writing; its owner may use it at the same time,
    // which is intended.
    unsafe { target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

/// A `ResultItem` for the task with this index: a value.
pub(crate) fn result_frame(index: u64, value: &[u8]) -> Vec<u8> {
    let body = [&[6], &index.to_le_bytes()[..], &[0], value].concat();
    [&(body.len() as u64).to_le_bytes()[..], &body].concat()
}

/// Puts a frame into the ring of results, as the worker itself would.
pub(crate) fn publish_result(frame: &[u8]) {
    let ring = (segment().1 - LINES) / 2;
    let tail = line(RESULTS_TAIL).load(Ordering::Relaxed);
    write(ring + tail as usize % ring, frame);
    line(RESULTS_TAIL).store(tail + frame.len() as u64, Ordering::Release);
}
