//! `table`: a table that is shared takes its size once.

use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, below, folder, recipe};

/// MiB of the test's table, and what four workers and a forkserver take besides.
const TABLE: u64 = 48;
const BESIDES: u64 = 40;

/// The last number of the line that begins with `way`, of which all lookups are right.
fn memory(output: &str, way: &str) -> u64 {
    let line = output.lines().find(|line| line.starts_with(way)).unwrap_or_default();
    assert!(line.contains(": 1000000 lookups in "), "{output}");
    let words: Vec<&str> = line.split(' ').collect();
    let number = words.len().checked_sub(2).and_then(|last| words[last].parse().ok());
    number.unwrap_or_else(|| panic!("no number in {line}"))
}

#[test]
fn a_shared_table_takes_its_size_once_and_a_copied_one_four_times() {
    within(HANG, || {
        let folder = folder();
        let output = recipe!("table", TABLE.to_string(), below(&folder, "table")).succeed();
        for way in ["preloaded", "mapped"] {
            let shared = memory(&output, way);
            assert!((TABLE / 2..TABLE + BESIDES).contains(&shared), "{way}: {output}");
        }
        assert!(memory(&output, "copied") >= 4 * TABLE, "{output}");
        let last = output.lines().last().unwrap_or_default();
        assert!(last.starts_with("after it shrank: worker "), "{output}");
        assert!(last.contains(" was killed by SIGBUS while running "), "{output}");
        assert_eq!(std::fs::read_dir(&folder).expect("it exists").count(), 0);
    });
}

#[test]
fn a_table_that_cannot_be_written_is_an_error() {
    within(HANG, || {
        let (code, _, complaint) = recipe!("table", "1", "/nonexistent/table").end();
        assert_eq!(code, Some(1));
        assert!(complaint.contains("NotFound"), "{complaint}");
    });
}

#[test]
fn the_twin_shares_its_table_too() {
    within(HANG, || {
        let output = Program::twin("table", &["16"]).succeed();
        assert!(memory(&output, "copied") >= 4 * 16, "{output}");
        assert!(memory(&output, "mapped") < memory(&output, "copied"), "{output}");
        assert_eq!(output.lines().count(), 3, "{output}");
    });
}
