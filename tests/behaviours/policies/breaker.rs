//! Workers that never get ready are not replaced forever.

use assert_cmd::Command;
use procpool::{BrokenCause, DeathPolicy, Error, ProcessPoolExecutor, WorkerExit};
use procpool_testkit::crossing::Crossing;
use procpool_testkit::pool::{assert_works, cause_reported_by};
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::{program, watch};

use crate::behaviours::lives::{builder, count, note};

/// The failure of an initializer, and the file for its notes.
type Way = (String, String);

fn fail((path, way): Way) -> Result<(), String> {
    note((path, "starts".to_owned()));
    match &*way {
        "returns" => Err("no".to_owned()),
        "panics" => panic!("no"),
        _ => std::process::exit(4),
    }
}

fn pool(path: &str, way: &str, starts: u32) -> ProcessPoolExecutor {
    builder(1)
        .death_policy(DeathPolicy::Replace { retries: 9 })
        .max_failed_starts(starts)
        .initializer_with_args(fail, (path.to_owned(), way.to_owned()))
        .build()
        .expect("a pool can be made")
}

#[test]
fn max_failed_starts_workers_in_a_row_may_fail_to_start() {
    watch::within(watch::HANG, || {
        for way in ["returns", "panics", "exits"] {
            for starts in [0, 1, 2, 3] {
                let crossing = Crossing::new();
                let path = crossing.file("notes");
                let executor = pool(&path, way, starts);
                let futures = [executor.submit(pid, ()), executor.submit(pid, ())];
                let causes = futures.map(|future| cause_reported_by(&future));
                assert_eq!(causes[0], causes[1]);
                match (way, &causes[0]) {
                    ("returns", BrokenCause::InitializerFailed { message, .. })
                        if message == "no" => {}
                    ("panics", BrokenCause::InitializerPanicked { panic, .. })
                        if panic.message == "no" => {}
                    ("exits", BrokenCause::WorkerDied(death))
                        if death.exit == WorkerExit::Code(4) => {}
                    (way, cause) => panic!("{way}: {cause}"),
                }
                assert_eq!(cause_reported_by(&executor.submit(pid, ())), causes[0]);
                drop(executor);
                assert_eq!(count(&path, "starts"), starts.max(1) as usize, "{way}");
            }
        }
    });
}

/// Every third worker gets ready.
fn fail_twice_of_three(path: String) -> Result<(), String> {
    note((path.clone(), "starts".to_owned()));
    if count(&path, "starts").is_multiple_of(3) { Ok(()) } else { Err("not yet".to_owned()) }
}

#[test]
fn a_successful_start_resets_the_count_of_failed_starts() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = builder(1)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .max_failed_starts(3)
            .initializer_with_args(fail_twice_of_three, path.clone())
            .build()
            .unwrap();
        for _ in 0..3 {
            let dies = executor.submit(|()| kill_self(), ());
            assert!(matches!(dies.result(), Err(Error::WorkerDied(_))));
        }
        assert_works(&executor);
        assert_eq!(count(&path, "starts"), 12);
    });
}

/// The first worker gets ready.
fn fail_later(path: String) -> Result<(), String> {
    note((path.clone(), "starts".to_owned()));
    if count(&path, "starts") == 1 { Ok(()) } else { Err("no more".to_owned()) }
}

#[test]
fn a_task_awaiting_its_retry_fails_with_the_pool() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = builder(1)
            .death_policy(DeathPolicy::Replace { retries: 9 })
            .initializer_with_args(fail_later, path.clone())
            .build()
            .unwrap();
        let dies = executor.submit(|()| kill_self(), ());
        let queued = executor.submit(pid, ());
        for error in [dies.error().unwrap(), queued.error().unwrap()] {
            assert!(error.to_string().contains("no more"), "{error}");
        }
        drop(executor);
        assert_eq!(count(&path, "starts"), 1 + 3);
    });
}

// Behaviours: SHUT-31.
#[test]
fn a_failed_replacement_breaks_a_pool_without_other_workers() {
    // Building may take longer than a hang, so it is done before the case starts.
    program::command("policies_ends");
    watch::within(watch::HANG, || {
        let mut command = Command::from_std(program::command("policies_ends"));
        let why = "the process pool is broken: no worker could be started: creating a socket pair \
                   failed: this process has as many descriptors open as it may: raise \
                   `ulimit -n`, or close some";
        let expected = format!("first: Ok(())\n{}", format!("then: {why}\n").repeat(3));
        command.env("MODE", "no room").assert().success().stdout(expected);
    });
}
