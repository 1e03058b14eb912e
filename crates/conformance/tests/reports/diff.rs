//! The changes that count as a loss, and those that do not.

use procpool_conformance::case::Level;
use procpool_conformance::report::{CaseResult, Diff, Results, Run, Verdict};

use crate::fixture::{case, dead, run};

fn of(cases: &[(&str, Verdict)]) -> Results {
    let cases = cases.iter().map(|(id, verdict)| case(id, Level::Must, *verdict)).collect();
    one(run("x", "pool", cases))
}

fn one(run: Run) -> Results {
    Results::of(vec![run]).expect("one run")
}

#[test]
fn every_change_is_in_its_list() {
    use Verdict::{ExpectedFailure, Failed, Passed, Unsupported};
    let old = of(&[
        ("a.broke", Passed),
        ("a.gone", Unsupported),
        ("a.improved", Failed),
        ("a.lost", Passed),
        ("a.same", Passed),
        ("a.waived", Failed),
    ]);
    let new = of(&[
        ("a.broke", Failed),
        ("a.improved", Passed),
        ("a.new", Failed),
        ("a.same", Passed),
        ("a.waived", ExpectedFailure),
    ]);
    let diff = Diff::of(&old, &new);
    insta::assert_snapshot!(diff);
    // Requirements that broke, and those that held and were removed.
    assert_eq!(diff.losses(), 2);
}

#[test]
fn any_change_from_passed_is_a_regression() {
    for verdict in Verdict::ALL {
        let diff = Diff::of(&of(&[("a.b", Verdict::Passed)]), &of(&[("a.b", verdict)]));
        assert_eq!(diff.losses(), usize::from(!verdict.holds()), "{verdict}");
        assert_eq!(diff.regressions.len(), diff.losses(), "{verdict}");
        let back = Diff::of(&of(&[("a.b", verdict)]), &of(&[("a.b", Verdict::Passed)]));
        assert_eq!(back.losses(), 0, "{verdict}");
        assert_eq!(back.improvements.len(), usize::from(!verdict.holds()), "{verdict}");
    }
}

#[test]
fn a_dead_or_missing_adapter_is_a_loss() {
    let old = of(&[("a.b", Verdict::Passed), ("a.c", Verdict::Passed)]);
    let died = Diff::of(&old, &one(dead("x", "it hangs", &["a.b", "a.c"])));
    assert_eq!(died.regressions.len(), 2);
    assert_eq!(
        died.regressions[0].to_string(),
        "pool (spawn) · a.b: passed → adapter error (it hangs)"
    );
    let mut other = old.clone();
    other.runs[0].adapter = "y".to_owned();
    let left_out = Diff::of(&old, &other);
    assert_eq!((left_out.losses(), left_out.removed.len(), left_out.new.len()), (2, 2, 2));
}

#[test]
fn an_unstable_case_is_not_a_loss() {
    let of = |verdict| {
        let at_times = CaseResult {
            at_times: true,
            observation: "Two threads race.".to_owned(),
            ..case("a.b", Level::Must, verdict)
        };
        one(run("x", "pool", vec![at_times]))
    };
    let (passed, failed) = (of(Verdict::Passed), of(Verdict::ExpectedFailure));
    for (before, after) in [(&passed, &failed), (&failed, &passed)] {
        let diff = Diff::of(before, after);
        assert_eq!((diff.losses(), diff.improvements.len(), diff.others.len()), (0, 0, 1));
    }
    // It held in every run before.
    let held = self::of(&[("a.b", Verdict::Passed)]);
    assert_eq!(Diff::of(&held, &failed).losses(), 1);
    assert_eq!(Diff::of(&held, &passed).losses(), 1);
}

#[test]
fn no_changes_are_reported_as_none() {
    let same = of(&[("a.b", Verdict::Failed)]);
    assert_eq!(Diff::of(&same, &same).to_string(), "nothing has changed\n");
}
