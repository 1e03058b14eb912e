//! Programs that are early or late at `init()`, and the outcomes of their forkservers.
//!
//! The outcomes of their spawned workers are in `programs`.

use std::process::{Command, Stdio};

use assert_cmd::assert::{Assert, OutputAssertExt};
use nix::sys::signal::Signal;
use predicates::str::{is_empty, is_match};
use procpool_testkit::gate::Gate;
use procpool_testkit::os::{self, Watched};
use procpool_testkit::{program, start, watch};

/// The program that performs an action before `init()`, as its environment says.
fn fail_early(method: &str, environment: &[(&str, String)]) -> Command {
    let mut command = program::command("fail_early");
    command.env(start::VARIABLE, method).env("START_TIMEOUT_MS", "60000");
    command.envs(environment.iter().map(|(name, value)| (*name, value)));
    command
}

/// Runs that program to its end.
fn run(method: &'static str, environment: &[(&'static str, String)]) -> Assert {
    let mut command = fail_early(method, environment);
    watch::within(watch::HANG, move || command.assert().success())
}

fn before_init(what: &str) -> (&'static str, String) {
    ("BEFORE_INIT", what.to_owned())
}

#[test]
fn a_program_that_parses_a_forkservers_arguments_and_exits_is_reported() {
    let expected = r"(?x)\A
        error\ ForkserverDied\n
        the\ process\ pool\ is\ broken:\ forkserver\ \d+\ 
        exited\ with\ code\ 64\ while\ starting;\ .*\ call\ that\ first\ in\ main\(\).*\n\z";
    let expected = is_match(expected).expect("it is an expression");
    run("forkserver", &[before_init("parse")]).stdout(expected).stderr("usage: fail_early\n");
}

#[test]
fn a_program_that_forks_before_init_has_no_forkserver() {
    // The copy exits at once: the process for which it would work is not its parent.
    let expected = r"(?x)\A
        error\ ForkserverDied\n
        .*\ exited\ with\ code\ 0\ while\ starting.*\n\z";
    let expected = is_match(expected).expect("it is an expression");
    run("forkserver", &[before_init("fork")]).stdout(expected).stderr(is_empty());
}

#[test]
fn a_forkserver_that_never_reaches_init_is_killed_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
    // For the program itself; its forkserver waits in vain.
    go.give(1);
    let (arrived_at, go_at) = (("ARRIVED", arrived.path()), ("GO", go.path()));
    let limit = ("START_TIMEOUT_MS", "500".to_owned());
    let expected = r"(?x)\A
        error\ ForkserverTimeout\n
        .*\ did\ not\ answer\ within\ 500ms\ while\ starting;\ if\ 
        what\ comes\ before\ procpool::init\(\)\ in\ main\(\),\ or\ preload,\ takes\ that\ 
        long,\ raise\ start_timeout\n\z";
    let expected = is_match(expected).expect("it is an expression");
    let run = run("forkserver", &[before_init("wait"), arrived_at, go_at, limit]);
    run.stdout(expected).stderr(is_empty());
    arrived.take(2, watch::HANG).expect("the server was there too");
}

#[test]
fn a_signal_to_the_program_spares_a_forkserver_before_init() {
    let folder = tempfile::tempdir().unwrap();
    let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
    let places = [("ARRIVED", arrived.path()), ("GO", go.path()), before_init("wait")];
    let mut command = fail_early("forkserver", &places);
    let program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The program itself.
    arrived.take(1, watch::HANG).unwrap();
    go.give(1);
    // Its forkserver, which knows the pid of its parent.
    arrived.take(1, watch::HANG).unwrap();
    let [forkserver] = &os::descendants_of(program.id())[..] else { panic!("there is one") };
    assert!(Watched::new(forkserver.pid).signal(Signal::SIGTERM));
    go.give(1);
    let output = watch::within(watch::HANG, move || program.wait_with_output().unwrap());
    output.assert().success().stdout("result 42\n").stderr(is_empty());
}

#[test]
fn code_before_init_does_not_run_again_in_a_forked_worker() {
    let folder = tempfile::tempdir().unwrap();
    let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
    // Once, for the program itself.
    go.give(1);
    let (arrived_at, go_at) = (("ARRIVED", arrived.path()), ("GO", go.path()));
    let run = run("fork", &[before_init("wait"), arrived_at, go_at]);
    run.stdout("result 42\n").stderr(is_empty());
    arrived.take(1, watch::HANG).unwrap();
}

#[test]
fn a_forkservers_arguments_given_by_hand_are_refused() {
    let mut command = program::command("fail_before_init");
    command.args(["--procpool-server", "1:1"]).assert().code(2).stderr(
        is_match("^procpool: --procpool-server is how .* of no use on a command line\n$")
            .expect("it is an expression"),
    );
}
