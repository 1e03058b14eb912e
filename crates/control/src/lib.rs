//! The packets between a pool and the server that starts its workers.
//!
//! ```text
//!  pool ── Request + descriptors ──▶ server      one packet each, over a PacketSocket
//!       ◀─ Report (+ descriptor) ───             the server: a forkserver, or what reaches other hosts
//!       ── Lifeline ─────────────▶ Held          one pipe for each process: a byte or the end kills it
//! ```
//!
//! An internal crate of procpool: its interface follows the pool's needs. It owns the packets, the encoding of
//! requests and reports, the lifelines, the names of hosts, and the description of how a process ended. It knows no pool, no task and no link, and starts nothing.

#![deny(unsafe_code)]

mod ended;
mod host;
mod report;
#[expect(unsafe_code, reason = "the fence: everything unsafe is in this module")]
mod sys;

pub use crate::ended::{Ended, ResourceUsage, WorkerExit};
pub use crate::host::HostName;
pub use crate::report::{Report, Request, StartRequest, decode, send, send_last};
pub use crate::sys::lifeline::{Held, Lifeline, hold};
pub use crate::sys::packet::{LONGEST, Packet, PacketSocket, pair};
