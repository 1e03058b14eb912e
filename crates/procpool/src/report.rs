//! Reports of a running task to the program: one value of the user's at a time.
//!
//! Owns both ends of a report: the call in the task, and its value in the program. Knows no pool:
//! the manager names the task, and the callback thread decodes.
//!
//! A report carries the name of its type, because a task may report anything: the compiler checks
//! arguments and results, which belong to a function, but no report.

use std::any::type_name;

use nix::errno::Errno;

use crate::codec;
use crate::error::{CodecError, CodecStep, Error};
use crate::lifecycle::WorkerInfo;
use crate::panics;
use crate::payload::Payload;
use crate::worker::task_link;

/// A value that a task has [reported](report()).
///
/// # Examples
///
/// See [`report`](report()).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report<T> {
    /// The worker that reported it.
    pub worker: WorkerInfo,
    /// The number of the task that ran, as [`Future::id`](crate::Future::id) returns it; `None` in the
    /// initializer and the finalizer. A chunk of a `map` is one task: if the item matters, report its
    /// index too.
    pub work_item: Option<u64>,
    /// The value, or [`Error::Codec`] if it cannot be decoded or there is no
    /// [`on_report`](crate::Builder::on_report) for its type.
    pub value: Result<T, Error>,
}

/// Reports `value` to the program while the task runs: progress, a partial result, a record for its
/// log. The initializer and the finalizer may do the same.
///
/// The program gets it in [`on_report`](crate::Builder::on_report); without any such hook it is
/// discarded. Reports of a task are handled in their order, and, if the task returns, before the
/// callbacks that were added to its future while it ran. Its result may be there earlier, see
/// [`flush`](crate::ProcessPoolExecutor::flush). Every report of a task that returns is handled; of a
/// task whose worker dies or is killed, those that it had sent, some of them perhaps after its future
/// has settled. A task that exceeds its time limit may continue to report until it is ended.
///
/// At most 1,000 reports of a worker wait to be handled: then this call waits, forever if the hook
/// never returns. So a hook or a callback must not wait for a task that reports, neither by its future
/// nor by a `shutdown` that waits. Any thread of the worker may call it. Outside workers it does nothing, so a function
/// that reports can be called without a pool.
///
/// # Errors
///
/// [`Error::Codec`] if `value` cannot be encoded, [`Error::Setup`] if the system refuses to send it.
///
/// # Examples
///
/// ```
/// # use std::sync::mpsc;
/// fn count(words: Vec<String>) -> usize {
///     for (done, word) in words.iter().enumerate() {
///         let _ = procpool::report(&format!("{done} of {}: {word}", words.len()));
///     }
///     words.len()
/// }
///
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// let (sender, reports) = mpsc::channel();
/// let executor = procpool::ProcessPoolExecutor::builder()
/// #         .max_workers(1)
///     .on_report(move |report: procpool::Report<String>| drop(sender.send(report.value)))
///     .build()?;
/// let words = executor.submit(count, vec!["one".to_owned(), "two".to_owned()]);
/// assert_eq!(reports.recv(), Ok(Ok("0 of 2: one".to_owned())));
/// assert_eq!(reports.recv(), Ok(Ok("1 of 2: two".to_owned())));
/// assert_eq!(words.result(), Ok(2));
/// #     Ok(())
/// # }
/// ```
pub fn report<T: Payload>(value: &T) -> Result<(), Error> {
    let Some(link) = task_link() else { return Ok(()) };
    let mut payload = [type_name::<T>().as_bytes(), b"\0"].concat();
    codec::encode(value, &mut payload, CodecStep::EncodeReport).map_err(|e| Error::Codec(*e))?;
    link.report(panics::running(), &payload).map_err(|error| {
        let errno = error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
        Error::setup("a message to the program")(errno)
    })
}

/// Returns the encoded value of a report, if that is a `T`.
pub(crate) fn value_of<T>(payload: &[u8]) -> Option<&[u8]> {
    payload.strip_prefix(type_name::<T>().as_bytes())?.strip_prefix(b"\0")
}

/// Reads the value of a report.
pub(crate) fn decode<T: Payload>(payload: &[u8]) -> Result<T, Error> {
    let Some(value) = value_of::<T>(payload) else {
        let name = payload.split(|byte| *byte == 0).next().unwrap_or_default();
        let message = match &*String::from_utf8_lossy(name) {
            "" => "this process had no memory for it".to_owned(),
            name => format!("the task reported a `{name}`, for which there is no on_report"),
        };
        let (step, type_name) = (CodecStep::DecodeReport, type_name::<T>().to_owned());
        return Err(Error::Codec(CodecError { step, type_name, message }));
    };
    codec::decode(value, CodecStep::DecodeReport).map_err(|error| Error::Codec(*error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_for_which_there_was_no_memory_says_so() {
        let Err(Error::Codec(error)) = decode::<u32>(&[]) else { panic!("it cannot be decoded") };
        assert!(error.to_string().ends_with("this process had no memory for it"), "{error}");
    }

    #[test]
    fn only_the_type_that_was_reported_is_decoded() {
        let mut payload = b"u32\0".to_vec();
        codec::encode(&7_u32, &mut payload, CodecStep::EncodeReport).unwrap();
        assert_eq!(decode::<u32>(&payload), Ok(7));
        let Err(Error::Codec(error)) = decode::<u16>(&payload) else { panic!("it is another") };
        assert!(error.message.contains("`u32`") && error.type_name == "u16", "{error}");
    }
}
