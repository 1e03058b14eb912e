//! What this process uses: the CPU time of one thread, descriptors, memory, mappings.
//!
//! CPU time comes from the thread's own clock, in nanoseconds. It does not count the wait for a CPU, but grows when
//! others use the caches.

use std::fs;

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, SysconfVar, gettid, sysconf};

use crate::Outcome;

/// How many bytes of its name the kernel keeps for a thread.
const NAME: usize = 15;

/// A thread of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thread(Pid);

impl Thread {
    /// The calling thread.
    pub(crate) fn current() -> Self {
        Self(gettid())
    }

    /// The thread with this name that is none of `others`.
    pub(crate) fn named(name: &str, others: &[Self]) -> Outcome<Self> {
        let kept = &name[..name.len().min(NAME)];
        for entry in fs::read_dir("/proc/self/task")? {
            let path = entry?.path();
            // It may have ended in the meantime.
            let found = fs::read_to_string(path.join("comm")).unwrap_or_default();
            let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
            let thread = number.map(|number| Self(Pid::from_raw(number)));
            let thread =
                thread.filter(|thread| found.trim_end() == kept && !others.contains(thread));
            if let Some(thread) = thread {
                return Ok(thread);
            }
        }
        Err(format!("there is no thread {name}").into())
    }

    /// Its CPU time so far, in seconds.
    pub(crate) fn cpu(self) -> Outcome<f64> {
        /// Selects the clock of one thread, and its CPU time: pthread_getcpuclockid(3) makes the same
        /// number, from a handle that only the standard library has.
        const OF_A_THREAD: libc::clockid_t = 6;
        let clock = ClockId::from_raw((!self.0.as_raw() << 3) | OF_A_THREAD);
        let time = clock_gettime(clock)?;
        Ok(time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9)
    }
}

/// What this process has at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) descriptors: f64,
    pub(crate) mappings: f64,
    /// In bytes. A page that is mapped twice counts twice.
    pub(crate) resident: f64,
    /// In bytes.
    pub(crate) address_space: f64,
}

impl Usage {
    pub(crate) fn now() -> Outcome<Self> {
        let page = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096) as f64;
        let text = fs::read_to_string("/proc/self/statm")?;
        let mut pages = text.split_whitespace().map(str::parse::<f64>);
        let mut next = || pages.next().ok_or("/proc/self/statm has another form");
        let (address_space, resident) = (next()?? * page, next()?? * page);
        let descriptors = fs::read_dir("/proc/self/fd")?.count() as f64;
        let mappings = fs::read_to_string("/proc/self/maps")?.lines().count() as f64;
        Ok(Self { descriptors, mappings, resident, address_space })
    }

    /// What was added since `earlier`, for each of `workers`.
    pub(crate) fn per_worker(self, earlier: Self, workers: usize) -> Self {
        let each = |now: f64, before: f64| (now - before) / workers as f64;
        Self {
            descriptors: each(self.descriptors, earlier.descriptors),
            mappings: each(self.mappings, earlier.mappings),
            resident: each(self.resident, earlier.resident),
            address_space: each(self.address_space, earlier.address_space),
        }
    }
}

/// Raises the limit on descriptors as far as this process may, and returns it.
pub(crate) fn raise_descriptors() -> Outcome<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

/// A number that a file below /proc/sys holds.
pub(crate) fn setting(name: &str) -> Outcome<u64> {
    Ok(fs::read_to_string(format!("/proc/sys/{name}"))?.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn a_thread_that_computes_uses_its_own_clock_and_no_other() {
        let (named, ready) = std::sync::mpsc::channel();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        let other = std::thread::Builder::new().name("a-sleeping-thread-of-a-test".to_owned());
        let other = other.spawn(move || {
            named.send(()).unwrap();
            let _ = left.recv();
        });
        ready.recv().unwrap();
        let sleeping = Thread::named("a-sleeping-thread-of-a-test", &[]).unwrap();
        let before = (Thread::current().cpu().unwrap(), sleeping.cpu().unwrap());
        while Thread::current().cpu().unwrap() < before.0 + 0.02 {
            black_box(before);
        }
        assert!(sleeping.cpu().unwrap() < before.1 + 0.01);
        assert!(Thread::named("a-sleeping-thread-of-a-test", &[sleeping]).is_err());
        drop(leave);
        other.unwrap().join().unwrap();
        assert!(Thread::named("no-such-thread", &[]).is_err());
    }
}
