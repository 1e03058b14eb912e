//! `logs`: a file per worker, and files that cannot be written.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;

use nix::sys::signal::Signal;
use procpool_testkit::os::Watched;
use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, below, folder, recipe};

/// The items that a log says are done.
fn done(text: &str) -> Vec<u64> {
    let records = text.lines().filter(|line| line.ends_with(": done"));
    let items =
        records.filter_map(|line| line.split_once("item=")?.1.split_once('}')?.0.parse().ok());
    items.collect()
}

#[test]
fn each_worker_has_a_log_that_its_finalizer_closes() {
    within(HANG, || {
        let folder = folder();
        let mut program = recipe!("logs", folder.path());
        assert_eq!(program.line(), "3 logs are open");
        // The second worker dies before its first task; its replacement continues the file.
        let named = |id| below(&folder, &format!("worker-{id}.log"));
        let first = fs::read_to_string(named(1)).expect("it is open");
        let victim = first.split_once("pid=").expect("it names its worker").1.trim_end();
        let victim = Watched::new(victim.parse().expect("it is a number"));
        assert!(victim.signal(Signal::SIGKILL));
        assert!(victim.ended_within(HANG));
        program.say("");
        assert_eq!(program.line(), "1000 tasks, 10 failed");
        let summary = program.succeed();
        assert_eq!(summary.lines().count(), 3, "{summary}");

        let logs: Vec<String> =
            (0..3).map(|id| fs::read_to_string(named(id)).expect("it was written")).collect();
        let items: Vec<u64> = logs.iter().flat_map(|log| done(log)).collect();
        assert_eq!((items.len(), HashSet::<u64>::from_iter(items).len()), (990, 990));
        for (id, log) in logs.iter().enumerate() {
            let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
            assert!(!log.contains("below the level"), "{log}");
            // A worker that the dead one is not replaced in time for has no task.
            assert!(id == 1 || count("opened") == 1, "{log}");
            let last = log.lines().last().unwrap_or_default();
            assert!(id == 1 || last.contains("closed tasks="), "{last}");
        }
        let opened: usize = logs.iter().map(|log| log.matches(" opened pid=").count()).sum();
        let closed: usize = logs.iter().map(|log| log.matches(" closed tasks=").count()).sum();
        assert_eq!(opened, closed + 1, "the killed worker alone did not close its log");
    });
}

#[test]
fn a_log_that_cannot_be_opened_breaks_the_pool_and_a_full_disk_loses_no_result() {
    within(HANG, || {
        let (code, _, complaint) = recipe!("logs", "/proc/nothing").end();
        assert_eq!(code, Some(1));
        assert!(complaint.contains("failed to create"), "{complaint}");

        let folder = folder();
        symlink("/dev/full", below(&folder, "worker-0.log")).expect("the folder is empty");
        let mut program = recipe!("logs", folder.path());
        assert_eq!(program.line(), "3 logs are open");
        program.say("");
        assert_eq!(program.line(), "1000 tasks, 10 failed");
        let (code, output, complaint) = program.end();
        assert_eq!(code, Some(0), "{complaint}");
        assert!(output.starts_with("worker-1.log: "), "{output}");
    });
}

#[test]
fn the_twin_has_a_log_per_worker_too() {
    within(HANG, || {
        let folder = folder();
        let summary = Program::twin("logs", &[&below(&folder, "")]).succeed();
        assert!(summary.starts_with("1000 tasks, 10 failed\n"), "{summary}");
        assert_eq!(summary.matches(".log: ").count(), 3, "{summary}");
    });
}
