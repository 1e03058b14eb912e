//! Where the stdout and stderr of workers go.
//!
//! Owns the files, which are opened once, when the pool is made: a path that is wrong is known then,
//! and nothing that happens to the path later can keep a worker from being started.

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

/// What stands for a worker's number in a path.
const WORKER: &[u8] = b"{worker}";

/// Where a stream of the workers goes: see [`Builder::stdout`](crate::Builder::stdout).
///
/// A stream that takes nothing harms no worker. To one that is closed, in the program too, tasks print
/// as to `/dev/null`. On a full device, or a pipe that nobody reads any more, `println!` panics, as in
/// any program: the task fails with [`Error::Panicked`](crate::Error::Panicked), whose message is the
/// system's answer, such as "failed printing to stdout: Broken pipe (os error 32)". Its worker goes on,
/// but as long as the stream takes nothing, so fails each task there that prints.
///
/// # Examples
///
/// Nothing of what tasks print is seen, and their errors are in one file:
///
/// ```
/// use procpool::{Output, ProcessPoolExecutor};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     procpool::init();
///     let errors = std::env::temp_dir().join(format!("errors-{}.log", std::process::id()));
///     let executor = ProcessPoolExecutor::builder()
///         .stdout(Output::Null)
///         .stderr(Output::File(errors.clone()))
///         .build()?;
///     let complain = |()| {
///         println!("lost");
///         eprintln!("found");
///     };
///     executor.submit(complain, ()).result()?;
///     assert_eq!(std::fs::read_to_string(&errors)?, "found\n");
///     std::fs::remove_file(errors)?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Output {
    /// Where the program's own goes.
    #[default]
    Inherit,
    /// Nowhere.
    Null,
    /// To the end of a file, which is created if there is none.
    ///
    /// With `{worker}` in the path there is a file for each worker: it stands for the worker's
    /// number in its pool, from 0 to below [`max_workers`](crate::Builder::max_workers). A worker
    /// that takes the place of one that is gone has the same number, and goes on with its file.
    ///
    /// The files are opened when the pool is made, all of them, and stay open as long as it lives.
    /// Several workers may share one: what each writes at once stays together.
    File(PathBuf),
}

impl Output {
    /// Opens what it takes for `workers` workers.
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

/// Returns the path for one worker; `None` when all have the same.
fn path_of(path: &Path, worker: usize) -> Option<PathBuf> {
    let mut rest = path.as_os_str().as_bytes();
    let mut name = Vec::new();
    while let Some(place) = rest.windows(WORKER.len()).position(|bytes| bytes == WORKER) {
        name.extend_from_slice(&rest[..place]);
        name.extend_from_slice(worker.to_string().as_bytes());
        rest = &rest[place + WORKER.len()..];
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
            // What is opened there may be a setting of the kernel's.
            PROC_SUPER_MAGIC | SYSFS_MAGIC => Err(Errno::EOPNOTSUPP),
            _ => above_standard_streams(file),
        });
    above.map_err(|errno| Error::OutputFile { path, errno: error::Errno::from_raw(errno as i32) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_worker_wherever_it_says_so() {
        let of = |path: &str, worker| path_of(Path::new(path), worker);
        assert_eq!(of("workers.log", 3), None);
        assert_eq!(of("{workers}.log", 3), None);
        assert_eq!(of("{worker}", 3), Some("3".into()));
        assert_eq!(of("logs/{worker}/{worker}.log", 12), Some("logs/12/12.log".into()));
    }
}
