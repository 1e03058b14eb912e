//! A worker process, from its first frame to its exit.
//!
//! Owns the main loop: Hello, the initializer, tasks one after another, the finalizer, Exit.
//! Imports nothing from the parent's side. The worker ends in one of five ways:
//!
//! - It is asked to (`Exit`): the finalizer takes the state, or the state is dropped. Exit handlers
//!   run, except in a forked copy of another process, to which the handlers belong. Code 0, or 101
//!   if one of the two panicked.
//! - Its initializer fails: the failure is sent, exit handlers run as above, code 1.
//! - It cannot continue, because the system refuses it something or its parent sent an invalid
//!   frame: at once, code 70, with a line on stderr.
//! - Its parent is gone: at once, in the middle of whatever runs (the kernel ensures it).
//! - A task or the initializer ends the process.
//!
//! User code may fork(2) and return in both processes. The copy then exits at once, silently: the
//! link and everything that follows belong to its original.

mod identity;

use std::io::{self, Write};
use std::panic::AssertUnwindSafe;

use nix::errno::Errno;
use nix::unistd::getpid;
use procpool_link::Socket;
use procpool_link::{Entry, Frame, Hello, Payload, ResultStatus, VERSION};
use procpool_link::{GONE, WorkerEnd};
use procpool_os::code::Function;
use procpool_os::exit::{complain, exit_now};
use procpool_os::image::ImageIdentity;
use procpool_os::lineage::Lineage;
use procpool_os::refused::Refused;
use procpool_os::signal;

use crate::failure::{Failure, encode_failure};
use crate::panics;
use crate::sys::function;
use crate::task::{CallBuffers, Trampoline, WorkerState};

/// The exit code of a worker that stops because its parent is gone. Nobody reads it.
const ABANDONED: i32 = 0;

pub(crate) use identity::task_link;
pub use identity::{retire_worker, should_stop, worker_id};

/// The exit code of a worker whose finalizer or state's destructor panicked: that of Rust programs
/// that panic.
const PANICKED: i32 = 101;

/// The exit code of a worker that cannot continue: the system refused it something, or its parent
/// sent a frame that it does not understand.
const CONFUSED: i32 = 70;

/// Serves `link` as worker `id` of its pool until the end of the process. The orderly ends call
/// `exit`. `prepared` says whether the steps before that succeeded.
pub(crate) fn run(
    mut link: WorkerEnd,
    id: usize,
    exit: fn(i32) -> !,
    prepared: Result<(), Refused>,
) -> ! {
    let home = Lineage::current();
    identity::set(id, link.task_link());
    // A worker that was forked by a task is a copy of its process.
    panics::set_running(None);
    if let Err(message) = set_up(&link, prepared) {
        fail(&link, &Failure::Setup(message), exit);
    }
    let ImageIdentity { device, inode } = ImageIdentity::current();
    let pid = getpid().as_raw() as u32;
    tell(&link, Frame::Hello(Hello { version: VERSION, pid, device, inode }), &[]);

    let mut state: WorkerState = Some(Box::new(()));
    let mut call = CallBuffers::new(link.draft(), home);
    let mut code = 0;
    loop {
        let received = match link.receive() {
            Ok(received) => received,
            Err(error) => leave(&error),
        };
        let frame = received.frame();
        let mut lost = None;
        match received.payload {
            Payload::Small(bytes) => {
                call.arguments.clear();
                call.arguments.extend_from_slice(bytes);
            }
            Payload::Large(bytes) => call.arguments = bytes,
            Payload::Lost(bytes) => lost = Some(bytes as u64),
        }
        match frame {
            Ok(Frame::Initialize { entry }) => {
                let initialized = run_entry(None, entry, lost, &mut call, &mut state);
                home.end_copy();
                match initialized {
                    Ok(()) => tell(&link, Frame::Ready, &[]),
                    Err(failure) => fail(&link, &failure, exit),
                }
            }
            Ok(Frame::CallItem { index, entry }) => match link.claim(index) {
                Ok(true) => {
                    if let Err(error) = link.begin_draft(&mut call.draft, call.arguments.len()) {
                        leave(&error);
                    }
                    let outcome = run_entry(Some(index), entry, lost, &mut call, &mut state);
                    home.end_copy();
                    let status = match outcome {
                        Ok(()) => ResultStatus::Value,
                        Err(failure) => {
                            call.output = encode_failure(&failure);
                            ResultStatus::Failure
                        }
                    };
                    if let Err(error) = link.send_result(index, status, &call.draft, &call.output) {
                        leave(&error);
                    }
                }
                Ok(false) => {}
                Err(error) => leave(&error),
            },
            Ok(Frame::Finalize { entry }) => {
                let (run, function) = resolve(entry);
                code =
                    last_act("finalizer", || drop(run(function, &mut call, &mut state))).max(code);
                home.end_copy();
            }
            Ok(Frame::Exit) => {
                code = last_act("state's destructor", || drop(state.take())).max(code);
                home.end_copy();
                exit(code);
            }
            Ok(_) | Err(_) => confused("a frame that is not for workers"),
        }
        if let Some(memory) = call.recycle() {
            link.reuse(memory);
        }
    }
}

