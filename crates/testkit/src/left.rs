//! Leftovers that a pool must not have in its program: children, descriptors, threads.

use std::thread;
use std::time::Duration;

use crate::os;

/// How often to look for a thread that has ended. /proc forgets it an instant later, so more looks only
/// delay the report of one that stays.
const LOOKS: usize = 1_000;

/// The time between two looks. To yield instead would take as long as other programs use the CPU.
const PAUSE: Duration = Duration::from_millis(1);

/// The state of this program when it has no pool.
#[derive(Debug)]
pub struct Baseline {
    descriptors: Vec<(i32, String)>,
    threads: usize,
}

impl Baseline {
    /// Looks at this program, which has no pool.
    pub fn look() -> Self {
        let this = std::process::id();
        Self { descriptors: os::descriptors_of(this), threads: os::threads_of(this).len() }
    }

    /// Asserts that everything is as before. A detached thread takes an instant to end after its pool is
    /// gone, and a joined one is listed for an instant.
    ///
    /// # Panics
    ///
    /// When something is left.
    pub fn assert_back(&self) {
        let this = std::process::id();
        let are_back = await_threads(self.threads);
        assert!(are_back, "threads stay: {:?}", os::threads_of(this));
        assert_eq!(os::descendants_of(this), [], "a process is left");
        assert_eq!(os::descriptors_of(this), self.descriptors, "descriptors stay");
    }
}

/// Waits until this process has `count` threads; false if it keeps another number.
pub(crate) fn await_threads(count: usize) -> bool {
    let this = std::process::id();
    (0..LOOKS).any(|look| {
        thread::sleep(PAUSE * u32::from(look > 0));
        os::threads_of(this).len() == count
    })
}
