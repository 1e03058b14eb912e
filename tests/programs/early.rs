//! Programs that are early or late at `init()`, and the outcomes of their workers.

use assert_cmd::Command;
use predicates::str::{diff, is_empty, is_match};
use procpool_testkit::gate::Gate;
use procpool_testkit::{os, program, watch};

/// The program that performs `what` before `init()`.
fn before_init(what: &str) -> Command {
    let mut command = Command::from_std(program::command("fail_early"));
    command.env("BEFORE_INIT", what).env("START_TIMEOUT_MS", "60000");
    command
}

#[test]
fn a_worker_that_is_late_at_init_delays_only_its_task() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
        let mut command = before_init("wait");
        command.env("ARRIVED", arrived.path()).env("GO", go.path());
        let program = std::thread::spawn(move || command.unwrap());
        // First the program itself, then its worker.
        for _ in 0..2 {
            arrived.take(1, watch::HANG).unwrap();
            assert!(!program.is_finished());
            go.give(1);
        }
        assert_eq!(String::from_utf8_lossy(&program.join().unwrap().stdout), "result 42\n");
    });
}

#[test]
fn a_worker_that_never_reaches_init_is_killed_and_reported() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
        // For the program itself; its worker waits in vain.
        go.give(1);
        let mut command = before_init("wait");
        command.env("ARRIVED", arrived.path()).env("GO", go.path());
        let run = command.env("START_TIMEOUT_MS", "200").assert();
        let expected = r"(?x)\A
            error\ StartTimeout\n
            the\ process\ pool\ is\ broken:\ worker\ (\d+)\ did\ not\ reach\ procpool::init\(\)\ 
            within\ 200ms:\ a\ worker\ is\ this\ program\ started\ again,\ and\ everything\ before\ 
            init\(\)\ in\ main\(\)\ runs\ in\ it\ too;\ move\ that\ code\ behind\ init\(\),\ or\ 
            raise\ start_timeout\n
            the\ worker\ was\ killed:\ it\ did\ not\ start\ in\ time\n\z";
        let expected = is_match(expected).expect("it is an expression");
        let run = run.success().stderr(is_empty()).stdout(expected);
        arrived.take(2, watch::HANG).expect("the worker was there too");
        let text = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
        let after = text.split("worker ").nth(1).and_then(|rest| rest.split(' ').next());
        let worker: u32 = after.and_then(|pid| pid.parse().ok()).expect("it is named");
        assert_eq!(os::process(worker), None, "it is killed and reaped");
    });
}

#[test]
fn a_program_that_parses_a_workers_arguments_and_exits_is_reported() {
    watch::within(watch::HANG, || {
        let expected = r"(?x)\A
            error\ WorkerDied\n
            the\ process\ pool\ is\ broken:\ worker\ \d+\ exited\ with\ code\ 64\ while\ starting;\ 
            .*\ call\ that\ first\ in\ main\(\),\ before\ anything\ that\ reads\ arguments.*\n\z";
        let expected = is_match(expected).expect("it is an expression");
        let complaint = diff("usage: fail_early\n");
        before_init("parse").assert().success().stderr(complaint).stdout(expected);
    });
}

#[test]
fn a_program_that_forks_before_init_has_no_worker() {
    watch::within(watch::HANG, || {
        // The copy exits at once: the process for which it would work is not its parent.
        let expected = r"(?x)\A
            error\ WorkerDied\n
            the\ process\ pool\ is\ broken:\ worker\ \d+\ exited\ with\ code\ 0\ while\ starting.*\n\z";
        let expected = is_match(expected).expect("it is an expression");
        before_init("fork").assert().success().stderr(is_empty()).stdout(expected);
    });
}
