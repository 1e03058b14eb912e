//! A system call that the system has refused, by name: in a sandbox any may be.
//!
//! Owns the names, and a number for each refusal, by which a process that can say nothing more leaves word.

use std::fmt;
use std::io;

use nix::errno::Errno;

/// The calls that can be named by a number, which is their place here, counted from 1.
const CALLS: [&str; 7] =
    ["prctl", "getppid", "sendmsg", "sigaction", "sigprocmask", "setpgid", "dup2"];

/// What was refused, and the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    call: &'static str,
    errno: Errno,
}

impl Refused {
    /// For use with `map_err`.
    pub fn new(call: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self { call, errno }
    }

    /// Returns a number that is not 0, or 0 for what has none.
    pub fn to_number(self) -> u64 {
        let place = CALLS.iter().position(|call| *call == self.call);
        place.map_or(0, |place| {
            (place as u64 + 1) << 32 | u64::from((self.errno as i32).unsigned_abs())
        })
    }

    /// The inverse of [`to_number`](Self::to_number); `None` for what is none.
    pub fn from_number(number: u64) -> Option<Self> {
        let place = usize::try_from(number >> 32).ok()?.checked_sub(1)?;
        let errno = Errno::from_raw(i32::try_from(number & u64::from(u32::MAX)).ok()?);
        Some(Self { call: CALLS.get(place)?, errno })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system refused {}(2): {}", self.call, self.errno.desc())
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        io::Error::other(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_back_from_its_number() {
        for call in CALLS {
            let refused = Refused::new(call)(Errno::EPERM);
            assert_eq!(Refused::from_number(refused.to_number()), Some(refused));
        }
        assert_eq!(Refused::new("unheard")(Errno::EPERM).to_number(), 0);
        for number in [0, 1, 1 << 32 | 1 << 31, 99 << 32, u64::MAX] {
            assert_eq!(Refused::from_number(number), None, "{number:x}");
        }
    }
}
