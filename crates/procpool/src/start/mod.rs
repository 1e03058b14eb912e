//! How this pool's workers start: joins the parts of `procpool_launch` and `procpool_link` that it
//! uses.
//!
//! Owns [`init`], the two roles of a started process, and the user's choice of start method and
//! surroundings, which it checks when the pool is built. Each worker inherits its end of a link.

mod method;
mod output;
mod surroundings;

use procpool_launch::{Connect, Ends, Handover, Launcher, Roles, StartError};
use procpool_link::{ParentEnd, Socket, WorkerEnd};

use crate::error::{self, BrokenCause};
use crate::{panics, worker};

pub(crate) use method::Plan;
pub use method::StartMethod;
pub use output::Output;
pub(crate) use procpool_launch::is_initialized;
pub(crate) use surroundings::SurroundingsOptions;

/// Starts workers, each with a link.
pub(crate) type Starter = Launcher<ParentEnd>;

const ROLES: Roles = Roles { worker: serve, preload: panics::catch_preload };

/// Creates a link, and the descriptors of it that a worker inherits.
const CONNECT: Connect<ParentEnd> = || {
    let (link, ends) = ParentEnd::pair().map_err(|(what, errno)| StartError { what, errno })?;
    Ok((link, Ends { socket: ends.socket, memory: ends.memory }))
};

/// The same, for a worker that is elsewhere.
const CONNECT_RELAY: Connect<ParentEnd> =
    || CONNECT().map(|(link, ends)| (ParentEnd::relayed(link), ends));

/// The report of a worker that cannot take over its link.
const NO_MEMORY: &str = "fstat(2), fcntl(2) or mmap(2) is refused, or the memory that it shares with \
    its pool is not what it should be";

/// Prepares this program for pools. Call it first in `main`.
///
/// Workers are this same program, started again, or forked copies of a forkserver that is. In them this
/// call takes over and never returns; in the program itself it returns at once. It may be called
/// again, even in a task, and then does nothing.
///
/// Code before it in `main` runs in every worker too: if it prints, it prints once per worker; if
/// it waits, workers start late; and a worker that never reaches `init` is given up after
/// [`start_timeout`](crate::Builder::start_timeout). A worker's standard input is `/dev/null`, and
/// its command line is not the program's, so parse arguments after `init()`.
///
/// Set up anything that workers need before it, above all a logger: one that is set up after it
/// exists in the program only. The alternative is an initializer. (Panics of tasks are reported to
/// the parent and do not call the program's hook.)
///
/// Do not call it inside `#[tokio::main]` or on a second thread: tasks run on the thread that
/// called it, and inside another runtime they may not block. In a test program, where `main`
/// belongs to the test harness, use [`init_tests!`](crate::init_tests). In a library whose users
/// should not need a call in their `main`, use [`init_before_main!`](crate::init_before_main).
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().build()?;
///     executor.submit(|()| println!("in a worker"), ()).result()
/// }
/// ```
///
/// An asynchronous program has a plain `main` that starts the runtime after `init()`. With tokio's
/// attribute that takes two lines: `fn main() { procpool::init(); run() }`, and
/// `#[tokio::main] async fn run()` for the former `main`. Without the attribute:
///
/// ```
/// async fn run() -> Result<u32, procpool::Error> {
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     executor.submit(|x: u32| x + 1, 1).await
/// }
///
/// fn main() {
///     procpool::init();
///     let runtime = tokio::runtime::Builder::new_current_thread().build();
///     assert_eq!(runtime.expect("a runtime can be made").block_on(run()), Ok(2));
/// }
/// ```
pub fn init() {
    procpool_launch::init(ROLES);
}

/// Runs before `main`, for [`init_before_main!`](crate::init_before_main).
pub(crate) fn serve_before_main() {
    procpool_launch::init_before_main(ROLES);
}

/// Serves as a worker.
fn serve(handover: Handover) -> ! {
    let Handover { parent, slot, socket, memory, exit, prepared } = handover;
    let socket = Socket::from(socket);
    let link = match memory {
        None => Err(socket),
        Some(memory) => WorkerEnd::new(socket, memory, parent),
    };
    match link {
        Ok(link) => worker::run(link, slot, exit, prepared),
        Err(socket) => worker::refuse(&socket, NO_MEMORY.to_owned()),
    }
}

// Not `From`, which would be public: a type of an internal crate has no place in the interface.
impl BrokenCause {
    pub(crate) fn from_start_error(StartError { what, errno }: StartError) -> Self {
        BrokenCause::StartFailed { what: what.into(), errno: error::Errno::from_raw(errno as i32) }
    }
}
