//! The same process pool on several machines.
//!
//! One command starts all relays: `srun`, `mpiexec`, `ssh`, a shell line. Each is this executable again, dials back to the program, and starts
//! workers on its host when the pool needs them. `submit`, `map`, the initializer, the state of workers and
//! the errors are those of [`procpool`].
//!
//! ```no_run
//! use procpool::ProcessPoolExecutor;
//! use procpool_hosts::{OnHosts, srun};
//!
//! fn main() -> Result<(), procpool::Error> {
//!     procpool_hosts::init(); // in a relay or a worker this never returns
//!     let executor = ProcessPoolExecutor::builder().launcher(srun()).build()?;
//!     for square in executor.map(|x: u64| x * x, 0..1000) {
//!         println!("{}", square?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # The machine
//!
//! ```text
//!  program                                                        host n1, n2, …
//! ┌────────────────────────────────────────┐                     ┌────────────────────────────────────┐
//! │ pool ◀─ link ─▶ Seat ┐  (one for each  │   TCP, Noise        │            ┌─ link ─▶ worker       │
//! │ pool ◀─ link ─▶ Seat ┼─ Server ─ Channel ◀───────────────────▶ Channel ─ relay process             │
//! │                      ┘  worker)        │   one connection    │            └─ starts, kills, reaps │
//! │ pool ◀─ requests, reports ─▶ Server    │   for each relay    └────────────────────────────────────┘
//! │            the launcher's command ─────┼──────── starts every relay ─────────▲
//! └────────────────────────────────────────┘
//! ```
//!
//! - Neither the pool nor a worker knows of networks. For the pool the *server*, a thread of the program, is a
//!   forkserver: it receives the same requests and answers with the same reports. For the worker the *relay*
//!   is the program that started it.
//! - A *seat* plays the worker's side of a link in the program, the relay plays the pool's side of another one
//!   on the host. In between the frames of both travel unchanged, cut into pieces, encrypted.
//! - A relay has at most one worker at a time. When that has ended, the relay starts the next one.
//!
//! This crate owns the launcher's command, the listener, the handshake, the connections, their heartbeats, and the two
//! sides of a relayed link. It must not know which worker gets which task, nor what a task is.
//!
//! # Guarantees
//!
//! - A call is claimed by the seat in the moment in which it is handed to the connection, and the next one only
//!   when its result has been published. So a host that is lost leaves one call of each of its workers in
//!   doubt. Calls that the pool has sent ahead are in the seat's ring, were never on the network, and run elsewhere.
//! - Of a chunk of a map whose worker died, its relay reports the items that had finished, and which one the worker
//!   died of. Of a chunk whose host is lost, every item is in doubt.
//! - How a worker ends is observed on its host, by its parent: exit code or signal, resource usage. The error names the host.
//! - Both sides prove that they know a secret of the run before anything is believed (Noise NNpsk0, by `snow`), and
//!   everything that travels is encrypted and authenticated. The secret is in the launched command's
//!   environment, never in its arguments; the workers do not inherit it.
//! - A relay proves that it is the same build (by build id, or else by a hash of the file); another one is refused, and the error says so.
//! - A connection that does not prove anything costs a descriptor and 2 KiB, at most 64 times at once and for at
//!   most 5 seconds.
//! - Silence is a lost host, on both sides: after [`silence`](Launcher::silence) the program fails the call that
//!   was in doubt, and the relay kills its worker and exits. A relay whose program is gone does so at once.
//! - A long argument is sent in pieces of 64 KiB, between which every other connection gets its turn.
//!
//! A program that dies takes the launcher's command along: the kernel sends that SIGTERM, on which `srun` leaves the
//! queue.
//!
//! # Promises
//!
#![doc = include_str!("promises.md")]
#![deny(unsafe_code)]

mod address;
mod build;
mod channel;
mod command;
mod frames;
mod handshake;
mod message;
mod relay;
mod seat;
mod server;
#[expect(unsafe_code, reason = "the fence: everything unsafe is in this module")]
mod sys;

use std::time::Duration;

pub use crate::command::{Launcher, command, mpiexec, shell, srun};

use crate::server::Remote;

/// Prepares this program for pools on other hosts. Call it first in `main`, instead of [`procpool::init`].
///
/// A relay is this same program, started again by the launcher's command. In it, as in a worker, this call takes
/// over and never returns. In the program itself it returns at once.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool_hosts::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
///     Ok(())
/// }
/// ```
pub fn init() {
    relay::serve_if_started_to();
    procpool::init();
}

/// How long the launcher's command may wait in a queue by default. Shorter breaks pools on a busy cluster; longer
/// only matters where a command waits forever.
const QUEUE: Duration = Duration::from_secs(24 * 60 * 60);

/// A builder whose workers a [`Launcher`] starts on other hosts.
///
/// # Examples
///
/// ```no_run
/// use procpool_hosts::{OnHosts, mpiexec};
///
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool_hosts::init();
/// let builder = procpool::ProcessPoolExecutor::builder().launcher(mpiexec().workers(8));
/// let executor = builder.build()?;
/// #     drop(executor);
/// #     Ok(())
/// # }
/// ```
pub trait OnHosts {
    /// Has `launcher` start the workers.
    ///
    /// Sets [`max_workers`](procpool::Builder::max_workers) to the launcher's number of workers, and
    /// [`start_timeout`](procpool::Builder::start_timeout) to a day, because a command may wait in a queue. Call
    /// these afterwards for fewer, or for less.
    ///
    /// # Examples
    ///
    /// See [`OnHosts`].
    fn launcher(self, launcher: Launcher) -> Self;
}

impl<S> OnHosts for procpool::Builder<S> {
    fn launcher(self, launcher: Launcher) -> Self {
        let workers = launcher.count();
        self.max_workers(workers).start_timeout(QUEUE).__elsewhere(Box::new(Remote::new(launcher)))
    }
}
