//! A worker process, from its first word to its exit.
//!
//! Owns the main loop: Hello, the initializer, tasks one after another, Exit. Imports nothing from
//! the parent's side. The worker ends in one of four ways:
//!
//! - asked to (`Exit`): the state is dropped, exit handlers run, code 0;
//! - its initializer failed: the failure is sent, exit handlers run, code 1;
//! - its parent is gone: at once, in the middle of whatever runs (the watchdog sees to it);
//! - a task or the initializer ended the process.

mod watchdog;

use std::panic::AssertUnwindSafe;

use nix::unistd::{Pid, getpid};

use crate::link::ParentLink;
use crate::panics;
use crate::sys::code::{self, Function};
use crate::sys::image::ImageIdentity;
use crate::sys::process::exit_now;
use crate::sys::{code::FnPointer, signal};
use crate::task::{CallTrampoline, InitTrampoline, WorkerState};
use crate::wire::{
    Entry, Failure, Frame, FrameBuilder, Hello, InitializerFailure, ResultStatus, VERSION,
    encode_failure,
};

/// The exit code of a worker that stops because its parent is gone. Nobody reads it.
const ABANDONED: i32 = 0;

/// The exit code of a worker whose parent said something that it does not understand.
const CONFUSED: i32 = 70;

/// Serves `link` until the end of the process.
pub(crate) fn run(mut link: ParentLink, parent: Pid) -> ! {
    if let Err(message) = set_up(&link, parent) {
        fail(&link, &InitializerFailure::Setup(message));
    }
    let ImageIdentity { device, inode } = ImageIdentity::current();
    let pid = getpid().as_raw() as u32;
    send(&link, &Frame::Hello(Hello { version: VERSION, pid, device, inode }).encode());

    let mut state: WorkerState = Some(Box::new(()));
    loop {
        let Ok(Some(received)) = link.receive() else { exit_now(ABANDONED) };
        match Frame::decode(received.bytes()) {
            Ok(Frame::Initialize { entry, initargs }) => {
                let initialized = initialize(entry, initargs, &mut state);
                drop(received);
                match initialized {
                    Ok(()) => send(&link, &Frame::Ready.encode()),
                    Err(failure) => fail(&link, &failure),
                }
            }
            Ok(Frame::CallItem { id, entry, arguments }) => {
                let result = call(id, entry, arguments, &mut state);
                drop(received);
                send(&link, &result);
            }
            Ok(Frame::Exit) => {
                // A destructor that panics must not look like a crash: nobody waits for its task.
                let _ = panics::catch_message(AssertUnwindSafe(|| drop(state.take())));
                std::process::exit(0);
            }
            Ok(_) | Err(_) => {
                eprintln!("procpool: worker {pid} got a frame that is not for workers");
                exit_now(CONFUSED);
            }
        }
    }
}

fn set_up(link: &ParentLink, parent: Pid) -> Result<(), String> {
    watchdog::start(link, parent).map_err(|error| format!("no watchdog thread: {error}"))?;
    panics::install(link.socket());
    signal::adopt_sigint().map_err(|error| format!("no SIGINT handler: {error}"))
}

fn initialize(
    entry: Entry,
    initargs: &[u8],
    state: &mut WorkerState,
) -> Result<(), InitializerFailure> {
    let (trampoline, function) = resolve::<InitTrampoline>(entry);
    let run = AssertUnwindSafe(|| trampoline(function, initargs, &mut Vec::new(), state));
    panics::catch_message(run).unwrap_or_else(|panic| Err(InitializerFailure::Panicked(panic)))
}

/// Runs one task and returns the frame that answers it.
fn call(id: u64, entry: Entry, arguments: &[u8], state: &mut WorkerState) -> Vec<u8> {
    let (trampoline, function) = resolve::<CallTrampoline>(entry);
    panics::set_current(Some(id));
    let mut frame = FrameBuilder::result_item(id);
    let outcome = panics::catch(|| trampoline(function, arguments, frame.bytes(), state));
    panics::set_current(None);
    match outcome {
        Ok(()) => frame.finish(),
        Err(failure) => failure_frame(id, &failure),
    }
}

fn failure_frame(id: u64, failure: &Failure) -> Vec<u8> {
    Frame::ResultItem { id, status: ResultStatus::Failure, payload: &encode_failure(failure) }
        .encode()
}

fn resolve<T: FnPointer>(entry: Entry) -> (T, Function) {
    let trampoline = code::resolve(entry.trampoline).and_then(Function::typed::<T>);
    match (trampoline, code::resolve(entry.function)) {
        (Some(trampoline), Some(function)) => (trampoline, function),
        _ => {
            eprintln!("procpool: a worker was asked to call what is not a function of its program");
            exit_now(CONFUSED)
        }
    }
}

fn send(link: &ParentLink, frame: &[u8]) {
    if link.send(frame).is_err() {
        exit_now(ABANDONED);
    }
}

fn fail(link: &ParentLink, failure: &InitializerFailure) -> ! {
    send(link, &Frame::InitializerFailed(failure.clone()).encode());
    std::process::exit(1);
}
