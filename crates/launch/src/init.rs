//! `init()`: here a program becomes a worker or a forkserver, or continues as itself.
//!
//! Owns the checks of the command line that a process makes before it serves.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::Pid;
use procpool_control::{PacketSocket, hold};
use procpool_os::code::FunctionRef;
use procpool_os::descriptor::open_closed_streams;
use procpool_os::exit::{complain, exit_now};
use procpool_os::image::ImageIdentity;
use procpool_os::signal::{ignore_sigpipe, mask_of};

use crate::sys::process::restore_name;
use crate::sys::{function, inherit, privileges};
use crate::{FORKSERVER_ARGUMENT, Handover, Roles, WORKER_ARGUMENT, forkserver_main};

/// The exit code of a process that refuses its command line.
const REFUSED: i32 = 2;

/// Whether this program's copies can become workers.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// Records that this program's copies can become workers. Never returns in a process that was started as a
/// worker or a forkserver. Later calls do nothing.
pub fn init(roles: Roles) {
    // The command line counts once: in a worker, or in a copy of a forkserver, a later call is a task's.
    // Relaxed: the flag guards no other memory.
    if !INITIALIZED.swap(true, Ordering::Relaxed) {
        // Measured now: later this process, or the forkserver that it becomes, may have changed its root.
        let _ = ImageIdentity::current();
        serve_if_started_to(roles);
    }
}

/// Returns whether [`init`] was called.
pub fn is_initialized() -> bool {
    // Relaxed: the flag guards no other memory.
    INITIALIZED.load(Ordering::Relaxed)
}

/// Does what [`init`] does, before `main`. In a worker or a forkserver it first does what Rust's runtime
/// does before `main`.
pub fn init_before_main(roles: Roles) {
    if role().is_some() {
        ignore_sigpipe();
        if let Err(errno) = open_closed_streams() {
            complain(&format!("a closed stream cannot be opened: {}", errno.desc()));
        }
    }
    init(roles);
}

/// Returns the argument that makes this process a worker or a forkserver, if there is one.
fn role() -> Option<&'static str> {
    let first = std::env::args_os().nth(1)?;
    [WORKER_ARGUMENT, FORKSERVER_ARGUMENT].into_iter().find(|role| first == *role)
}

/// Becomes a worker or a forkserver if this process was started as one.
fn serve_if_started_to(roles: Roles) {
    let Some(role) = role() else { return };
    if privileges::differ_from_callers() {
        complain(&format!(
            "{role} is not believed: this program has other privileges than its caller (set-user-ID, \
             set-group-ID, file capabilities, or an effective user or group that is not the real one)"
        ));
        exit_now(REFUSED);
    }
    let serve = if role == WORKER_ARGUMENT { serve_as_worker } else { serve_as_forkserver };
    let Some(never) =
        std::env::args_os().nth(2).and_then(|text| serve(roles, &text.into_string().ok()?))
    else {
        complain(&format!(
            "{role} is how the workers of this program are started; it is of no use on a command line"
        ));
        exit_now(REFUSED);
    };
    match never {}
}

/// Returns whether `parent` runs this executable; `true` if /proc cannot tell.
fn runs_this_executable(parent: Pid) -> bool {
    let theirs = ImageIdentity::of(parent);
    theirs.is_none_or(|theirs| theirs == ImageIdentity::current())
}

/// Parses a worker's second argument, its handover: socket, memory, lifeline, parent, slot.
pub(crate) fn parse_handover(argument: &str) -> Option<([i32; 3], i32, usize)> {
    let mut numbers = argument.split(':').map(str::parse::<i32>);
    let mut number = || numbers.next()?.ok();
    let descriptors = [number()?, number()?, number()?];
    let (parent, slot) = (number()?, usize::try_from(number()?).ok()?);
    let [socket, memory, lifeline] = descriptors;
    // Each descriptor has one owner.
    let distinct = socket != memory && memory != lifeline && lifeline != socket;
    (numbers.next().is_none() && distinct).then_some((descriptors, parent, slot))
}

/// Takes over the descriptors that a worker's second argument names, and serves. Returns `None` if the
/// argument is not accepted.
fn serve_as_worker(roles: Roles, argument: &str) -> Option<Infallible> {
    let ([socket, memory, held], parent, slot) = parse_handover(argument)?;
    let parent = Pid::from_raw(parent);
    let socket = inherit::socket(socket, parent).filter(|_| runs_this_executable(parent))?;
    let memory = inherit::descriptor(memory);
    hold(inherit::descriptor(held)?).for_good();
    restore_name();
    let exit = std::process::exit;
    (roles.worker)(Handover { parent, slot, socket, memory, exit, prepared: Ok(()) })
}

/// Does the same for a forkserver. Its argument: socket, lifeline, parent, the workers' signal mask,
/// `preload`.
fn serve_as_forkserver(roles: Roles, argument: &str) -> Option<Infallible> {
    let mut parts = argument.split(':');
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
            Some(FunctionRef { offset, tag })
        }
    };
    let control = inherit::socket(control, parent).map(PacketSocket::from);
    let control = control.filter(|_| runs_this_executable(parent))?;
    let resolve = |reference| function::preload(reference).ok_or(());
    let preload = preload.map(resolve).transpose().ok()?;
    forkserver_main::run(roles, control, inherit::descriptor(held)?, parent, mask, preload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handover_parses_only_as_five_numbers_with_distinct_descriptors() {
        assert_eq!(parse_handover("5:6:9:-7:8"), Some(([5, 6, 9], -7, 8)));
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
            assert_eq!(parse_handover(text), None, "{text}");
        }
    }
}
