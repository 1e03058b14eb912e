//! Limits of a process, lowered until there is no room for more workers.
//!
//! They belong to a process, so only programs of their own use this.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::geteuid;

/// The limited resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Open descriptors of this process, and of workers that it starts under the limit.
    Descriptors,
    /// Processes and threads of this user; see [`become_nobody_else`].
    Processes,
}

impl Limit {
    /// Lowers the soft limit to `soft`.
    ///
    /// # Panics
    ///
    /// When it is above the hard one.
    pub fn set(self, soft: u64) {
        let (_, hard) = getrlimit(self.resource()).expect("limits can be read");
        setrlimit(self.resource(), soft, hard).expect("a soft limit can be lowered and raised");
    }

    /// Raises the soft limit to the hard one.
    ///
    /// # Panics
    ///
    /// Never: a process may do that.
    pub fn open(self) {
        let (_, hard) = getrlimit(self.resource()).expect("limits can be read");
        self.set(hard);
    }

    fn resource(self) -> Resource {
        match self {
            Limit::Descriptors => Resource::RLIMIT_NOFILE,
            Limit::Processes => Resource::RLIMIT_NPROC,
        }
    }
}

/// Returns the number that the next descriptor would have.
///
/// # Panics
///
/// When there is no room for one.
pub fn first_free_descriptor() -> u64 {
    File::open("/dev/null").expect("there is room yet").as_raw_fd() as u64
}

/// Becomes a user without any other process: limits on processes count those of a user, and do not bind
/// root. Must be called before there is a second thread.
///
/// # Panics
///
/// When root may not.
pub fn become_nobody_else() {
    let user = 1_000_000_000 + std::process::id();
    // SAFETY: it takes three integers; the C library notifies the other threads, of which there is none
    // yet.
    let result = unsafe { libc::setresuid(user, user, user) };
    assert!(result == 0 || !geteuid().is_root(), "root may become anybody");
}
