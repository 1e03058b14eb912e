//! The system's answer to a refused request, and its remedy.

use std::fmt;
use std::io;

use nix::errno::Errno as Known;
use serde::{Deserialize, Serialize};

/// An error number of the system; see `errno(3)`.
///
/// Its text is its name and number. Errors that contain one explain its meaning there.
///
/// # Examples
///
/// ```
/// let refused = |error: &procpool::Error| match error {
///     procpool::Error::Setup { errno, .. } => Some(std::io::Error::from(*errno).kind()),
///     _ => None,
/// };
/// assert_eq!(refused(&procpool::Error::Shutdown), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Errno(i32);

impl Errno {
    /// Returns the number.
    ///
    /// # Examples
    ///
    /// ```
    /// fn has_no_room(errno: procpool::Errno) -> bool {
    ///     errno.raw() == nix::libc::EMFILE
    /// }
    /// # let _ = has_no_room;
    /// ```
    pub fn raw(self) -> i32 {
        self.0
    }

    /// Creates the error with this number, for programs that construct errors of their own.
    ///
    /// # Examples
    ///
    /// ```
    /// let no_entry = procpool::Errno::from_raw(2);
    /// assert_eq!(no_entry.to_string(), "ENOENT (os error 2)");
    /// ```
    pub fn from_raw(number: i32) -> Self {
        Self(number)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Known::from_raw(self.0).fmt(f)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} (os error {})", self.0)
    }
}

impl std::error::Error for Errno {}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        io::Error::from_raw_os_error(errno.0)
    }
}
