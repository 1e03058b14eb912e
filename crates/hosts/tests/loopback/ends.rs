//! How a pool ends, and that nothing of it is left.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use procpool::{Error, ProcessPoolExecutor};
use procpool_hosts::{OnHosts, shell};

use crate::{builder, is_alive, local, send, trial, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_shutdown_runs_every_submitted_task", a_shutdown_runs_every_submitted_task),
        trial("a_drop_leaves_no_process_behind", a_drop_leaves_no_process_behind),
        trial("kill_workers_ends_running_tasks", kill_workers_ends_running_tasks),
        trial(
            "workers_and_relays_end_with_a_killed_program",
            workers_and_relays_end_with_a_killed_program,
        ),
        trial(
            "a_queued_command_ends_with_a_killed_program",
            a_queued_command_ends_with_a_killed_program,
        ),
        trial("a_relay_after_the_end_of_its_pool_is_silent", a_late_relay_is_silent),
    ]
}

/// The pids of a worker, its relay, and the command that has started that.
fn family(executor: &procpool::ProcessPoolExecutor) -> [u32; 2] {
    let task = |()| [std::process::id(), std::os::unix::process::parent_id()];
    executor.submit(task, ()).result().unwrap()
}

fn a_shutdown_runs_every_submitted_task() {
    let executor = builder(1).build().unwrap();
    let futures: Vec<_> = (0..50).map(|x: u32| executor.submit(|x: u32| x, x)).collect();
    executor.shutdown();
    for (x, future) in futures.iter().enumerate() {
        assert_eq!(future.result(), Ok(x as u32));
    }
    assert!(matches!(executor.submit(|()| (), ()).error(), Some(Error::Shutdown)));
}

fn a_drop_leaves_no_process_behind() {
    let executor = builder(2).build().unwrap();
    let [worker, relay] = family(&executor);
    drop(executor);
    assert!(!is_alive(worker) && !is_alive(relay));
}

fn kill_workers_ends_running_tasks() {
    let executor = builder(1).build().unwrap();
    let [worker, relay] = family(&executor);
    let future = executor.submit(|()| std::thread::sleep(Duration::from_secs(600)), ());
    until("it runs", || future.running());
    executor.kill_workers();
    assert!(matches!(future.error(), Some(Error::BrokenProcessPool(_))));
    drop(executor);
    assert!(!is_alive(worker) && !is_alive(relay));
}

/// The argument by which this program builds a pool, prints its processes, and waits to be killed; and the next one
/// if the command waits in a queue.
pub(crate) const VICTIM: &str = "--victim";
const QUEUED: &str = "queued";
/// Or if one of two relays starts only when the pool has ended.
const SHORT: &str = "short";

pub(crate) fn be_victim(how: Option<&str>) -> ! {
    if how == Some(SHORT) {
        be_short();
    }
    let queued = shell("echo $$; exec sleep 600").workers(1);
    let launcher = if how == Some(QUEUED) { queued } else { local(1) };
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build().unwrap();
    if how != Some(QUEUED) {
        let [worker, relay] = family(&executor);
        println!("{worker} {relay}");
    }
    let _busy = executor.submit(|()| std::thread::sleep(Duration::from_secs(600)), ());
    loop {
        std::thread::park();
    }
}

fn be_short() -> ! {
    let folder = tempfile::tempdir().unwrap();
    let over = folder.path().join("over");
    let late = format!("until [ -e '{}' ]; do sleep 0.01; done; {{relay}}", over.display());
    let launcher = shell(&format!("{{relay}} & {{ {late}; }} & wait")).workers(2);
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build().unwrap();
    assert_eq!(executor.submit(|x: u32| x, 1).result(), Ok(1));
    let [_, relay] = family(&executor);
    let after = std::thread::spawn(move || {
        until("the pool has said goodbye", || !is_alive(relay));
        std::fs::write(over, "").unwrap();
    });
    drop(executor);
    after.join().unwrap();
    std::process::exit(0);
}

fn a_late_relay_is_silent() {
    let mut program = Command::new(std::env::current_exe().unwrap());
    let output = program.args([VICTIM, SHORT]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

fn workers_and_relays_end_with_a_killed_program() {
    assert_eq!(killed_victims("").len(), 2);
}

fn a_queued_command_ends_with_a_killed_program() {
    assert_eq!(killed_victims(QUEUED).len(), 1);
}

/// Kills a victim once it has printed pids, and waits until those have ended. Returns them.
fn killed_victims(how: &str) -> Vec<u32> {
    let mut victim = Command::new(std::env::current_exe().unwrap());
    let mut victim = victim.args([VICTIM, how]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let output = victim.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    send(Signal::SIGKILL, victim.id());
    victim.wait().unwrap();
    for pid in &pids {
        until("it has ended", || !is_alive(*pid));
    }
    pids
}
