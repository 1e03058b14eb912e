//! A watchdog for tests: a hang becomes a failure that shows what every thread waits for.

use std::any::Any;
use std::fmt::Write as _;
use std::fs;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::copies::{self, Case, Request};
use crate::os::{Process, descendants_of};

/// How long a case may take before it counts as a hang. Normal ones take milliseconds; a longer limit only
/// delays the report, a shorter one could blame a machine that stands still.
pub const HANG: Duration = Duration::from_secs(60);

/// Runs `case` on a thread of its own; panics with evidence if it does not end within `limit`, and passes
/// on its panic otherwise. The descendants of a hung case are killed. Time in which cargo compiles for a
/// case does not count.
///
/// In a test program with [`run_in_copies!`](crate::run_in_copies), the case runs in a process of its own
/// instead, which has one thread and in which it must leave nothing behind: no process, descriptor or
/// thread.
///
/// # Panics
///
/// When `case` does, or hangs. In a copy, also when it leaves something behind, has a value, or captures a
/// value that owns something.
pub fn within<T: Send + 'static>(limit: Duration, case: impl FnOnce() -> T + Send + 'static) -> T {
    // Hundreds of cases call this, so only this is compiled for each.
    let value = if copies::are_made() {
        within_copy(limit, &Request::of(&case));
        // Values stay in the copy: `()` is the only one that this process has, too.
        Box::new(())
    } else {
        within_thread(limit, Box::new(move || Box::new(case())))
    };
    *value.downcast().expect("a case that runs in a copy has no value")
}

type Value = Box<dyn Any + Send>;

fn name_of_test() -> String {
    thread::current().name().unwrap_or("case").to_owned()
}

/// Like [`within`], on a thread of its own.
fn within_thread(limit: Duration, case: Box<dyn FnOnce() -> Value + Send>) -> Value {
    let test = name_of_test();
    let (sender, receiver) = channel();
    let runner = thread::Builder::new()
        .name(test.clone())
        .spawn(move || {
            let value = case();
            // The receiver waits, or has given up and reported it.
            let _ = sender.send(());
            value
        })
        .expect("a thread can be started");
    let over = || (receiver.recv_timeout(limit) != Err(RecvTimeoutError::Timeout)).then_some(());
    if unless_compiling(over).is_none() {
        let report = evidence();
        kill_descendants_of(std::process::id());
        panic!("{test} hangs: not over after {limit:?}\n{report}");
    }
    match runner.join() {
        Ok(value) => value,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Waits by `wait` once, and again as long as a cargo started by this process or a copy of it was running
/// at the end of the previous wait.
fn unless_compiling<T>(mut wait: impl FnMut() -> Option<T>) -> Option<T> {
    let mut compiled = false;
    loop {
        if let Some(ended) = wait() {
            return Some(ended);
        }
        let compiles = descendants_of(std::process::id()).iter().any(|it| it.name == "cargo");
        if !compiles && !compiled {
            return None;
        }
        compiled = compiles;
    }
}

/// Like [`within`], in a copy of the test program that has one thread.
fn within_copy(limit: Duration, case: &Request) {
    let test = name_of_test();
    let mut copy = Case::start(case);
    let Some(ended) = unless_compiling(|| copy.ended_within(limit)) else {
        let report = evidence();
        let output = copy.output();
        kill_descendants_of(copy.pid);
        copy.kill();
        panic!("{test} hangs: not over after {limit:?}\n{output}\n{report}");
    };
    // The harness shows it if the test fails.
    print!("{}", ended.output);
    assert!(ended.is_success(), "{test} failed in a copy of this program: {}", ended.describe());
}

fn kill_descendants_of(pid: u32) {
    for process in descendants_of(pid) {
        let pid = nix::unistd::Pid::from_raw(process.pid as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;

    #[test]
    fn compile_time_of_cargo_does_not_count() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        // It compiles nothing, and exits when its input ends.
        let cargo = folder.path().join("cargo");
        symlink("/bin/cat", &cargo).expect("the folder is empty");
        let mut compiling =
            Command::new(cargo).stdin(Stdio::piped()).spawn().expect("there is a cat");
        let limit = Duration::from_millis(20);
        within(limit, move || {
            let began = Instant::now();
            while began.elapsed() < limit * 5 {
                thread::yield_now();
            }
            drop(compiling.stdin.take());
            compiling.wait().expect("it can be waited for");
        });
    }
}
