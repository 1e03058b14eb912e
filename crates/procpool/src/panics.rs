//! Panics in a worker: caught, described, and reported even when they abort.
//!
//! Owns the worker's panic hook, and which task runs. On the thread that runs tasks it is silent and
//! keeps the message, the location and the backtrace for [`catch`], which reports them to the
//! parent; other threads use the previous hook. Under `panic = "abort"` nothing is caught, so the hook itself sends the
//! report, and the process then aborts.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, UnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};

use procpool_launch::LONGEST_REPORT;
use procpool_link::Socket;
use procpool_link::{Frame, ResultStatus};
use procpool_os::lineage::Lineage;

use crate::error::RemotePanic;
use crate::failure::{Failure, encode_failure};

thread_local! {
    /// Whether this thread runs tasks: its panics are reported, not printed.
    static RUNS_TASKS: Cell<bool> = const { Cell::new(false) };
    /// The hook's record of the panic that is unwinding.
    static LAST: RefCell<Option<RemotePanic>> = const { RefCell::new(None) };
}

/// One more than the index on the link of the running task. 0 if none runs: then a panic is the
/// initializer's, and the process may be no worker.
static RUNNING: AtomicU64 = AtomicU64::new(0);

/// Installs the hook. If panics abort, it sends last words over `socket`, the worker's end of its
/// link; a process without one, such as a forked copy of the worker, prints them. Tasks run on the
/// calling thread.
pub(crate) fn install(socket: Option<&'static Socket>) {
    RUNS_TASKS.set(true);
    let (previous, home) = (panic::take_hook(), Lineage::current());
    panic::set_hook(Box::new(move |info| {
        if !RUNS_TASKS.get() {
            return previous(info);
        }
        match socket {
            _ if cfg!(panic = "unwind") => {
                let _ = LAST.try_with(|last| last.replace(Some(describe(info))));
            }
            Some(socket) if home.is_current() => send_before_abort(socket, describe(info)),
            _ => previous(info),
        }
    }));
}

/// Sets the index on the link of the running task.
pub(crate) fn set_running(index: Option<u64>) {
    // Relaxed: a thread left over from an earlier task may read a stale index; then it sees what
    // was asked of that task, never of the current one.
    RUNNING.store(index.map_or(0, |index| index + 1), Ordering::Relaxed);
}

/// Returns the index on the link of the running task.
pub(crate) fn running() -> Option<u64> {
    RUNNING.load(Ordering::Relaxed).checked_sub(1)
}

/// Runs a task; a panic becomes its failure.
pub(crate) fn catch(run: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    // Unwind safety: a task can leave only its own state half-changed, which the user keeps whole,
    // as behind any `&mut`; and output, which the caller cuts off.
    catch_message(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(Failure::Panicked(panic)))
}

/// Runs anything and describes a panic. Also used in the parent, where the program's own hook
/// handles the panic and only the message is known.
pub(crate) fn catch_message<T>(run: impl FnOnce() -> T + UnwindSafe) -> Result<T, RemotePanic> {
    procpool_callbacks::catch(run).map_err(|panic| {
        let message = panic.message();
        // The hook's last record may be of another panic, which the task caught itself: a resumed
        // panic does not call the hook. In the destructor of a thread-local the record may be gone.
        let seen =
            LAST.try_with(RefCell::take).ok().flatten().filter(|seen| seen.message == message);
        seen.unwrap_or(RemotePanic { message, location: None, backtrace: None })
    })
}

/// Runs `preload` in a forkserver. The error is its panic, encoded and cut to the size that fits.
pub(crate) fn catch_preload(preload: fn()) -> Result<(), Vec<u8>> {
    install(None);
    catch_message(AssertUnwindSafe(preload)).map_err(encode_cut)
}

fn encode_cut(mut panic: RemotePanic) -> Vec<u8> {
    let location = panic.location.as_ref().map_or(0, String::len);
    // Leaves room for the lengths and the markers of the three optional parts.
    let room = (LONGEST_REPORT - 64).saturating_sub(location);
    cut(&mut panic.message, room);
    if let Some(backtrace) = &mut panic.backtrace {
        cut(backtrace, room - panic.message.len());
    }
    encode_failure(&panic)
}

/// Cuts `text` to at most `limit` bytes.
fn cut(text: &mut String, limit: usize) {
    let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
}

fn describe(info: &PanicHookInfo<'_>) -> RemotePanic {
    let backtrace = Backtrace::capture();
    let captured = backtrace.status() == BacktraceStatus::Captured;
    RemotePanic {
        message: procpool_callbacks::message(info.payload()),
        location: info.location().map(ToString::to_string),
        backtrace: captured.then(|| frames_of_task(&backtrace.to_string())),
    }
}

/// The frames from the panic to the user's function. The frames below belong to this crate, in
/// every backtrace.
fn frames_of_task(backtrace: &str) -> String {
    let is_ours = |line: &&str| {
        // `12: procpool::task::run_call`, or `12: <procpool::task::...`.
        let symbol = line.split_once(": ").map_or("", |(_, symbol)| symbol.trim_start_matches('<'));
        ["procpool::task::", "procpool::panics::catch"].iter().any(|ours| symbol.starts_with(ours))
    };
    let frames: Vec<_> = backtrace.lines().take_while(|line| !is_ours(line)).collect();
    frames.join("\n")
}

fn send_before_abort(socket: &Socket, report: RemotePanic) {
    let last_words = |index| Frame::ResultItem { index, status: ResultStatus::LastWords };
    let frame = running().map_or(Frame::InitializerFailed, last_words);
    let payload = encode_failure(&Failure::Panicked(report));
    // The parent may be gone, and the process ends in any case.
    let _ = socket.send(&frame.head(payload.len()), &payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_any_length_is_cut_to_fit() {
        let long = |letter: &str| letter.repeat(LONGEST_REPORT);
        for message in [long("ü"), "short".to_owned()] {
            let panic = RemotePanic {
                message,
                location: Some("here.rs:1:1".to_owned()),
                backtrace: Some(long("b")),
            };
            let report = encode_cut(panic.clone());
            assert!(report.len() <= LONGEST_REPORT);
            let cut: RemotePanic = postcard::from_bytes(&report).unwrap();
            assert_eq!(cut.location, panic.location);
            assert!(panic.message.starts_with(&cut.message) && !cut.message.is_empty());
            assert!(panic.backtrace.unwrap().starts_with(&cut.backtrace.unwrap()));
        }
    }
}
