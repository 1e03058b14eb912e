//! Waits for descriptors and for wake-ups from other threads: the manager thread's wait.
//!
//! Owns the epoll descriptor and one eventfd. Knows no workers: a source is a descriptor and a
//! number that its events carry.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use super::descriptor::above_standard_streams;

/// The number under which the wake-up itself is registered.
const WAKE: u64 = u64::MAX;

/// Events taken per wait. A larger buffer saves calls only when that many sources are ready at once; a
/// smaller one needs more calls then.
const EVENTS: usize = 64;

/// The reason why a wait for a sink returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// The sink accepts data, or reports an error.
    Now,
    /// A wake-up.
    Woken,
    /// The deadline.
    TimedOut,
}

/// Waits for sources and wake-ups.
#[derive(Debug)]
pub struct Poller {
    epoll: ManuallyDrop<Epoll>,
    wake: ManuallyDrop<OwnedFd>,
    /// Whether the program has closed one of the two. Then their numbers may be reused.
    lost: AtomicBool,
    /// Whether a wake-up is pending, so that many wake-ups cost one write.
    woken: AtomicBool,
}

impl Poller {
    /// Makes a poller without sources.
    ///
    /// # Errors
    ///
    /// The system's, mostly `EMFILE`.
    pub fn new() -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let epoll = ManuallyDrop::new(Epoll(above_standard_streams(epoll.0)?));
        let wake = ManuallyDrop::new(new_event(0)?);
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        Ok(Self { epoll, wake, lost: AtomicBool::new(false), woken: AtomicBool::new(false) })
    }

    /// Watches `source` for data and its end. Its events carry `number`.
    ///
    /// # Errors
    ///
    /// Those of epoll_ctl(2), except the loss of the poller: the next wait reports that.
    pub fn add(&self, source: impl AsFd, number: u64) -> nix::Result<()> {
        match self.epoll.add(source, EpollEvent::new(EpollFlags::EPOLLIN, number)) {
            Err(Errno::EBADF | Errno::EINVAL) => {
                self.lost.store(true, Ordering::SeqCst);
                Ok(())
            }
            other => other,
        }
    }

    /// Stops watching `source`.
    pub fn remove(&self, source: impl AsFd) {
        let _ = self.epoll.delete(source);
    }

    /// Makes the current or next [`wait`](Self::wait) return.
    ///
    /// # Errors
    ///
    /// The program has closed the poller's descriptors, and a current wait may never return.
    pub fn wake(&self) -> nix::Result<()> {
        // If this swap comes before the one in `wait`, that one is followed by the waiter's check of the
        // state, which finds the change that this wake-up announces. If it comes after, the flag was
        // false and the write below ends the next wait. Both are SeqCst, so there is no third case.
        if self.woken.swap(true, Ordering::SeqCst) { Ok(()) } else { self.wake_surely() }
    }

    /// Does the same even if a wake-up is pending: that one may be lost with its descriptor.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn wake_surely(&self) -> nix::Result<()> {
        match write(&*self.wake, &1_u64.to_ne_bytes()) {
            // The counter is full: a wake-up is pending.
            Ok(_) | Err(Errno::EAGAIN) => Ok(()),
            // A new source that is ready also ends the wait. It stays open forever, because it may have
            // the number of the lost descriptor.
            Err(_) => {
                self.lost.store(true, Ordering::SeqCst);
                let alarm = new_event(1)?;
                self.epoll.add(&alarm, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
                let _ = alarm.into_raw_fd();
                Ok(())
            }
        }
    }

    /// Waits until `sink` accepts data or fails, a wake-up arrives, or `limit` passes.
    pub fn wait_writable(&self, sink: BorrowedFd<'_>, limit: PollTimeout) -> Writable {
        let wake = PollFd::new(self.wake.as_fd(), PollFlags::POLLIN);
        let mut sources = [PollFd::new(sink, PollFlags::POLLOUT), wake];
        match poll(&mut sources, limit) {
            Ok(0) => return Writable::TimedOut,
            Ok(_) => {}
            // It can only be an interruption; the caller checks again in any case.
            Err(_) => return Writable::Woken,
        }
        if sources[1].any() == Some(true) {
            self.take_wake();
        }
        if sources[0].any() == Some(true) { Writable::Now } else { Writable::Woken }
    }

    /// Consumes a wake-up; the next one counts again.
    fn take_wake(&self) {
        let lost = !matches!(read(&*self.wake, &mut [0; 8]), Ok(_) | Err(Errno::EAGAIN));
        self.lost.fetch_or(lost, Ordering::SeqCst);
        self.woken.swap(false, Ordering::SeqCst);
    }

    /// Waits until a source is ready, a wake-up arrives or `deadline` passes; fills `ready` with the
    /// numbers of the ready sources.
    ///
    /// # Errors
    ///
    /// Those of epoll_wait(2), except an interruption, which ends the wait early; `EBADF` if the program has
    /// closed one of the poller's descriptors.
    pub fn wait(&self, ready: &mut Vec<u64>, deadline: Option<Instant>) -> nix::Result<()> {
        ready.clear();
        let mut events = [EpollEvent::empty(); EVENTS];
        let timeout = match deadline.map(remaining_millis) {
            None => EpollTimeout::NONE,
            Some(millis) => EpollTimeout::try_from(millis).unwrap_or(EpollTimeout::MAX),
        };
        let count = match self.epoll.wait(&mut events, timeout) {
            Err(Errno::EINTR) => 0,
            other => other.inspect_err(|_| self.lost.store(true, Ordering::SeqCst))?,
        };
        for event in &events[..count] {
            if event.data() == WAKE {
                self.take_wake();
            } else {
                ready.push(event.data());
            }
        }
        if self.lost.load(Ordering::SeqCst) { Err(Errno::EBADF) } else { Ok(()) }
    }
}

