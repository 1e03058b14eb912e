//! `init()`: where a program becomes a worker or a server, or goes on as itself.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::Pid;

use super::{SERVER_ARGUMENT, WORKER_ARGUMENT, server};
use crate::link::{ParentLink, SEGMENT, Segment};
use crate::sys::code::{self, Function};
use crate::sys::descriptor::open_closed_streams;
use crate::sys::image::ImageIdentity;
use crate::sys::lifeline;
use crate::sys::packet::PacketSocket;
use crate::sys::privileges;
use crate::sys::process::{complain, exit_now, restore_name};
use crate::sys::signal::{ignore_sigpipe, mask_of};
use crate::sys::socket::Socket;
use crate::wire::FunctionRef;
use crate::worker;

/// The exit code of a process that was started as what it cannot be.
const REFUSED: i32 = 2;

/// Whether this program's copies can become workers.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// Makes this program fit for pools. Call it first in `main`.
///
/// Workers are this same program, started again, or copies of a server that is. In these this call
/// takes over and never returns; in the program itself it returns at once. It may be called again, in a
/// task too, and then does nothing.
///
/// What stands before it in `main` runs in every worker too: a worker that prints there prints
/// once per worker, one that waits there is late, and one that never arrives is given up after
/// [`start_timeout`](crate::Builder::start_timeout). A worker's standard input is `/dev/null`, and
/// its command line is not the program's, so arguments are best parsed after `init()`.
///
/// What workers need, too, stands before it, a logger above all: one that is set behind it is the
/// program's alone. An initializer is the other place. (Panics of tasks are reported to the parent and
/// pass no hook.)
///
/// Do not call it inside `#[tokio::main]` or on a second thread: tasks run on the thread that
/// called it, and inside another runtime they may not block. In a test program, where `main` belongs
/// to the test harness, use [`init_tests!`](crate::init_tests); in a library whose users' `main` should
/// not know of it, [`init_before_main!`](crate::init_before_main).
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
/// An asynchronous program has a plain `main`, and the runtime behind it. With tokio's attribute that
/// is two lines: `fn main() { procpool::init(); run() }`, and `#[tokio::main] async fn run()` for what
/// was `main`. Without:
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
    // The command line counts once: in a worker, or in a copy of a server, a later call is a task's.
    // Relaxed: the flag guards no other memory.
    if !INITIALIZED.swap(true, Ordering::Relaxed) {
        // Now, because later this process, or a server that it becomes, may have changed its root.
        let _ = ImageIdentity::current();
        serve_if_started_to();
    }
}

pub(crate) fn is_initialized() -> bool {
    // Relaxed: the flag guards no other memory.
    INITIALIZED.load(Ordering::Relaxed)
}

/// What [`init_before_main!`](crate::init_before_main) does before `main`.
pub(crate) fn serve_before_main() {
    if role().is_some() {
        ignore_sigpipe();
        if let Err(errno) = open_closed_streams() {
            complain(&format!("a closed stream cannot be opened: {}", errno.desc()));
        }
    }
    init();
}

/// What this process was started as, if not as itself: the argument that says so.
fn role() -> Option<&'static str> {
    let first = std::env::args_os().nth(1)?;
    [WORKER_ARGUMENT, SERVER_ARGUMENT].into_iter().find(|role| first == *role)
}

/// Becomes a worker or a server if this process was started as one.
fn serve_if_started_to() {
    let Some(role) = role() else { return };
    if privileges::differ_from_callers() {
        complain(&format!(
            "{role} is not believed: this program has other privileges than its caller (set-user-ID, \
             set-group-ID, file capabilities, or an effective user or group that is not the real one)"
        ));
        exit_now(REFUSED);
    }
    let serve = if role == WORKER_ARGUMENT { serve_as_worker } else { serve_as_server };
    let Some(never) =
        std::env::args_os().nth(2).and_then(|place| serve(&place.into_string().ok()?))
    else {
        complain(&format!(
            "{role} is how the workers of this program are started; it is of no use on a command line"
        ));
        exit_now(REFUSED);
    };
    match never {}
}

/// Whether `parent` runs this executable, as far as /proc says who does.
fn runs_this_executable(parent: Pid) -> bool {
    let theirs = ImageIdentity::of(parent);
    theirs.is_none_or(|theirs| theirs == ImageIdentity::current())
}

/// Reads a worker's second argument: its link's socket and memory, its lifeline, the parent, and its
/// number in the pool.
pub(crate) fn parse_place(argument: &str) -> Option<([i32; 3], i32, usize)> {
    let mut numbers = argument.split(':').map(str::parse::<i32>);
    let mut number = || numbers.next()?.ok();
    let descriptors = [number()?, number()?, number()?];
    let (parent, id) = (number()?, usize::try_from(number()?).ok()?);
    let [socket, memory, lifeline] = descriptors;
    // Each descriptor has one owner.
    let distinct = socket != memory && memory != lifeline && lifeline != socket;
    (numbers.next().is_none() && distinct).then_some((descriptors, parent, id))
}

/// Takes over the link that a worker's second argument names, and serves it. `None` when the argument
/// makes no sense.
fn serve_as_worker(argument: &str) -> Option<Infallible> {
    let ([socket, memory, held], parent, id) = parse_place(argument)?;
    let parent = Pid::from_raw(parent);
    let socket = Socket::inherited(socket, parent).filter(|_| runs_this_executable(parent))?;
    let Some(segment) = Segment::inherited(memory, SEGMENT) else {
        worker::refuse(&socket, worker::NO_MEMORY.to_owned())
    };
    lifeline::hold(lifeline::inherited(held)?).for_good();
    restore_name();
    let link = ParentLink::new(socket, segment, parent);
    worker::run(link, id, std::process::exit, Ok(()))
}

/// The same for a server: its socket, its lifeline, the process it works for, its workers' signal mask,
/// and `preload`.
fn serve_as_server(place: &str) -> Option<Infallible> {
    let mut parts = place.split(':');
    let mut number = || parts.next()?.parse().ok();
    let (control, held, parent) = (number()?, number()?, number()?);
    if control == held {
        return None;
    }
    let parent = Pid::from_raw(parent);
    let mask = mask_of(parts.next()?.parse().ok()?);
    let preload = match parts.next() {
        None => None,
        Some(offset) => {
            let (offset, tag) = (offset.parse().ok()?, parts.next()?.parse().ok()?);
            Some(code::resolve(FunctionRef { offset, tag }).and_then(Function::typed)?)
        }
    };
    let control = PacketSocket::inherited(control, parent);
    let control = control.filter(|_| runs_this_executable(parent))?;
    server::run(control, lifeline::inherited(held)?, parent, mask, preload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_five_numbers() {
        assert_eq!(parse_place("5:6:9:-7:8"), Some(([5, 6, 9], -7, 8)));
        for text in [
            "",
            "5",
            "5:6:9:7",
            "5:6:9:7:",
            "5:6:9:7:8:9",
            "5:6:9:7:-8",
            "5: 6:9:7:8",
            "5:6:9:7:x",
            "5:5:9:7:8",
            "5:6:5:7:8",
            "5:6:6:7:8",
        ] {
            assert_eq!(parse_place(text), None, "{text}");
        }
    }
}
