//! The tasks that run in workers, and their records.
//!
//! The trace is a file to which every worker appends, one write for each record. So it outlives its
//! writers, and its order is that of the writes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// The code with which tasks exit.
pub(crate) const EXIT: i32 = 3;

/// The code with which failing initializers exit.
pub(crate) const INITIALIZER_EXIT: i32 = 7;

/// The body of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    /// Computes for this many microseconds, and returns.
    Answer(u32),
    Panic,
    Exit,
    /// Is killed.
    Die,
    /// Never returns by itself. It returns at a stop request, if it checks for one.
    Endless {
        listens: bool,
    },
}

/// The kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Initialized,
    Started,
    Finished,
    Finalized,
}

/// One record, about the task of this number in the worker of this pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) pid: u32,
    pub(crate) number: u64,
}

const LENGTH: usize = 16;

/// Reads the whole trace, in its order.
pub(crate) fn read_trace(path: &Path) -> Vec<Record> {
    let bytes = std::fs::read(path).expect("the trace is readable");
    assert_eq!(bytes.len() % LENGTH, 0, "every record is one write");
    let record = |bytes: &[u8]| {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        let kind = match word(0) {
            0 => Kind::Initialized,
            1 => Kind::Started,
            2 => Kind::Finished,
            _ => Kind::Finalized,
        };
        let number = u64::from_le_bytes(bytes[8..].try_into().expect("eight"));
        Record { kind, pid: word(4), number }
    };
    bytes.chunks(LENGTH).map(record).collect()
}

/// The state of a worker: the trace.
#[derive(Debug)]
pub(crate) struct Worker {
    trace: File,
}

impl Worker {
    fn write(&mut self, kind: Kind, number: u64) {
        let mut record = [0; LENGTH];
        record[..4].copy_from_slice(&(kind as u32).to_le_bytes());
        record[4..8].copy_from_slice(&std::process::id().to_le_bytes());
        record[8..].copy_from_slice(&number.to_le_bytes());
        assert_eq!(self.trace.write(&record).expect("the trace is open"), LENGTH);
    }
}

/// Opens the trace at `path`; `failing` of 100 calls fail, in one way or another.
pub(crate) fn initialize((path, failing): (String, u32)) -> Result<Worker, String> {
    let trace = OpenOptions::new().append(true).open(path).map_err(|error| error.to_string())?;
    let mut random = rand::rng();
    if random.random_range(0..100) < failing {
        match random.random_range(0..4) {
            0 => panic!("the initializer panics"),
            1 => std::process::exit(INITIALIZER_EXIT),
            2 => drop(raise(Signal::SIGKILL)),
            _ => return Err("the initializer fails".to_owned()),
        }
    }
    let mut worker = Worker { trace };
    worker.write(Kind::Initialized, 0);
    Ok(worker)
}

pub(crate) fn finalize(mut worker: Worker) {
    worker.write(Kind::Finalized, 0);
}

/// The result of the task of this number.
pub(crate) fn answer(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

pub(crate) fn run(worker: &mut Worker, (number, act): (u64, Act)) -> u64 {
    worker.write(Kind::Started, number);
    match act {
        Act::Answer(micros) => {
            let end = Instant::now() + Duration::from_micros(micros.into());
            while Instant::now() < end {
                std::hint::spin_loop();
            }
        }
        Act::Panic => panic!("task {number} panics"),
        Act::Exit => std::process::exit(EXIT),
        Act::Die => raise(Signal::SIGKILL).expect("a process can be signalled"),
        Act::Endless { listens } => {
            while !(listens && procpool::should_stop()) {
                std::thread::yield_now();
            }
        }
    }
    worker.write(Kind::Finished, number);
    answer(number)
}

/// The length of the head of a large argument: its number, and the length of the result.
const HEAD: usize = 16;

/// The argument of [`run_large`].
pub(crate) fn large(number: u64, argument: usize, result: usize) -> Vec<u8> {
    let mut bytes = vec![filler(number); argument.max(HEAD)];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..HEAD].copy_from_slice(&(result as u64).to_le_bytes());
    bytes
}

/// The result of [`run_large`].
pub(crate) fn large_answer(number: u64, length: usize) -> Vec<u8> {
    vec![filler(number); length]
}

fn filler(number: u64) -> u8 {
    answer(number) as u8 | 1
}

pub(crate) fn run_large(worker: &mut Worker, bytes: Vec<u8>) -> Vec<u8> {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight"));
    let (number, length) = (word(0), word(8) as usize);
    worker.write(Kind::Started, number);
    // Compared as a whole: byte by byte takes too long in a program that is not optimized.
    assert!(bytes == large(number, bytes.len(), length), "the argument of {number} has changed");
    worker.write(Kind::Finished, number);
    large_answer(number, length)
}
