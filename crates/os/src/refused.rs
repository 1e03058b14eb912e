//! A system call that the system refused, by name: a sandbox may refuse any call.
//!
//! Owns the names, and a number for each refusal, for a process that cannot send anything any longer.

use std::fmt;
use std::io;

use nix::errno::Errno;

/// The calls that a number can name: the number is the position here, counted from 1.
const CALLS: [&str; 7] =
    ["prctl", "getppid", "sendmsg", "sigaction", "sigprocmask", "setpgid", "dup2"];

/// A refused call, and the system's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    call: &'static str,
    errno: Errno,
}

impl Refused {
    /// Makes a refusal of `call`, for use with `map_err`.
    pub fn new(call: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self { call, errno }
    }

    /// Encodes it as a number; 0 if the call has no number.
    pub fn to_number(self) -> u64 {
        let index = CALLS.iter().position(|call| *call == self.call);
        index.map_or(0, |index| {
            (index as u64 + 1) << 32 | u64::from((self.errno as i32).unsigned_abs())
        })
    }

    /// Decodes the result of [`to_number`](Self::to_number). Returns `None` for any other number.
    pub fn from_number(number: u64) -> Option<Self> {
        let index = usize::try_from(number >> 32).ok()?.checked_sub(1)?;
        let errno = Errno::from_raw(i32::try_from(number & u64::from(u32::MAX)).ok()?);
        Some(Self { call: CALLS.get(index)?, errno })
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
    fn a_refusal_survives_the_round_trip_through_its_number() {
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
