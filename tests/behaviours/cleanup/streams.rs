//! A worker's streams: stdin is empty, stdout and stderr are the program's; also when the last lines of
//! stderr are captured.

use std::fs;

use assert_cmd::Command;
use predicates::function::function;
use procpool::{BrokenCause, Error, Output};
use procpool_testkit::bystander::Bystander;
use procpool_testkit::gate::Gate;
use procpool_testkit::os::Watched;
use procpool_testkit::running::Running;
use procpool_testkit::{program, start, watch};

// Behaviours: OUT-01, OUT-03.
#[test]
fn a_task_that_writes_much_and_reads_stdin_disturbs_nothing() {
    watch::within(watch::HANG, || assert_undisturbed("inherited"));
}

// Behaviours: OUT-03.
#[test]
fn captured_stderr_is_passed_on_to_the_programs_stderr() {
    watch::within(watch::HANG, || assert_undisturbed("captured"));
}

fn assert_undisturbed(mode: &str) {
    let mut command = Command::from_std(program::command("clean_streams"));
    command.env(start::VARIABLE, crate::start_method());
    let run = command.arg(mode).write_stdin("for the program itself").assert();
    run.success()
        .stdout(function(|text: &[u8]| {
            let (tasks, rest) = text.split_at(2 << 20);
            tasks.iter().all(|byte| *byte == b'o')
                && rest == b"\ntasks read [0, 0], the program 22\n"
        }))
        .stderr(function(|text: &[u8]| {
            text.len() == 2 << 20 && text.iter().all(|byte| *byte == b'e')
        }));
}

#[test]
fn captured_stderr_is_reported_if_the_programs_stderr_is_never_read() {
    watch::within(watch::HANG, || {
        let written = run_with_full_stderr("unread");
        assert!(written.bytes().all(|byte| byte == b'e'), "the end has waited for a reader");
    });
}

#[test]
fn captured_stderr_is_passed_on_if_it_is_read_after_the_death() {
    watch::within(watch::HANG, || assert_eq!(run_with_full_stderr("read"), ""));
}

/// Runs the program whose stderr is full, and returns the rest of it at the end.
fn run_with_full_stderr(mode: &str) -> String {
    let mut command = program::command("clean_stuck_stderr");
    let mut program = Running::start(command.arg(mode), crate::start_method());
    assert_eq!(program.line::<u32>(), 42);
    assert_eq!(program.line::<String>(), "last words");
    assert_eq!(program.line::<bool>(), mode == "read");
    assert_eq!(program.line::<String>(), "over");
    let (status, written) = program.end();
    assert!(status.success(), "{status}");
    written
}

#[test]
fn captured_stderr_reaches_the_builders_target_to_the_last_byte() {
    /// Writes `text` with one write for each line, and ends the process with `code`, if any.
    fn write((text, code): (String, Option<i32>)) {
        text.lines().for_each(|line| eprintln!("{line}"));
        if let Some(code) = code {
            std::process::exit(code);
        }
    }
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errors");
        let builder = crate::builder().max_workers(1).capture_stderr(1);
        let executor = builder.stderr(Output::File(path.clone())).build().unwrap();
        executor.submit(write, ("first\n".repeat(100), None)).result().unwrap();
        let died = executor.submit(write, ("last\n".repeat(100), Some(1)));
        assert!(died.error().is_some());
        drop(executor);
        let expected = "first\n".repeat(100) + &"last\n".repeat(100);
        assert_eq!(fs::read_to_string(path).unwrap(), expected);
    });
}

/// Starts a program that shares this worker's stderr, waits for a permit, prints a line and dies.
fn bequeath_and_die((heir, never): (String, String)) {
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "read permit < \"$1\"", "heir", &never]);
    let pid = shell.spawn().expect("there is a shell").id();
    fs::write(heir, pid.to_string()).expect("the folder is there");
    eprint!("last words");
    std::process::exit(3);
}

#[test]
fn a_program_that_holds_captured_stderr_open_delays_nothing() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let never = Gate::new(folder.path(), "never");
        let place = folder.path().join("heir");
        let path = place.to_str().expect("a plain name").to_owned();
        let builder = crate::builder().max_workers(1).capture_stderr(9);
        let executor = builder.stderr(Output::Null).build().unwrap();
        let future = executor.submit(bequeath_and_die, (path, never.path()));
        let Err(Error::BrokenProcessPool(broken)) = future.result() else { panic!("{future:?}") };
        let heir = fs::read_to_string(place).unwrap().parse().expect("a number");
        let heir = Bystander(Watched::new(heir));
        let BrokenCause::WorkerDied(death) = broken.cause() else { panic!("{broken}") };
        assert_eq!(death.stderr.as_deref(), Some("last words"));
        drop(executor);
        let alive = !heir.0.ended_within(std::time::Duration::ZERO);
        assert!(alive, "the death was seen by the end of stderr");
    });
}
