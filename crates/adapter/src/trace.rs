//! The trace and gates.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::IntoRawFd;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::{getpid, getppid};
use procpool_contract::{
    Call, Event, EventKind, FOLDER_VARIABLE, OPENED_FILE, TRACE_FILE, gate_file, now,
};

/// The interval at which a gate is checked. A shorter one takes CPU time from the pool, a longer one makes
/// cases longer.
const TICK: Duration = Duration::from_millis(2);

fn folder() -> PathBuf {
    std::env::var_os(FOLDER_VARIABLE).map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Appends an event.
///
/// # Panics
///
/// The trace cannot be written: an incomplete one would prove nothing.
pub fn write(event: EventKind, tag: &str) {
    let (pid, ppid) = (getpid().as_raw() as u32, getppid().as_raw() as u32);
    let event = Event { pid, ppid, at: now(), event, tag: tag.to_owned() };
    let line = event.to_json() + "\n";
    let path = folder().join(TRACE_FILE);
    let file = OpenOptions::new().append(true).create(true).open(&path);
    let written = file.and_then(|mut file| file.write(line.as_bytes()));
    match written {
        Ok(length) if length == line.len() => {}
        other => panic!("{} cannot be written: {other:?}", path.display()),
    }
}

/// Opens a file, and keeps it open until the program ends.
///
/// # Panics
///
/// It cannot be opened.
pub fn open_file() {
    let path = folder().join(OPENED_FILE);
    let file = File::create(&path);
    let file = file.unwrap_or_else(|error| panic!("{} cannot be made: {error}", path.display()));
    // Not closed when it is dropped.
    let _ = file.into_raw_fd();
}

/// Waits until a gate is open.
pub fn pass(gate: &str) {
    let path = folder().join(gate_file(gate));
    while !path.exists() {
        std::thread::sleep(TICK);
    }
}

/// Returns calls as an input that records when each is pulled.
pub fn pulled(calls: Vec<Call>) -> impl Iterator<Item = Call> + Send + 'static {
    calls.into_iter().inspect(|call| write(EventKind::Pull, &call.tag))
}
