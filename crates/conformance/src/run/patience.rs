//! The time limit of one wait. The time in which the run's processes wait for a CPU does not count.
//!
//! A machine that is busy with other work slows a pool down as much as it likes. What the kernel says of
//! each thread, the time in which it was ready and did not run, tells that apart from a hang. A limit grows to
//! twice its length at most.

use std::path::Path;
use std::time::{Duration, Instant};

use super::process::{self, Shares};

/// Less time than this is not worth another wait.
const SHORT: Duration = Duration::from_millis(10);

/// After this time, a thread that was ready is looked at again.
const AGAIN: Duration = Duration::from_millis(50);

/// A limit that may be renewed and is never later than a deadline.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    until: Instant,
    deadline: Instant,
    /// The last look, if there was one.
    shares: Option<Shares>,
    /// What was added to the limit since it was renewed.
    added: Duration,
}

impl Patience {
    /// A limit that begins now.
    pub(super) fn new(limit: Duration, deadline: Instant) -> Self {
        let until = (Instant::now() + limit).min(deadline);
        Self { limit, until, deadline, shares: None, added: Duration::ZERO }
    }

    /// Begins again.
    pub(super) fn renew(&mut self) {
        let shares = self.shares;
        *self = Self { shares, ..Self::new(self.limit, self.deadline) };
    }

    /// Whether it is over for the run in `scratch`, whose first process is `first`.
    pub(super) fn is_over(&mut self, first: u32, scratch: &Path) -> bool {
        self.is_over_at(Instant::now(), || process::shares(first, scratch))
    }

    /// The processes are looked at only when the time is up.
    fn is_over_at(&mut self, now: Instant, shares: impl FnOnce() -> Shares) -> bool {
        if now <= self.until {
            return false;
        }
        // At most the limit once more: what polls waits for a CPU again and again, and may still hang.
        let more = self.waited_at(shares()).min(self.limit.saturating_sub(self.added));
        if more < SHORT || now > self.deadline {
            return true;
        }
        self.added += more;
        self.until = (now + more).min(self.deadline);
        false
    }

    /// Returns the time that the run has waited for a CPU between two looks.
    fn waited_at(&mut self, shares: Shares) -> Duration {
        let before = self.shares.replace(shares);
        let waited = shares.waited.saturating_sub(before.unwrap_or_default().waited);
        // A wait is counted when it ends. One that lasts differs from a computation at the second look.
        let waits = shares.is_ready && before.is_none_or(|before| before.ran == shares.ran);
        // Threads that waited side by side have delayed the run by no more than the limit.
        if waits { waited.max(AGAIN) } else { waited }.min(self.limit)
    }

    /// Describes the time that has passed.
    pub(super) fn described(&self) -> String {
        let (limit, added) = (self.limit, self.added.as_secs_f64());
        match self.added < AGAIN {
            true => format!("{limit:?}"),
            false => {
                format!("{limit:?}, and {added:.1}s more in which its processes waited for a CPU")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waited(waited: Duration) -> Shares {
        Shares { ran: SECOND, waited, is_ready: false }
    }

    fn never() -> Shares {
        unreachable!("there is time left");
    }

    #[test]
    fn a_wait_for_a_cpu_does_not_count_and_is_described() {
        let begin = Instant::now();
        let mut patience = Patience::new(SECOND, begin + 100 * SECOND);
        assert!(!patience.is_over_at(begin + SECOND / 2, never));
        assert!(!patience.is_over_at(begin + 2 * SECOND, || waited(SECOND / 2)), "it is added");
        assert!(!patience.is_over_at(begin + 2 * SECOND + SECOND / 3, never));
        assert!(patience.is_over_at(begin + 3 * SECOND, || waited(SECOND / 2)), "it is added once");
        assert_eq!(
            patience.described(),
            "1s, and 0.5s more in which its processes waited for a CPU"
        );
    }

    #[test]
    fn a_wait_that_lasts_does_not_count_and_a_computation_does() {
        let begin = Instant::now();
        let mut patience = Patience::new(SECOND, begin + 100 * SECOND);
        let ready = |ran| move || Shares { ran, is_ready: true, ..Shares::default() };
        assert!(!patience.is_over_at(begin + 2 * SECOND, ready(SECOND)), "it may wait");
        assert!(!patience.is_over_at(begin + 3 * SECOND, ready(SECOND)), "it waits");
        assert!(patience.is_over_at(begin + 4 * SECOND, ready(2 * SECOND)), "it computes");
    }

    #[test]
    fn waits_add_the_limit_at_most() {
        let begin = Instant::now();
        let mut patience = Patience::new(SECOND, begin + 100 * SECOND);
        assert!(!patience.is_over_at(begin + 2 * SECOND, || waited(50 * SECOND)));
        assert!(patience.is_over_at(begin + 4 * SECOND, || waited(90 * SECOND)));
    }

    #[test]
    fn the_deadline_is_never_passed() {
        let begin = Instant::now();
        let mut patience = Patience::new(SECOND, begin + 2 * SECOND);
        assert!(!patience.is_over_at(begin + 2 * SECOND, || waited(SECOND)));
        assert!(patience.is_over_at(begin + 3 * SECOND, || waited(9 * SECOND)));
    }
}
