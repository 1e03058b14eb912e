//! The faults of the matrix, and values that fail to be encoded or decoded.

use std::process::exit;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, raise, signal};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The code of [`Fault::Exit`].
pub const EXIT: i32 = 5;

/// The code of [`Fault::RawExit`].
pub const RAW_EXIT: i32 = 6;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// An error is returned.
    Error,
    /// It panics.
    Panic,
    /// `exit` is called: exit handlers run.
    Exit,
    /// `_exit` is called: nothing else runs.
    RawExit,
    /// The process is killed.
    Sigkill,
    /// The process crashes.
    Sigsegv,
    /// The process is stopped.
    Sigstop,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Error,
        Self::Panic,
        Self::Exit,
        Self::RawExit,
        Self::Sigkill,
        Self::Sigsegv,
        Self::Sigstop,
    ];

    /// Commits the fault, in the calling thread. Returns when the fault is an error, or when the process
    /// was stopped and continued.
    ///
    /// # Errors
    ///
    /// When the fault is one.
    ///
    /// # Panics
    ///
    /// When the fault is a panic.
    pub fn commit(self) -> Result<(), String> {
        match self {
            Fault::Error => return Err("the fault is an error".to_owned()),
            Fault::Panic => panic!("the fault is a panic"),
            Fault::Exit => exit(EXIT),
            // SAFETY: it ends the process at once, in any state.
            Fault::RawExit => unsafe { libc::_exit(RAW_EXIT) },
            Fault::Sigkill => raise(Signal::SIGKILL),
            Fault::Sigsegv => {
                // Without a core dump for every run of a test; and past Rust's handler, which would return
                // and wait for the crash to repeat.
                setrlimit(Resource::RLIMIT_CORE, 0, 0).expect("limits can be lowered");
                // SAFETY: the default action runs no code of this process.
                unsafe { signal(Signal::SIGSEGV, SigHandler::SigDfl) }.expect("it has one");
                raise(Signal::SIGSEGV)
            }
            Fault::Sigstop => raise(Signal::SIGSTOP),
        }
        .expect("a process can be signalled");
        Ok(())
    }
}

/// A value that commits a fault when it is encoded.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Encoded(pub Fault);

impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.commit().map_err(S::Error::custom)?;
        self.0.serialize(serializer)
    }
}

/// A value that commits a fault when it is decoded.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Decoded(pub Fault);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fault = Fault::deserialize(deserializer)?;
        fault.commit().map_err(D::Error::custom)?;
        Ok(Self(fault))
    }
}
