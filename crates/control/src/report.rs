//! The packets between a pool and its forkserver.
//!
//! ```text
//!  pool                                                       server
//!                              ◀── Preloading ──────────────  init() is reached
//!                              ◀── Ready ───────────────────  or PreloadPanicked, HasThreads
//!  Stream + descriptor ───────▶                               for a stdout or stderr that is not the
//!  Memory + descriptor ───────▶                               forkserver's
//!  Lifeline + descriptor ─────▶
//!  Start(serial) + descriptor ▶
//!                              ◀── Started(serial) + pidfd ─  or StartFailed
//!  Kill(serial) ──────────────▶                               if the pidfd did not arrive
//!  SpareGroup(serial) ────────▶                               its process group is not killed
//!                              ◀── Ended(serial) ───────────  the worker is reaped
//!                              ◀── GivesUp ─────────────────  a sandbox refuses a system call
//! ```
//!
//! Owns the encoding. Both ends are the same executable, as every worker's Hello proves. The server is a
//! forkserver, or a thread of the program that reaches other hosts: then a descriptor that becomes readable when the worker has
//! exited takes the place of the pidfd, and `Started` names the host.

use std::os::fd::BorrowedFd;

use nix::unistd::write;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ended::Ended;
use crate::host::HostName;
use crate::sys::packet::PacketSocket;

/// A request from the pool to its forkserver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Carries stream 1 or 2 of the worker that is requested next; no descriptor for `/dev/null`.
    Stream {
        /// 1 for stdout, 2 for stderr.
        number: i32,
        /// Whether it is `/dev/null`.
        null: bool,
    },
    /// Carries that worker's shared memory.
    Memory,
    /// Carries that worker's end of its lifeline.
    Lifeline,
    /// Carries the worker's end of its socket.
    Start(StartRequest),
    /// Kills the worker: nobody can use it.
    Kill(u64),
    /// The worker was asked to exit: processes that its tasks have started are not killed after it.
    SpareGroup(u64),
}

/// The worker that the pool requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// Names it in requests and reports.
    pub serial: u64,
    /// Its slot in its pool.
    pub slot: usize,
    /// Whether it leads a process group of its own.
    pub leads_group: bool,
}

/// A report from the server to its pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The server runs `preload` next.
    Preloading,
    /// Workers can be requested.
    Ready,
    /// Carries the report that `Roles::preload` of procpool-launch returned.
    PreloadPanicked(Vec<u8>),
    /// It has more than one thread.
    HasThreads {
        /// How many.
        threads: usize,
        /// Whether `preload` has run.
        preloaded: bool,
    },
    /// Carries the process descriptor, which was opened before the worker could be reaped.
    Started {
        /// The worker.
        serial: u64,
        /// Its process, on its host.
        pid: u32,
        /// Its host, if that is not this one.
        host: Option<HostName>,
    },
    /// Carries the system's answer.
    StartFailed {
        /// Whether the fork itself succeeded. Then the copy is gone.
        copied: bool,
        /// The answer.
        errno: i32,
    },
    /// It exits for this reason.
    GivesUp(String),
    /// The worker has exited.
    Ended {
        /// The worker.
        serial: u64,
        /// How, and what it used.
        ended: Ended,
    },
}

/// Sends a request or a report.
///
/// # Errors
///
/// Those of [`PacketSocket::send`].
pub fn send(
    socket: &PacketSocket,
    message: &impl Serialize,
    descriptor: Option<BorrowedFd<'_>>,
) -> nix::Result<()> {
    // Plain data can always be encoded. An empty packet would count as the end of the socket.
    let bytes = postcard::to_stdvec(message).unwrap_or_default();
    socket.send(&bytes, descriptor)
}

/// Sends a last report, by sendmsg(2) or else by write(2): a sandbox may refuse one of them. A failure is
/// ignored, because nothing follows.
pub fn send_last(socket: &PacketSocket, message: &impl Serialize) {
    let bytes = postcard::to_stdvec(message).unwrap_or_default();
    let _ = socket.send(&bytes, None).or_else(|_| write(socket, &bytes).map(drop));
}

/// Decodes a packet. Returns `None` if it is malformed.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::packet;

    #[test]
    fn the_longest_report_of_a_panic_fits_into_a_packet() {
        let (forkserver, pool) = packet::pair().unwrap();
        let report = Report::PreloadPanicked(vec![7; packet::LONGEST - 1024]);
        send(&forkserver, &report, None).unwrap();
        let packet = pool.receive().unwrap().expect("it was sent");
        assert_eq!(decode::<Report>(&packet.bytes), Some(report));
    }
}
