//! Whether this process has privileges that its caller lacks.
//!
//! Owns only the answer. Its consequences: such a process accepts no argument, because anybody may start it
//! with any argument; and its workers, started in the same way, could accept none either.

use nix::libc;
use nix::unistd::{getegid, geteuid, getgid, getuid};

/// Returns whether this process has other privileges than its caller. Its file is set-user-ID or
/// set-group-ID, has capabilities or changes the security domain; or it has changed its user or group, but
/// not both the real and the effective one, so that a process that it starts finds the same difference.
pub fn differ_from_callers() -> bool {
    // SAFETY: getauxval(3) reads a value that the kernel wrote for this process.
    let is_secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    is_secure || getuid() != geteuid() || getgid() != getegid()
}
