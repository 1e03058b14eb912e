//! Where the stdout and stderr of workers go.
//!
//! Owns the files, which are opened once, when the pool is built: a wrong path fails then, and no
//! later change of the path can keep a worker from starting.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statfs::{PROC_SUPER_MAGIC, SYSFS_MAGIC, fstatfs};
use procpool_launch::OpenOutput;
use procpool_os::descriptor::above_standard_streams;

use crate::error::{self, Error};

/// Stands for a worker's number in a path.
const WORKER: &[u8] = b"{worker}";

/// The destination of a stream of the workers: see [`Builder::stdout`](crate::Builder::stdout).
///
/// An unwritable stream harms no worker. If it is closed, in the program too, output is discarded
/// as by `/dev/null`. On a full device, or a pipe that nobody reads any more, `println!` panics, as
/// in any program: the task fails with [`Error::Panicked`](crate::Error::Panicked), whose message
/// is the system's answer, such as "failed printing to stdout: Broken pipe (os error 32)". Its
/// worker continues, but every task in it that prints fails until the stream is writable again.
///
/// # Examples
///
/// The output of tasks is discarded, and their errors go to one file:
///
/// ```
/// # use procpool::{Output, ProcessPoolExecutor};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     procpool::init();
/// #     let errors = std::env::temp_dir().join(format!("errors-{}.log", std::process::id()));
/// let executor = ProcessPoolExecutor::builder()
///     .stdout(Output::Null)
///     .stderr(Output::File(errors.clone()))
///     .build()?;
/// executor.submit(|()| eprintln!("found"), ()).result()?;
/// assert_eq!(std::fs::read_to_string(&errors)?, "found\n");
/// #     std::fs::remove_file(errors)?;
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Output {
    /// The program's own stream.
    #[default]
    Inherit,
    /// Discards the output.
    Null,
    /// Appends to a file, which is created if it does not exist.
    ///
    /// `{worker}` in the path makes it one file per worker: it stands for the worker's number in
    /// its pool, from 0 to below [`max_workers`](crate::Builder::max_workers). A replacement has
    /// the number of the worker that it replaces, and continues its file; where replacements
    /// [overlap](crate::Builder::overlap_replacements), there is a file for each further number.
    ///
    /// All files are opened when the pool is built, and stay open as long as it lives. Several
    /// workers may share one: the bytes of each single write stay together.
    File(PathBuf),
}

impl Output {
    /// Opens the output for `workers` workers.
    pub(crate) fn open(&self, workers: usize) -> Result<OpenOutput, Error> {
        let Output::File(path) = self else {
            return Ok(match self {
                Output::Null => OpenOutput::Null,
                _ => OpenOutput::Inherit,
            });
        };
        let files = match path_of(path, 0) {
            None => vec![open(path.clone())?],
            Some(_) => {
                let paths = (0..workers).filter_map(|worker| path_of(path, worker));
                paths.map(open).collect::<Result<_, Error>>()?
            }
        };
        Ok(OpenOutput::Files(files))
    }
}

/// Returns the path for one worker, or `None` if all share one.
fn path_of(path: &Path, worker: usize) -> Option<PathBuf> {
    let mut rest = path.as_os_str().as_bytes();
    let mut name = Vec::new();
    while let Some(start) = rest.windows(WORKER.len()).position(|bytes| bytes == WORKER) {
        name.extend_from_slice(&rest[..start]);
        name.extend_from_slice(worker.to_string().as_bytes());
        rest = &rest[start + WORKER.len()..];
    }
    if name.is_empty() {
        return None;
    }
    name.extend_from_slice(rest);
    Some(OsString::from_vec(name).into())
}

fn open(path: PathBuf) -> Result<OwnedFd, Error> {
    let opened = OpenOptions::new().append(true).create(true).open(&path);
    let above = opened
        .map_err(|error| error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw))
        .and_then(|file| match fstatfs(&file)?.filesystem_type() {
            // A file there may be a kernel setting.
            PROC_SUPER_MAGIC | SYSFS_MAGIC => Err(Errno::EOPNOTSUPP),
            _ => above_standard_streams(file),
        });
    above.map_err(|errno| Error::OutputFile { path, errno: error::Errno::from_raw(errno as i32) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_in_a_path_becomes_the_worker_id() {
        let of = |path: &str, worker| path_of(Path::new(path), worker);
        assert_eq!(of("workers.log", 3), None);
        assert_eq!(of("{workers}.log", 3), None);
        assert_eq!(of("{worker}", 3), Some("3".into()));
        assert_eq!(of("logs/{worker}/{worker}.log", 12), Some("logs/12/12.log".into()));
    }
}
