//! The end of the program: by a return from `main`, which waits for its pool, or by an exit, which does
//! not; in both cases no worker is left.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal;
use procpool_testkit::bystander::Bystander;
use procpool_testkit::gate::Gate;
use procpool_testkit::os::Watched;
use procpool_testkit::running::Running;
use procpool_testkit::{program, watch};
use tempfile::TempDir;

/// The time within which workers must exit. It takes them milliseconds; the limit is the promise.
const PROMISE: Duration = Duration::from_secs(2);

// Behaviours: SHUT-15, OUT-01, OUT-02.
#[test]
fn a_program_whose_main_returns_has_finished_its_tasks_once() {
    watch::within(watch::HANG, || {
        let run = program::command("clean_ends").arg("return").output().unwrap();
        assert!(run.status.success() && run.stderr.is_empty(), "{run:?}");
        let text = String::from_utf8(run.stdout).expect("it is text");
        let mut printed: Vec<&str> = text.split_terminator(';').collect();
        let mut expected: Vec<String> = (0..50).map(|number| format!("task {number}")).collect();
        printed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(printed, expected);
    });
}

/// A program with a busy worker and an idle one, and with a folder for temporary files of its own.
struct Owner {
    program: Running,
    workers: Vec<Bystander>,
    go: Gate,
    temporary: TempDir,
    _gates: TempDir,
}

impl Owner {
    fn start(mode: &str) -> Self {
        let [gates, temporary] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let go = Gate::new(gates.path(), "go");
        let mut command = program::command("clean_ends");
        command.args([mode, &go.path()]).env("TMPDIR", temporary.path());
        let mut program = Running::start(&mut command, "spawn");
        let workers: Vec<u32> = program.line();
        let workers: Vec<_> = workers.into_iter().map(|pid| Bystander(Watched::new(pid))).collect();
        assert!(workers.len() == 2 && !workers.iter().any(|w| w.0.ended_within(Duration::ZERO)));
        Self { program, workers, go, temporary, _gates: gates }
    }

    fn assert_workers_end(&self) {
        assert!(self.workers.iter().all(|worker| worker.0.ended_within(PROMISE)), "one lives on");
    }
}

// Behaviours: PAR-02.
#[test]
fn a_program_that_exits_leaves_no_worker() {
    watch::within(watch::HANG, || {
        for mode in ["exit", "_exit"] {
            let owner = Owner::start(mode);
            owner.go.give(1);
            owner.assert_workers_end();
            let (status, complaints) = owner.program.end();
            assert_eq!((status.code(), complaints.as_str()), (Some(3), ""), "{mode}");
        }
    });
}

/// The shared mappings of `pid`, as /proc names them.
fn shared_by(pid: u32) -> Vec<String> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it is there");
    let shared = maps.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let is_shared = fields.nth(1)?.ends_with('s');
        is_shared.then(|| fields.skip(3).collect::<Vec<_>>().join(" "))
    });
    shared.collect()
}

// Behaviours: PAR-04, LEAK-05.
#[test]
fn shared_objects_of_a_pool_have_no_name_that_could_outlive_it() {
    watch::within(watch::HANG, || {
        let owner = Owner::start("exit");
        let pids: Vec<u32> = owner.workers.iter().map(|worker| worker.0.pid).collect();
        for (pid, least) in [(owner.program.pid(), 2), (pids[0], 1), (pids[1], 1)] {
            let shared = shared_by(pid);
            let is_nameless = |name: &String| name == "/memfd:procpool (deleted)";
            assert!(shared.len() >= least && shared.iter().all(is_nameless), "{pid}: {shared:?}");
        }
        owner.program.signal(Signal::SIGKILL);
        owner.assert_workers_end();
        let left: Vec<_> = std::fs::read_dir(owner.temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let (status, complaints) = owner.program.end();
        assert_eq!((status.signal(), complaints.as_str()), (Some(libc::SIGKILL), ""));
    });
}

// Behaviours: LEAK-05, INIT-07.
#[test]
fn no_pool_leaves_a_file_however_it_ends() {
    watch::within(watch::HANG, || {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = program::command("clean_after_drop");
        let run = command.arg("80").env("TMPDIR", temporary.path()).output().unwrap();
        assert!(run.status.success() && run.stderr.is_empty(), "{run:?}");
        let text = String::from_utf8(run.stdout).expect("it is text");
        assert!(text.contains("a pool whose initializer failed"), "{text}");
        let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    });
}
