//! `init()`: where a program becomes a worker, or goes on as itself.

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::Pid;

use super::WORKER_ARGUMENT;
use crate::link::{ParentLink, SEGMENT, Segment};
use crate::sys::process::{exit_now, restore_name};
use crate::sys::signal::ignore_sigpipe;
use crate::sys::socket::Socket;
use crate::worker;

/// Whether this program's copies can become workers.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// Makes this program fit for pools. Call it first in `main`.
///
/// Workers are this same program, started again. In a worker this call takes over and never
/// returns; in the program itself it returns at once, and may be called again.
///
/// What stands before it in `main` runs in every worker too: a worker that prints there prints
/// once per worker, one that waits there is late, and one that never arrives is given up after
/// [`start_timeout`](crate::Builder::start_timeout). A worker's standard input is `/dev/null`, and
/// its command line is not the program's, so arguments are best parsed after `init()`.
///
/// Do not call it inside `#[tokio::main]` or on a second thread: tasks run on the thread that
/// called it, and inside another runtime's worker they may not block. In a test program, where
/// `main` belongs to the test harness, use [`init_tests!`](crate::init_tests).
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
pub fn init() {
    serve_if_worker();
    mark_initialized();
}

fn mark_initialized() {
    INITIALIZED.store(true, Ordering::Relaxed);
}

pub(crate) fn is_initialized() -> bool {
    // Relaxed: the flag guards no other memory.
    INITIALIZED.load(Ordering::Relaxed)
}

/// What [`init_tests!`](crate::init_tests) does before `main`.
pub(crate) fn serve_before_main() {
    let is_worker = std::env::args_os().nth(1).is_some_and(|first| first == WORKER_ARGUMENT);
    if is_worker && let Err(errno) = ignore_sigpipe() {
        eprintln!("procpool: SIGPIPE cannot be ignored: {}", errno.desc());
    }
    init();
}

/// Becomes a worker if this process was started as one.
fn serve_if_worker() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|argument| argument != WORKER_ARGUMENT) {
        return;
    }
    let Some((link, id)) = arguments.next().and_then(adopt) else {
        eprintln!(
            "{WORKER_ARGUMENT} is how procpool starts the workers of this program; it is of no use \
             on a command line"
        );
        exit_now(2);
    };
    restore_name();
    // Pools inside tasks: their workers are this program again, and pass here.
    mark_initialized();
    worker::run(link, id)
}

/// Reads the second argument and takes over the link that it names.
fn adopt(argument: OsString) -> Option<(ParentLink, usize)> {
    let argument = argument.into_string().ok()?;
    let mut numbers = argument.split(':').map(str::parse::<i32>);
    let mut number = || numbers.next()?.ok();
    let (socket, memory, parent) = (number()?, number()?, number()?);
    let id = usize::try_from(number()?).ok()?;
    let socket = Socket::inherited(socket)?;
    let segment = Segment::inherited(memory, SEGMENT)?;
    Some((ParentLink::new(socket, segment, Pid::from_raw(parent)), id))
}
