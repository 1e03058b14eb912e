//! What a pool and its server say to each other, in packets.
//!
//! ```text
//!  pool (forkserver.rs)                                      server (server.rs)
//!                              ◀── Preloading ──────────────  init() was reached
//!                              ◀── Ready ───────────────────  or PreloadPanicked, HasThreads
//!  Stream + descriptor ───────▶                               for stdout, stderr if they are not the
//!  Memory + descriptor ───────▶                               server's
//!  Lifeline + descriptor ─────▶
//!  Start(id) + descriptor ────▶
//!                              ◀── Started(id) + pidfd ─────  or StartFailed(id)
//!  Kill(id) ──────────────────▶                               when the pidfd did not arrive
//!  Leaves(id) ────────────────▶                               its group is left alone
//!                              ◀── Ended(id) ───────────────  reaped
//!                              ◀── GivesUp ─────────────────  a sandbox refuses what it needs
//! ```
//!
//! Owns the encoding. Both ends are the same executable, as every worker's Hello proves.

use std::os::fd::BorrowedFd;

use nix::unistd::write;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ended::Ended;
use crate::sys::packet::PacketSocket;

/// What a pool asks of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Carries what stream 1 or 2 of the worker is that is asked for next; nothing for `/dev/null`.
    Stream { number: i32, null: bool },
    /// Carries the shared memory of that worker.
    Memory,
    /// Carries that worker's end of its lifeline.
    Lifeline,
    /// Carries the worker's end of its link.
    Start(Worker),
    /// The worker is of no use to anybody.
    Kill(u64),
    /// The worker was asked to leave: what its tasks have started is not killed at its end.
    Leaves(u64),
}

/// The worker that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Worker {
    /// Its number in the requests and reports.
    pub(crate) serial: u64,
    /// Its slot in its pool.
    pub(crate) slot: usize,
    pub(crate) leads_group: bool,
}

/// What a server tells its pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    Preloading,
    Ready,
    /// With what [`Roles::preload`](crate::Roles::preload) says of it.
    PreloadPanicked(Vec<u8>),
    /// More than one, before or after `preload` ran.
    HasThreads {
        threads: usize,
        preloaded: bool,
    },
    /// Carries the process descriptor, which was opened before anybody could reap the worker.
    Started {
        id: u64,
        pid: u32,
    },
    /// With the system's answer, and whether there was a copy: it is gone.
    StartFailed {
        copied: bool,
        errno: i32,
    },
    /// It ends, and says why.
    GivesUp(String),
    Ended {
        id: u64,
        ended: Ended,
    },
}

/// Sends what is to be said.
///
/// # Errors
///
/// Those of [`PacketSocket::send`].
pub(crate) fn send(
    socket: &PacketSocket,
    message: &impl Serialize,
    descriptor: Option<BorrowedFd<'_>>,
) -> nix::Result<()> {
    // Plain data, which always can be encoded; an empty packet would end the conversation.
    let bytes = postcard::to_stdvec(message).unwrap_or_default();
    socket.send(&bytes, descriptor)
}

/// Sends the last that is to be said, by whatever call the system allows. Whether it arrives or not, there
/// is no more to say.
pub(crate) fn send_last(socket: &PacketSocket, message: &impl Serialize) {
    let bytes = postcard::to_stdvec(message).unwrap_or_default();
    let _ = socket.send(&bytes, None).or_else(|_| write(socket, &bytes).map(drop));
}

/// Reads what was said; `None` when it makes no sense.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LONGEST_REPORT;
    use crate::sys::packet;

    #[test]
    fn the_longest_report_of_a_panic_fits_into_a_packet() {
        let (server, pool) = packet::pair().unwrap();
        let report = Report::PreloadPanicked(vec![7; LONGEST_REPORT]);
        send(&server, &report, None).unwrap();
        let packet = pool.receive().unwrap().expect("it was sent");
        assert_eq!(decode::<Report>(&packet.bytes), Some(report));
    }
}
