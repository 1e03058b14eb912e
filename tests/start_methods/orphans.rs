//! The program is killed: neither its forkserver nor their workers stay, in any state.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool_testkit::gate::Gate;
use procpool_testkit::os::Watched;
use procpool_testkit::{program, start, watch};

/// The time within which every process must exit. It takes milliseconds; the limit is the promise.
const PROMISE: Duration = Duration::from_secs(2);

/// Kills a program whose `count` processes do `what`, and waits for their exit.
fn assert_nobody_stays(what: &'static str, method: &'static str, processes: usize) {
    watch::within(watch::HANG, move || {
        let folder = tempfile::tempdir().unwrap();
        let [arrived, never] = ["arrived", "never"].map(|name| Gate::new(folder.path(), name));
        let mut program = program::command("orphans")
            .arg(what)
            .env(start::VARIABLE, method)
            .envs([("ARRIVED", arrived.path()), ("NEVER", never.path())])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = program.stdout.take().expect("it is a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let pids: Vec<u32> = serde_json::from_str(&line).expect("it prints who they are");
        assert_eq!(pids.len(), processes, "{what} under {method}: {pids:?}");
        let watched: Vec<Watched> = pids.into_iter().map(Watched::new).collect();
        assert!(watched.iter().all(|process| !process.ended_within(Duration::ZERO)));
        kill(Pid::from_raw(program.id() as i32), Signal::SIGKILL).expect("it runs");
        program.wait().expect("it is our child");
        for process in watched {
            let gone = process.ended_within(PROMISE);
            if !gone {
                let _ = kill(Pid::from_raw(process.pid as i32), Signal::SIGKILL);
            }
            assert!(gone, "{what} under {method}: process {} stays", process.pid);
        }
    });
}

// Behaviours: PAR-01, PAR-03.
#[test]
fn workers_and_their_forkserver_exit_with_the_program() {
    assert_nobody_stays("working", "spawn", 2);
    assert_nobody_stays("working", "forkserver", 3);
    assert_nobody_stays("working", "fork", 3);
}

#[test]
fn a_forkserver_in_preload_exits_with_the_program() {
    assert_nobody_stays("preloading", "forkserver", 1);
    assert_nobody_stays("preloading", "fork", 1);
}
