//! Traces: records of the workers themselves.
//!
//! Every event is one line of JSON, appended to one file with one write, so lines of several
//! processes never mix. Times are CLOCK_MONOTONIC, comparable across processes of one machine.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use nix::time::{ClockId, clock_gettime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// An event with its process and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<E> {
    /// The process that wrote it.
    pub pid: u32,
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub nanos: u64,
    /// The event.
    pub event: E,
}

/// Appends `event` to the trace at `path`.
///
/// # Panics
///
/// When the file cannot be written: an incomplete trace would prove nothing.
pub fn append<E: Serialize>(path: &str, event: E) {
    append_record(path, &Record { pid: std::process::id(), nanos: now(), event });
}

/// Appends an event of another process, or an earlier one.
///
/// # Panics
///
/// As for [`append`].
pub fn append_record<E: Serialize>(path: &str, record: &Record<E>) {
    let mut line = serde_json::to_vec(record).expect("events are plain data");
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("trace opens");
    let written = file.write(&line).expect("trace is written");
    assert_eq!(written, line.len(), "one event, one write");
}

/// Reads a trace in the order of its times; a missing trace is empty. A record at its end that is still being
/// written, which a reader may see in part, is not there yet.
///
/// # Panics
///
/// When the file cannot be read, or a line is not a record.
pub fn read<E: DeserializeOwned>(path: &Path) -> Vec<Record<E>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    };
    let mut records: Vec<Record<E>> = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    records.sort_by_key(|record| record.nanos);
    records
}

/// Nanoseconds of CLOCK_MONOTONIC.
///
/// # Panics
///
/// Never on Linux, where the clock exists.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock exists");
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}
