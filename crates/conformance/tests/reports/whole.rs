//! The kept form of a whole run, its part of the book, and runs that are not whole.

use procpool_conformance::case::Level;
use procpool_conformance::report::{CaseResult, Results, Run, Verdict, Whole, chapter, html};

use crate::fixture::{HOSTILE, case, dead, hostile, run};

/// Every verdict except that of a partial run, at two levels.
fn cases(rerun: &str) -> Vec<CaseResult> {
    let verdicts = Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::NotTested);
    let cases = verdicts.enumerate().map(|(index, verdict)| {
        let level = if index % 3 == 1 { Level::Should } else { Level::Must };
        let area = if index < 3 { "init" } else { "shutdown" };
        let id = format!("{area}.{index}");
        CaseResult { rerun: format!("{rerun} {id}"), ..case(&id, level, verdict) }
    });
    cases.collect()
}

fn runs() -> Vec<Run> {
    let mut good = cases("run pool's");
    for case in &mut good {
        (case.verdict, case.observation) = (Verdict::Passed, String::new());
    }
    vec![
        run("procpool-adapter", "procpool", good),
        run("python3 pool.py", "pool", cases("run other's")),
    ]
}

fn whole(runs: Vec<Run>) -> Result<Whole, String> {
    let adapters = ["procpool-adapter", "python3 pool.py"].map(str::to_owned);
    Whole::of(&Results::of(runs).expect("the fixture contradicts itself"), &adapters)
}

#[test]
fn timelines_of_passed_and_unsupported_cases_are_not_kept() {
    let mut runs = runs();
    let kept = whole(runs.clone()).expect("it is whole");
    let read = Whole::parse(&kept.to_json()).expect("it is what was written");
    assert_eq!(read, kept);
    for case in runs.iter_mut().flat_map(|run| &mut run.cases) {
        if matches!(case.verdict, Verdict::Passed | Verdict::Unsupported) {
            assert!(!case.timeline.is_empty(), "there is something to leave out");
            case.timeline.clear();
        }
    }
    assert_eq!(read.results(), Results::of(runs));
}

#[test]
fn results_of_a_partial_run_are_not_kept() {
    let refused = |change: fn(&mut Vec<Run>), expected: &str| {
        let mut runs = runs();
        change(&mut runs);
        let error = whole(runs).expect_err(expected);
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    };
    refused(|runs| drop(runs.pop()), "There is no run of:\n  python3 pool.py");
    refused(
        |runs| runs.push(run("another", "another", cases("run"))),
        "the run of `another`: no adapter is called so",
    );
    refused(
        |runs| {
            let case = &mut runs[1].cases[2];
            (case.verdict, case.observation) = (Verdict::NotTested, "not asked for".to_owned());
        },
        "the run of `python3 pool.py`: it is of a part of the cases: init.2 was not tested",
    );
    refused(|runs| drop(runs[1].cases.pop()), "it is of another suite than that of `procpool-");
    refused(|runs| runs[1].suite = "0.2.0".to_owned(), "it is of another suite");
    refused(|runs| runs[1].machine.cpus = 64, "it is of another machine than that of `procpool-");
    refused(
        |runs| runs[1] = dead("python3 pool.py", "pool is not installed", &["init.0"]),
        "its adapter is dead, so nothing is known of the pool; install its requirements: pool is not installed",
    );
    refused(|runs| runs[1].cases[3].rerun = "otherwise".to_owned(), "does not end with the id");
}

#[test]
fn an_inconsistent_file_is_refused() {
    let refused = |from: &str, to: &str, expected: &str| {
        let text = whole(runs()).expect("it is whole").to_json();
        assert!(text.contains(from), "the file has {from:?}");
        let error = Whole::parse(&text.replacen(from, to, 1)).expect_err(expected);
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    };
    refused("\"whole\": 1", "\"whole\": 2, \"more\": 0", "it has version 2; this program reads");
    refused(
        "\"cells\": [",
        "\"cells\": [{\"verdict\": \"passed\", \"seconds\": 1}, ",
        "7 cells for 6",
    );
    refused("\"verdict\": \"passed\"", "\"verdict\": \"failed\"", "no observation says why");
    refused("\"rerun\"", "\"run\"", "unknown field `run`");
}

#[test]
fn the_chapter_separates_levels_and_areas() {
    let results = whole(runs()).and_then(|whole| whole.results()).expect("it is whole");
    insta::assert_snapshot!(chapter(&results, "pools.html"));
}

#[test]
fn no_text_of_the_chapter_is_markup() {
    let text = chapter(&hostile(), "pools.html");
    for marker in ["<script", "](javascript", "{{"] {
        assert!(HOSTILE.contains(marker), "the fixture has {marker}");
        assert!(!text.contains(marker), "the chapter has {marker}:\n{text}");
    }
}

/// Half of a page with many pools would be commands that only differ in the id of the case.
#[test]
fn a_page_has_a_command_once_for_each_pool() {
    let results = Results::of(runs()).expect("two adapters");
    let page = html(&results, None).expect("it is written");
    assert_eq!(page.matches("run other's").count(), 1);
}
