//! The file in which workers note when tasks begin and end.
//!
//! Owns its format, and both ends: the worker appends, the program reads all of it at the end. A mark is
//! appended by one write, so marks of several workers do not mix and those of a killed worker remain.
//! Knows no pool. A worker finds the file by an environment variable.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names the file to the workers.
pub(crate) const VARIABLE: &str = "PROCPOOL_TIMELINE_MARKS";

/// The bytes of a mark: task, time, pid, kind.
const LENGTH: usize = 24;

/// An event of a task in a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Begun,
    Returned,
    Panicked,
}

/// A note of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The number of the task in the log.
    pub(crate) task: u64,
    /// In nanoseconds since 1970, by the system clock, as the events of the pool.
    pub(crate) at: u64,
    pub(crate) pid: u32,
    pub(crate) kind: Kind,
}

impl Mark {
    fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&self.task.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.at.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.pid.to_le_bytes());
        bytes[20] = self.kind as u8;
        bytes
    }

    /// `None`: no mark, as behind one that was cut by a full disk.
    fn from_bytes(bytes: [u8; LENGTH]) -> Option<Self> {
        let [task, at] = [0, 8].map(|start| std::array::from_fn(|index| bytes[start + index]));
        let pid = std::array::from_fn(|index| bytes[16 + index]);
        let kind = match bytes[20..] {
            [0, 0, 0, 0] => Kind::Begun,
            [1, 0, 0, 0] => Kind::Returned,
            [2, 0, 0, 0] => Kind::Panicked,
            _ => return None,
        };
        let (task, at) = (u64::from_le_bytes(task), u64::from_le_bytes(at));
        Some(Self { task, at, pid: u32::from_le_bytes(pid), kind })
    }
}

/// The time in nanoseconds since 1970.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The file of this process, by the value of the variable. A forked worker of another pool has another.
static OPEN: Mutex<Option<(OsString, Option<File>)>> = Mutex::new(None);

/// Notes what happens to a task, in its worker. A mark that cannot be written is left out: the task
/// matters more.
pub(crate) fn note(task: u64, kind: Kind) {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if open.as_ref().is_none_or(|(name, _)| *name != path) {
        let file = OpenOptions::new().append(true).open(&path).ok();
        *open = Some((path, file));
    }
    if let Some((_, file)) = &mut *open {
        let mark = Mark { task, at: nanos(SystemTime::now()), pid: std::process::id(), kind };
        // After a mark that was cut, the next would not be read.
        if file.as_mut().is_some_and(|file| file.write_all(&mark.to_bytes()).is_err()) {
            *file = None;
        }
    }
}

/// Reads at most `most` marks, in the order in which they were written.
pub(crate) fn read(path: &Path, most: usize) -> io::Result<Vec<Mark>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut marks = Vec::new();
    let mut bytes = [0; LENGTH];
    while marks.len() < most {
        match file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        let Some(mark) = Mark::from_bytes(bytes) else { break };
        marks.push(mark);
    }
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_written_up_to_one_that_was_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("marks");
        let kinds = [Kind::Begun, Kind::Returned, Kind::Panicked];
        let marks: Vec<Mark> = (1..=3)
            .zip(kinds)
            .map(|(task, kind)| Mark { task: task << 40, at: u64::MAX - task, pid: 1 << 31, kind })
            .collect();
        let mut bytes: Vec<u8> = marks.iter().flat_map(|mark| mark.to_bytes()).collect();
        bytes.extend([7; LENGTH - 1]);
        std::fs::write(&path, &bytes).expect("it can be written");
        assert_eq!(read(&path, 9).expect("it is readable"), marks);
        assert_eq!(read(&path, 2).expect("it is readable"), marks[..2]);
        bytes.push(7);
        bytes.extend(marks[0].to_bytes());
        std::fs::write(&path, &bytes).expect("it can be written");
        assert_eq!(read(&path, 9).expect("it is readable"), marks, "nothing behind a cut one");
    }
}
