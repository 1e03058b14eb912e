//! A suite that is killed by a signal, at any moment, leaves no process, no folder and no shared memory
//! behind: neither its adapters nor any of their children.
//!
//! There is one test, since it counts every process that becomes a child of its own.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigHandler, Signal, kill, killpg, signal};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::{Pid, mkfifo};

const SIGNALS: [Signal; 5] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGKILL];

const MOMENTS: [&str; 4] = ["describe", "before-a-line", "in-a-step", "after-the-end"];

/// Kills a suite at a moment, and waits until nothing is left that it has started.
fn end(moment: &str, signal: Signal, send: impl Fn(Pid, Signal) -> nix::Result<()>) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let runs = folder.path().join("runs");
    let told = folder.path().join("told");
    let shared = PathBuf::from(format!("/dev/shm/interrupted-{}", std::process::id()));
    fs::create_dir(&runs).expect("the folder is ours");
    mkfifo(&told, Mode::S_IRWXU).expect("the folder is ours");
    let mut suite = Command::new(cargo_bin!("conformance"))
        .args(["check", &format!("sh lingers.sh {moment}")])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile"))
        .env("TMPDIR", &runs)
        .env("LINGERS", &told)
        .env("SHARED", &shared)
        .env("CONFORMANCE_SCALE", "10")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("it was built");
    let said = std::io::read_to_string(File::open(&told).expect("it is there"));
    assert_eq!(said.expect("it is readable").trim(), moment);

    send(Pid::from_raw(suite.id() as i32), signal).expect("it is there");
    let status = suite.wait().expect("it is ours");
    assert_eq!(status.signal(), Some(signal as i32), "{moment}, {signal}: {status}");
    // Orphans become children of this process, including the watcher. It exits by itself, and an adapter
    // may have done so, with code 7; no other process may.
    let mut ended = Vec::new();
    loop {
        match wait() {
            Ok(WaitStatus::Exited(_, 7)) => {}
            Ok(WaitStatus::Exited(pid, code)) => ended.push((pid, code)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => break,
            Err(error) => panic!("{moment}, {signal}: {error}"),
        }
    }
    assert!(matches!(ended[..], [(_, 0)]), "{moment}, {signal}: {ended:?} were left");
    let left: Vec<_> = fs::read_dir(&runs).expect("it is there").collect();
    assert!(left.is_empty(), "{moment}, {signal}: {left:?}");
    assert!(!shared.exists(), "{moment}, {signal}: {}", shared.display());
}

#[test]
fn an_interrupted_suite_leaves_nothing_behind() {
    set_child_subreaper(true).expect("Linux has it");
    // Background jobs of a shell ignore some of them, and so would the suite.
    for number in SIGNALS.into_iter().filter(|number| *number != Signal::SIGKILL) {
        // SAFETY: the default action runs no code of this program.
        unsafe { signal(number, SigHandler::SigDfl) }.expect("only SIGKILL has no other action");
    }
    for moment in MOMENTS {
        for signal in SIGNALS {
            end(moment, signal, kill);
        }
    }
    // Like Ctrl-C, and like killing a whole group.
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        end("in-a-step", signal, killpg);
    }
}
