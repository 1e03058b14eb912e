//! Standard streams that are closed, full or broken: who has their numbers, and what tasks that print
//! come to.

use std::fs;
use std::process::{Command, Stdio};

use procpool_testkit::{program, start, watch};

const METHODS: [&str; 3] = ["spawn", "forkserver", "fork"];

/// Every way to close some of the three.
const SUBSETS: [&str; 7] = ["0", "1", "2", "01", "02", "12", "012"];

fn assert_no_number_is_the_pools(moment: &'static str) {
    watch::within(watch::HANG, move || {
        let folder = tempfile::tempdir().unwrap();
        let mut wrong = String::new();
        for (method, numbers) in METHODS.iter().flat_map(|m| SUBSETS.map(|numbers| (m, numbers))) {
            let report = folder.path().join(format!("{method}-{numbers}"));
            let mut program = Command::new(program::path("clean_numbers"));
            program.args([moment, numbers]).arg(&report).env(start::VARIABLE, method);
            // No pipe of the test's, which would look like one of the pool's.
            let streams = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let status = streams.status().expect("it starts");
            let found = fs::read_to_string(report).unwrap_or_else(|_| format!("{status}\n"));
            for line in found.lines() {
                wrong += &format!("{method}, {numbers} closed before {moment}: {line}\n");
            }
        }
        assert_eq!(wrong, "");
    });
}

#[test]
fn streams_that_are_closed_before_the_pool_is_made_are_not_its() {
    assert_no_number_is_the_pools("build");
}

#[test]
fn streams_that_are_closed_before_a_worker_starts_are_not_the_pools() {
    assert_no_number_is_the_pools("start");
}

#[test]
fn streams_that_are_closed_before_another_worker_starts_are_not_the_pools() {
    assert_no_number_is_the_pools("second");
}
