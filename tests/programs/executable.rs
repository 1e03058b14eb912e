//! The file from which workers are started, and how they are started.

use std::fs;
use std::path::Path;
use std::process::Command;

use procpool_testkit::gate::Gate;
use procpool_testkit::running::Running;
use procpool_testkit::{program, watch};

/// Runs a copy of the program, calls `change` with the copy's path when one worker runs, and returns the
/// name and the command of that worker and of one started afterwards.
fn names_around(change: fn(&Path)) -> [(String, String); 2] {
    watch::within(watch::HANG, move || {
        let folder = tempfile::tempdir().unwrap();
        let [running, changed, _go_on] =
            ["running", "changed", "go_on"].map(|name| Gate::new(folder.path(), name));
        let copy = folder.path().join("copied-program");
        // By another program: had this one the copy open for writing, a child that another test
        // starts at that moment would hold it too, and the copy could not be run (ETXTBSY).
        let original = program::command("clean_executable");
        let copied = Command::new("cp").arg(original.get_program()).arg(&copy).status();
        assert!(copied.expect("there is a cp").success());
        let mut program = Running::start(
            Command::new(&copy).args(original.get_args()).arg(folder.path()),
            "spawn",
        );
        running.take(1, watch::HANG).unwrap();
        change(&copy);
        changed.give(1);
        let names: [(String, String); 2] = program.line();
        let (status, complaints) = program.end();
        assert!(status.success(), "{status}: {complaints}");
        assert_eq!(complaints, "");
        for (_, command) in &names {
            assert_eq!(Path::new(command), copy, "a worker's first word is the program's");
        }
        names
    })
}

/// Asserts that both workers have their program's name.
fn assert_named_after_the_program(workers: [(String, String); 2]) {
    assert_eq!(workers.map(|(name, _)| name), ["copied-program", "copied-program"]);
}

#[test]
fn workers_have_the_programs_name() {
    assert_named_after_the_program(names_around(|_| {}));
}

#[test]
fn workers_start_after_the_executable_was_deleted() {
    let delete = |path: &Path| fs::remove_file(path).expect("it can be deleted");
    assert_named_after_the_program(names_around(delete));
}

#[test]
fn workers_start_from_the_running_executable_after_the_file_was_replaced() {
    let replace = |path: &Path| {
        let other = path.with_extension("new");
        fs::write(&other, "#!/bin/sh\necho this is another program; exit 1\n").unwrap();
        fs::set_permissions(&other, fs::metadata(path).unwrap().permissions()).unwrap();
        fs::rename(&other, path).expect("it can be replaced");
    };
    assert_named_after_the_program(names_around(replace));
}

#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn workers_are_started_without_copying_the_parent() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("calls");
        let output = Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=fork,vfork,clone,clone3", "-e", "signal=none", "-o"])
            .arg(&log)
            .arg(program::path("initializer_worker"))
            .output()
            .expect("strace is installed");
        assert!(output.status.success(), "{output:?}");
        let calls = fs::read_to_string(log).expect("strace writes it");
        // A call that another thread's interrupted is printed in two lines; the first has the flags.
        let started: Vec<&str> = calls.lines().filter(|line| !line.contains("resumed>")).collect();
        let [mut workers, mut threads] = [0, 0];
        for call in &started {
            if call.contains("CLONE_VFORK") || call.contains(" vfork(") {
                workers += 1;
            } else if call.contains("CLONE_THREAD") {
                threads += 1;
            } else {
                panic!("this copies the caller: {call}\n{calls}");
            }
        }
        // The manager is the one thread; workers have only their own.
        assert_eq!((workers, threads), (2, 1), "{calls}");
    });
}
