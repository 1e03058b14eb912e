//! A watchdog for tests: a hang becomes a failure that shows where everybody stands.

use std::fmt::Write;
use std::fs;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::os::{Process, descendants_of};

/// How long a case may take before it counts as a hang. Real ones take milliseconds; a longer
/// limit only delays the report, a shorter one could blame a machine that stands still.
pub const HANG: Duration = Duration::from_secs(60);

/// Runs `case` on a thread of its own; panics with evidence if it does not end within `limit`, and
/// passes on its panic otherwise. The descendants of a hung case are killed.
///
/// # Panics
///
/// When `case` does, or hangs.
pub fn within<T: Send + 'static>(limit: Duration, case: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    let test = thread::current().name().unwrap_or("case").to_owned();
    let runner = thread::Builder::new()
        .name(test.clone())
        .spawn(move || {
            let value = case();
            // The receiver waits, or has given up and reported it.
            let _ = sender.send(());
            value
        })
        .expect("a thread can be started");
    if receiver.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
        let report = evidence();
        for process in descendants_of(std::process::id()) {
            let pid = nix::unistd::Pid::from_raw(process.pid as i32);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        panic!("{test} hangs: not over after {limit:?}\n{report}");
    }
    match runner.join() {
        Ok(value) => value,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Describes what every thread of this process and of its descendants waits for.
fn evidence() -> String {
    let mut report = String::new();
    let this = std::process::id();
    describe(&mut report, this, "this test program");
    for Process { pid, name, state, parent } in descendants_of(this) {
        describe(&mut report, pid, &format!("{name} ({state}), child of {parent}"));
    }
    report
}

fn describe(report: &mut String, pid: u32, what: &str) {
    let _ = writeln!(report, "process {pid}: {what}");
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for thread in threads.flatten() {
        let read = |file| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        let (name, wchan, syscall) = (read("comm"), read("wchan"), read("syscall"));
        let _ = writeln!(
            report,
            "  thread {} {}: {} | syscall {}",
            thread.file_name().to_string_lossy(),
            name.trim_end(),
            wchan,
            syscall.trim_end()
        );
    }
}
