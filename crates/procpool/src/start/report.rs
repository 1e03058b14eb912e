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

use crate::error::RemotePanic;
use crate::sys::packet::{LONGEST, PacketSocket};
use crate::sys::process::Ended;

/// What a pool asks of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
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
pub(super) struct Worker {
    /// The number under which it is talked of.
    pub(super) serial: u64,
    /// Its number in its pool.
    pub(super) id: usize,
    pub(super) leads_group: bool,
}

/// What a server tells its pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Report {
    Preloading,
    Ready,
    PreloadPanicked(RemotePanic),
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

impl Report {
    /// A panic, as much of it as fits into a packet.
    pub(super) fn of_panic(mut panic: RemotePanic) -> Self {
        // With room for the rest of the report.
        let room = LONGEST - 1024;
        let location = panic.location.as_ref().map_or(0, String::len);
        cut(&mut panic.message, room.saturating_sub(location));
        if let Some(backtrace) = &mut panic.backtrace {
            cut(backtrace, room.saturating_sub(location + panic.message.len()));
        }
        Report::PreloadPanicked(panic)
    }
}

/// Cuts off what makes `text` longer than `limit` bytes.
fn cut(text: &mut String, limit: usize) {
    let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
}

/// Sends what is to be said.
///
/// # Errors
///
/// Those of [`PacketSocket::send`].
pub(super) fn send(
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
pub(super) fn send_last(socket: &PacketSocket, message: &impl Serialize) {
    let bytes = postcard::to_stdvec(message).unwrap_or_default();
    let _ = socket.send(&bytes, None).or_else(|_| write(socket, &bytes).map(drop));
}

/// Reads what was said; `None` when it makes no sense.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::packet;

    #[test]
    fn a_panic_of_any_length_arrives() {
        let long = |letter: &str| letter.repeat(LONGEST);
        let panic = |message, backtrace| RemotePanic {
            message,
            location: Some("here.rs:1:1".to_owned()),
            backtrace,
        };
        let (server, pool) = packet::pair().unwrap();
        for panic in [panic(long("ü"), Some(long("b"))), panic("short".to_owned(), Some(long("b")))]
        {
            send(&server, &Report::of_panic(panic.clone()), None).unwrap();
            let packet = pool.receive().unwrap().expect("it was sent");
            let Some(Report::PreloadPanicked(arrived)) = decode(&packet.bytes) else {
                panic!("not a panic")
            };
            assert_eq!(arrived.location, panic.location);
            assert!(panic.message.starts_with(&arrived.message) && !arrived.message.is_empty());
            assert!(panic.backtrace.unwrap().starts_with(&arrived.backtrace.unwrap()));
        }
    }
}
