//! Standard streams that are closed, full or broken: the descriptors that get their numbers, and the
//! outcome of tasks that print.

use std::fs;
use std::process::{Command, Stdio};

use procpool_testkit::{program, start, watch};

const METHODS: [&str; 3] = ["spawn", "forkserver", "fork"];

/// Every way to close some of the three.
const SUBSETS: [&str; 7] = ["0", "1", "2", "01", "02", "12", "012"];

fn assert_no_number_is_the_pools(moment: &'static str) {
    watch::within(watch::HANG, move || {
        let folder = tempfile::tempdir().unwrap();
        let mut wrong = String::new();
        for (method, numbers) in METHODS.iter().flat_map(|m| SUBSETS.map(|numbers| (m, numbers))) {
            let report = folder.path().join(format!("{method}-{numbers}"));
            let mut program = program::command("clean_numbers");
            program.args([moment, numbers]).arg(&report).env(start::VARIABLE, method);
            // No pipe of the test's, which would look like one of the pool's.
            let streams = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let status = streams.status().expect("it starts");
            let found = fs::read_to_string(report).unwrap_or_else(|_| format!("{status}\n"));
            for line in found.lines() {
                wrong += &format!("{method}, {numbers} closed before {moment}: {line}\n");
            }
        }
        assert_eq!(wrong, "");
    });
}

#[test]
fn descriptors_of_streams_closed_before_build_are_not_used_by_the_pool() {
    assert_no_number_is_the_pools("build");
}

#[test]
fn descriptors_of_streams_closed_before_a_start_are_not_used() {
    assert_no_number_is_the_pools("start");
}

#[test]
fn descriptors_of_streams_closed_before_a_later_start_are_not_used() {
    assert_no_number_is_the_pools("second");
}

/// Runs the program whose tasks print to `stdout` and `stderr`, as the shell sets them, and returns the
/// errors of its tasks.
fn errors_of_printing(method: &str, redirections: &str, modes: [&str; 2]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("exec \"$0\" \"$@\" {redirections}")]);
    let program = program::command("fail_streams");
    shell.arg(program.get_program()).args(program.get_args()).arg(&report).args(modes);
    shell.env(start::VARIABLE, method);
    let output = shell.stdin(Stdio::null()).output().expect("there is a shell");
    let report = fs::read_to_string(report).unwrap_or_default();
    assert!(output.status.success(), "{}: {report}", output.status);
    report
}

/// The same under each start method, and with captured stderr: each task fails as `expected` says.
fn assert_errors(redirections: &'static str, how: &'static str, expected: [&'static str; 2]) {
    watch::within(watch::HANG, move || {
        for method in METHODS {
            for mode in ["inherited", "captured"] {
                // Captured, stderr is a pipe of the pool's, which is read.
                let stderr = if mode == "captured" { "ok" } else { expected[1] };
                let wanted = format!(
                    "print: {}\neprint: {stderr}\nfails on: {}\nworks\none worker\n",
                    expected[0], expected[0]
                );
                let found = errors_of_printing(method, redirections, [mode, how]);
                assert_eq!(found, wanted, "{method}, {mode}, {redirections}");
            }
        }
    });
}

#[test]
fn output_of_tasks_to_closed_streams_is_discarded() {
    assert_errors("<&- >&- 2>&-", "closed", ["ok", "ok"]);
}

#[test]
fn a_task_that_prints_to_a_full_device_fails_alone_with_the_reason() {
    let errors = ["stdout: No space left on device", "stderr: No space left on device"];
    assert_errors(">/dev/full 2>/dev/full", "full", errors);
}

#[test]
fn a_task_that_prints_to_an_unread_pipe_fails_alone_with_the_reason() {
    assert_errors("", "broken", ["stdout: Broken pipe", "stderr: Broken pipe"]);
}
