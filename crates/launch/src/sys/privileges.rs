//! Whether this process has privileges that the one which started it has not.
//!
//! Owns the question alone. What follows from it: such a process believes no argument, because anybody
//! may start it with any; and its workers, started as it was, could believe none either.

use nix::libc;
use nix::unistd::{getegid, geteuid, getgid, getuid};

/// Whether this process has other privileges than its caller: its file is set-user-ID or set-group-ID,
/// has capabilities, or changes the security domain; or it has changed its own user or group, but not
/// both the real and the effective one, so that what it starts will find the same.
pub fn differ_from_callers() -> bool {
    // SAFETY: getauxval(3) reads what the kernel has left for this process.
    let is_secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    is_secure || getuid() != geteuid() || getgid() != getegid()
}