fn set_up(link: &WorkerEnd, prepared: Result<(), Refused>) -> Result<(), String> {
    match link.end_with_parent() {
        Err(error) if error.kind() == GONE => leave(&error),
        other => other.map_err(|error| error.to_string())?,
    }
    if getpid().as_raw() < 0 {
        return Err(Refused::new("getpid")(Errno::last()).to_string());
    }
    panics::install(Some(link.socket()));
    prepared.and_then(|()| signal::adopt_sigint()).map_err(|refused| refused.to_string())
}

/// Runs the initializer, or the task or chunk with this index, unless so many bytes of its arguments were `lost`.
fn run_entry(
    index: Option<u64>,
    entry: Entry,
    lost: Option<u64>,
    call: &mut CallBuffers,
    state: &mut WorkerState,
) -> Result<(), Failure> {
    if let Some(bytes) = lost {
        return Err(Failure::OutOfMemory(bytes));
    }
    let (trampoline, function) = resolve(entry);
    panics::set_running(index);
    let outcome = panics::catch(|| trampoline(function, call, state));
    panics::set_running(None);
    outcome
}

/// Runs the steps after the last task, and returns the exit code for them. Nobody reads their
/// result, so a panic in them is printed here.
fn last_act(what: &str, act: impl FnOnce()) -> i32 {
    match panics::catch_message(AssertUnwindSafe(act)) {
        Ok(()) => 0,
        Err(panic) => {
            complain(&format!("the {what} of worker {} {panic}", getpid()));
            PANICKED
        }
    }
}

fn resolve(entry: Entry) -> (Trampoline, Function) {
    match (function::sent_as(entry.trampoline), function::sent(entry.function)) {
        (Some(trampoline), Some(function)) => (trampoline, function),
        _ => confused("a call of what is not a function of this program"),
    }
}

fn tell(link: &WorkerEnd, frame: Frame, payload: &[u8]) {
    if let Err(error) = link.tell(frame, payload) {
        leave(&error);
    }
}

/// Ends a worker whose link is no longer usable.
fn leave(error: &io::Error) -> ! {
    match error.kind() {
        GONE => exit_now(ABANDONED),
        io::ErrorKind::InvalidData => confused(&error.to_string()),
        _ => give_up(&error.to_string()),
    }
}

/// Ends a worker that received bytes that no working parent sends.
fn confused(what: &str) -> ! {
    give_up(&format!("it got {what}"))
}

/// Ends a worker that cannot continue.
fn give_up(why: &str) -> ! {
    complain(&format!("worker {} cannot go on: {why}", getpid()));
    exit_now(CONFUSED)
}

/// Reports that a process cannot become a worker, and ends it.
pub(crate) fn refuse(mut socket: &Socket, why: String) -> ! {
    let failure = encode_failure(&Failure::Setup(why.clone()));
    // Nothing more can be reported, whether or not this arrives.
    let _ = socket.write_all(&[&*Frame::InitializerFailed.head(failure.len()), &failure].concat());
    give_up(&why)
}

fn fail(link: &WorkerEnd, failure: &Failure, exit: fn(i32) -> !) -> ! {
    tell(link, Frame::InitializerFailed, &encode_failure(failure));
    exit(1);
}
