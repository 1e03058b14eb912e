//! `threads`: the ways agree. How fast each is, is not judged here.

use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, recipe};

/// Asserts that `output` begins with a table whose cells but the first are positive numbers.
fn assert_table(output: &str, columns: usize) {
    let rows: Vec<&str> = output.lines().skip(2).take(4).collect();
    assert_eq!(rows.len(), 4, "{output}");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").skip(1).collect();
        let is_positive = |cell: &&str| cell.parse().is_ok_and(|number: u64| number > 0);
        assert!(cells.len() == columns && cells.iter().all(is_positive), "{row}");
    }
}

#[test]
fn all_ways_give_the_same_results_and_only_a_process_survives_an_abort() {
    within(HANG, || {
        let output = recipe!("threads", "20").succeed();
        assert_table(&output, 4);
        let last = output.lines().last().unwrap_or_default();
        assert!(last.starts_with("an abort: worker "), "{output}");
        assert!(last.contains(" was killed by SIGABRT while running work item "), "{output}");
    });
}

#[test]
fn the_twin_measures_threads_and_processes_too() {
    within(HANG, || assert_table(&Program::twin("threads", &["20"]).succeed(), 3));
}
