//! The file: written results are read back, and inconsistent ones are refused with a reason.

use procpool_conformance::case::Level;
use procpool_conformance::report::{CaseResult, Diff, Matrix, Results, Run, Verdict, html};
use serde_json::{Value, json};

use crate::fixture::{case, dead, hostile, results, run};

#[test]
fn written_results_are_read_back() {
    for all in [results(), hostile()] {
        assert_eq!(Results::parse(&all.to_json()), Ok(all));
    }
}

/// Reads the fixture after a change of its JSON.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut json: Value = serde_json::from_str(&results().to_json()).expect("it is JSON");
    change(&mut json);
    Results::parse(&json.to_string()).expect_err("it is refused")
}

#[test]
fn an_error_in_a_file_names_its_position() {
    let error = changed(|json| json["runs"][0]["cases"][2]["verdict"] = json!("sunny"));
    assert!(error.starts_with("at runs[0].cases[2].verdict: unknown variant `sunny`"), "{error}");
    let error = changed(|json| json["runs"][1]["cases"][0]["colour"] = json!(1));
    assert!(error.starts_with("at runs[1].cases[0].colour: unknown field"), "{error}");
    let error = changed(|json| json["runs"][0]["description"]["capabilities"] = json!(["fly"]));
    assert!(error.contains("unknown variant `fly`"), "{error}");
}

#[test]
fn results_of_another_version_are_refused_with_advice() {
    let error = changed(|json| {
        json["results"] = json!(2);
        json["runs"] = json!([{ "contract": 1, "shapes": [] }]);
    });
    let reads = "this program reads version 1: install a newer one";
    assert_eq!(error, format!("it has version 2 of the format; {reads}"));
    let error = changed(|json| {
        json["runs"][1]["contract"] = json!(2);
        json["runs"][1]["description"]["capabilities"] = json!(["fly"]);
    });
    assert_eq!(error, format!("it has version 2 of the contract; {reads}"));
    let error = changed(|json| json["runs"][0]["contract"] = json!(0));
    assert_eq!(
        error,
        "it has version 0 of the contract; this program reads version 1: judge the pool again, or \
         install the one that wrote it"
    );
}

fn refused(runs: Vec<Run>) -> String {
    Results::of(runs).expect_err("it is refused")
}

#[test]
fn a_contradiction_is_refused() {
    let passed = || case("a.b", Level::Must, Verdict::Passed);
    assert_eq!(refused(vec![]), "there is no run in it");
    let twice = || run("x", "pool", vec![passed()]);
    assert_eq!(
        refused(vec![twice(), twice()]),
        "the run of `x`: it occurs twice; leave out one of them"
    );
    let cases = |cases| refused(vec![run("x", "pool", cases)]);
    assert_eq!(cases(vec![]), "the run of `x`: it has no case, so it says nothing");
    assert_eq!(cases(vec![passed(), passed()]), "the run of `x`: a.b: the case is there twice");
    let mut silent = case("a.b", Level::Must, Verdict::Unsupported);
    silent.observation.clear();
    assert_eq!(
        cases(vec![silent]),
        "the run of `x`: a.b: it is unsupported, and no observation says why"
    );
    let at_times = |verdict| CaseResult { at_times: true, ..case("a.b", Level::Must, verdict) };
    assert_eq!(
        cases(vec![at_times(Verdict::Passed)]),
        "the run of `x`: a.b: it fails at times, and no observation says why"
    );
    assert_eq!(
        cases(vec![at_times(Verdict::Unsupported)]),
        "the run of `x`: a.b: it is unsupported, which no race decides"
    );
    let mut early = passed();
    early.seconds = -1.0;
    assert_eq!(cases(vec![early]), "the run of `x`: a.b: it took less than no time");
}

#[test]
fn two_runs_of_one_adapter_are_two_columns() {
    let names = |change: fn(&mut Run)| {
        let first = run("x", "pool", vec![case("a.b", Level::Must, Verdict::Failed)]);
        let mut second = run("x", "pool", vec![case("a.b", Level::Must, Verdict::Passed)]);
        change(&mut second);
        let results = Results::of(vec![first, second]).expect("they are two runs");
        assert!(html(&results, None).is_ok());
        Matrix::of(&results).names
    };
    let version = |run: &mut Run| {
        run.description.as_mut().expect("it has one").version = "1.3.0".to_owned();
    };
    assert_eq!(names(version), ["pool (spawn): 1.2.3", "pool (spawn): 1.3.0"]);
    let date = |run: &mut Run| run.date = "2026-02-01T00:00:00Z".to_owned();
    assert_eq!(
        names(date),
        ["pool (spawn): 2026-01-31T12:00:00Z", "pool (spawn): 2026-02-01T00:00:00Z"]
    );
    assert_eq!(names(|_| {}), ["pool (spawn): #1", "pool (spawn): #2"]);
    assert_eq!(names(|run| run.adapter = "y".to_owned()), ["pool (spawn): x", "pool (spawn): y"]);
}

#[test]
fn the_last_of_two_runs_of_one_adapter_is_compared() {
    let judged = |verdict| run("x", "pool", vec![case("a.b", Level::Must, verdict)]);
    let both = vec![judged(Verdict::Failed), judged(Verdict::Passed)];
    let both = Results::of(both).expect("they are two runs");
    let later = Results::of(vec![judged(Verdict::Failed)]).expect("it is one");
    assert_eq!(Diff::of(&both, &later).losses(), 1);
    assert_eq!(Diff::of(&later, &both).improvements.len(), 1);
}

#[test]
fn a_dead_adapter_passes_nothing() {
    let mut zombie = dead("x", "it hangs", &["a.b"]);
    zombie.cases.push(case("a.c", Level::Must, Verdict::Passed));
    assert_eq!(refused(vec![zombie]), "the run of `x`: a.c: it is passed, but its adapter is dead");
    let mut silent = dead("x", "it hangs", &["a.b"]);
    silent.fault = None;
    assert_eq!(
        refused(vec![silent]),
        "the run of `x`: there is neither a description nor a fault that says why"
    );
    let mut both = run("x", "pool", vec![case("a.b", Level::Must, Verdict::Passed)]);
    both.fault = Some("it hangs".to_owned());
    assert_eq!(
        refused(vec![both]),
        "the run of `x`: there are a description and a fault; one is wrong"
    );
}