impl Drop for Poller {
    /// Closes the descriptors unless their numbers may be reused.
    fn drop(&mut self) {
        if !*self.lost.get_mut() {
            // SAFETY: nothing uses it after this.
            unsafe { ManuallyDrop::drop(&mut self.epoll) };
            // SAFETY: as above.
            unsafe { ManuallyDrop::drop(&mut self.wake) };
        }
    }
}

/// Makes an eventfd(2) that counts from `count`.
fn new_event(count: u32) -> nix::Result<OwnedFd> {
    let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
    above_standard_streams(EventFd::from_value_and_flags(count, flags)?)
}

/// How long to poll before sleeping. Waking a sleeping CPU costs some 50 µs on virtual machines; an answer
/// that polling catches costs a fraction of that. Longer burns processor time in more waits; shorter sleeps
/// through quick answers.
pub const SPIN: Duration = Duration::from_micros(20);

/// The same during the transfer of a long payload: the other side is at work, and sleeping would only make
/// the two sides take turns. Longer and shorter as for [`SPIN`].
pub const SPIN_WITHIN: Duration = Duration::from_micros(200);

/// How many attempts [`spin`] makes before its first yield. More sees a peer on another CPU sooner, which
/// may answer faster than the yield takes; fewer waste less time if the peer needs this CPU.
const LOOKS: u32 = 40;

/// Repeats `attempt` until it returns `Some`, for at most `limit`. Yields in between: the other side may
/// need this CPU to make progress.
pub fn spin<T>(limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..LOOKS {
        if let Some(value) = attempt() {
            return Some(value);
        }
        std::hint::spin_loop();
    }
    let started = Instant::now();
    loop {
        match attempt() {
            None if started.elapsed() < limit => std::thread::yield_now(),
            outcome => return outcome,
        }
    }
}

/// Returns the CPU that the calling thread runs on, counted from 1; 0 if unknown.
pub fn current_cpu() -> u64 {
    nix::sched::sched_getcpu().map_or(0, |cpu| cpu as u64 + 1)
}

/// Waits until `source` has data or has ended, for at most `limit`. Returns whether it has.
pub fn wait_readable_for(source: impl AsFd, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        let mut sources = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
        let left = PollTimeout::try_from(remaining_millis(deadline)).unwrap_or(PollTimeout::MAX);
        match poll(&mut sources, left) {
            Err(Errno::EINTR) => {}
            ready => return ready.is_ok_and(|ready| ready > 0),
        }
    }
}

/// Waits until `source` has data or has ended. An interruption counts as ready.
pub fn wait_readable(source: impl AsFd) {
    let mut sources = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
    // It can only fail by an interruption; the caller checks again in any case.
    let _ = poll(&mut sources, PollTimeout::NONE);
}

/// Returns the time until `deadline` in milliseconds, rounded up so that a wait does not end before it.
fn remaining_millis(deadline: Instant) -> i32 {
    let left = deadline.saturating_duration_since(Instant::now());
    let millis = (left + Duration::from_nanos(999_999)).as_millis();
    i32::try_from(millis).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wake_ups_coalesce_and_none_is_lost() {
        let poller = Poller::new().unwrap();
        let mut ready = Vec::new();
        poller.wake().unwrap();
        poller.wake().unwrap();
        poller.wait(&mut ready, None).unwrap();
        assert!(ready.is_empty());
        // Both were one wake-up: the next wait ends by its deadline, which has passed.
        poller.wait(&mut ready, Some(Instant::now())).unwrap();
        poller.wake().unwrap();
        poller.wait(&mut ready, None).unwrap();
    }
}
