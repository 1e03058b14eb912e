//! The last lines of a dead worker's stderr are in the report of its death, if they were captured.

use procpool::{BrokenCause, Builder, Output, WorkerDeath};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::kill_self;
use procpool_testkit::watch;

use crate::behaviours::causes::cause_for;

/// Stderr is discarded, except for the reports.
fn builder() -> Builder {
    crate::builder().max_workers(1).stderr(Output::Null)
}

/// Writes `text` to stderr and dies.
fn write_and_die(text: String) {
    eprint!("{text}");
    kill_self();
}

fn death_after(builder: Builder, text: &str) -> WorkerDeath {
    let executor = builder.build().unwrap();
    let future = executor.submit(write_and_die, text.to_owned());
    match cause_for(&future) {
        BrokenCause::WorkerDied(death) => death,
        other => panic!("{other}"),
    }
}

#[test]
fn a_death_report_ends_with_the_last_lines_of_stderr() {
    watch::within(watch::HANG, || {
        let death = death_after(builder().capture_stderr(2), "one\ntwo\nthree");
        assert_eq!(death.stderr.as_deref(), Some("two\nthree"));
        let pid = death.pid;
        let expected = format!(
            "worker {pid} was killed by SIGKILL while running work item 1; it last wrote to stderr:\
             \n  two\n  three"
        );
        assert_eq!(death.to_string(), expected);
    });
}

#[test]
fn captured_stderr_is_none_if_off_and_empty_if_nothing_is_written() {
    watch::within(watch::HANG, || {
        let silent = death_after(builder().capture_stderr(2), "");
        let not_captured = death_after(builder(), "words");
        assert_eq!(silent.stderr.as_deref(), Some(""));
        assert_eq!(not_captured.stderr, None);
        for death in [silent, not_captured] {
            let pid = death.pid;
            let sentence = format!("worker {pid} was killed by SIGKILL while running work item 1");
            assert_eq!(death.to_string(), sentence);
        }
    });
}

#[test]
fn the_end_of_long_output_is_kept_and_long_lines_are_cut() {
    watch::within(watch::HANG, || {
        let long = "x".repeat(1 << 20);
        let text = format!("{}{long}\nlast\n", "line\n".repeat(1 << 16));
        let death = death_after(builder().capture_stderr(3), &text);
        let expected = format!("line\n{}\nlast", "x".repeat(4 << 10));
        assert_eq!(death.stderr.as_deref(), Some(&*expected));
    });
}

#[test]
fn a_worker_is_reported_with_its_own_lines_only() {
    watch::within(watch::HANG, || {
        let write_and_cross = |places| {
            eprintln!("the other worker's");
            cross(places)
        };
        let crossing = Crossing::new();
        let executor = builder().max_workers(2).capture_stderr(5).build().unwrap();
        let other = executor.submit(write_and_cross, crossing.places());
        crossing.wait_for(1);
        let future = executor.submit(write_and_die, "its own\n".to_owned());
        let BrokenCause::WorkerDied(death) = cause_for(&future) else { panic!("{future:?}") };
        assert_eq!(death.stderr.as_deref(), Some("its own"));
        assert!(other.error().is_some());
    });
}
