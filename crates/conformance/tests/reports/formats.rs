//! Each format, from results with every verdict.

use procpool_conformance::case::Level;
use procpool_conformance::report::{
    CaseResult, Matrix, Results, Verdict, badge, html, junit, markdown,
};
use roxmltree::Document;

use crate::fixture::{case, results, run};

#[test]
fn every_verdict_looks_different() {
    let symbols: std::collections::BTreeSet<&str> =
        Verdict::ALL.iter().map(|verdict| verdict.symbol()).collect();
    assert_eq!(symbols.len(), Verdict::ALL.len());
    for (index, verdict) in Verdict::ALL.iter().enumerate() {
        assert_eq!(*verdict as usize, index, "counts are by position: {verdict}");
        assert_eq!(serde_json::to_value(verdict).expect("a word"), verdict.word());
    }
}

#[test]
fn a_case_that_was_not_run_has_a_marked_cell() {
    let results = results();
    let matrix = Matrix::of(&results);
    let last = &matrix.areas[1].rows[3];
    assert_eq!(last.case.id, "shutdown.not-tested");
    assert_eq!(last.cells[1].verdict, Verdict::NotTested);
    assert_eq!(last.cells[1].observation, "The run does not contain this case.");
    // The file has one case of the dead adapter; its column is red from top to bottom.
    assert_eq!(matrix.counts(2).get(Verdict::AdapterError), 7);
    assert_eq!(last.cells[2].observation, "sh: 1: no-such-adapter: not found");
    // Known failures count as failed; a part of the suite is not a whole.
    assert_eq!((matrix.counts(0).failed(), matrix.counts(0).passed()), (2, 2));
    assert_eq!((matrix.counts(0).must().holds, matrix.counts(0).must().all), (1, 5));
    assert_eq!((matrix.counts(1).must().holds, matrix.counts(1).must().all), (5, 6));
}

#[test]
fn columns_of_one_name_are_distinguished() {
    let passed = || vec![case("a.b", Level::Must, Verdict::Passed)];
    let twins = Results::of(vec![run("x", "pool", passed()), run("y", "pool", passed())])
        .expect("two adapters");
    assert_eq!(Matrix::of(&twins).names, ["pool (spawn): x", "pool (spawn): y"]);
}

#[test]
fn markdown_has_a_line_for_each_implementation() {
    insta::assert_snapshot!(markdown(&results()));
}

#[test]
fn junit_has_a_case_for_each_case() {
    let xml = junit(&results());
    let document = Document::parse(&xml).expect("it is well-formed");
    let root = document.root_element();
    let count = |tag: &str| root.descendants().filter(|node| node.has_tag_name(tag)).count();
    // Totals are those of the elements.
    assert_eq!(root.attribute("tests"), Some("14"));
    assert_eq!(count("testcase"), 14);
    assert_eq!((root.attribute("failures"), count("failure")), (Some("2"), 2));
    assert_eq!((root.attribute("errors"), count("error")), (Some("2"), 2));
    assert_eq!((root.attribute("skipped"), count("skipped")), (Some("3"), 3));
    insta::assert_snapshot!(xml);
}

fn only(cases: Vec<procpool_conformance::report::CaseResult>) -> Results {
    Results::of(vec![run("x", "pool", cases)]).expect("one run")
}

#[test]
fn a_badge_has_the_number_of_passed_cases() {
    let svg = badge(&results(), Some("concurrent.futures (spawn)")).expect("it is there");
    insta::assert_snapshot!(svg);
    let dead = badge(&results(), Some("no-such-adapter")).expect("it is there");
    assert!(dead.contains(">adapter error<"), "{dead}");
    let whole = only(vec![case("a.b", Level::Must, Verdict::Passed)]);
    let svg = badge(&whole, None).expect("it is the only one");
    assert!(svg.contains(">1/1 MUST<") && svg.contains("#1a7f37"), "{svg}");
    // Nothing that is optional makes it green or red.
    let optional = only(vec![case("a.b", Level::May, Verdict::Failed)]);
    let svg = badge(&optional, None).expect("it is the only one");
    assert!(svg.contains(">no MUST tested<"), "{svg}");
}

#[test]
fn an_unstable_case_is_marked_and_does_not_count_as_passed() {
    let at_times = |id, verdict| CaseResult {
        at_times: true,
        observation: "Two threads race.".to_owned(),
        ..case(id, Level::Must, verdict)
    };
    let results = only(vec![
        case("a.a", Level::Must, Verdict::Passed),
        at_times("a.b", Verdict::Passed),
        at_times("a.c", Verdict::ExpectedFailure),
    ]);
    let svg = badge(&results, None).expect("it is the only one");
    assert!(svg.contains(">1/3 MUST<"), "{svg}");
    let table = markdown(&results);
    assert!(table.contains("| 1/3 | 2 ✓ · 1 ≈ · 2 ~ |"), "{table}");
    let xml = junit(&results);
    Document::parse(&xml).expect("it is well-formed");
    for said in [
        "<system-out>passed (~ at times): Two threads race.</system-out>",
        "<skipped message=\"expected failure (~ at times): Two threads race.\"/>",
    ] {
        assert!(xml.contains(said), "{said}: {xml}");
    }
    let page = html(&results, None).expect("it is written");
    for said in
        ["</span> passed (~ at times)<", "~ 2 at times", "\"label\":\"passed (~ at times)\""]
    {
        assert!(page.contains(said), "the page has no {said}");
    }
}

#[test]
fn a_badge_of_several_runs_needs_a_choice() {
    let error = badge(&results(), None).expect_err("there are three");
    assert_eq!(
        error,
        "there are several runs; choose one by --run:\n  concurrent.futures (spawn)\n  procpool (spawn)\n  no-such-adapter"
    );
    let error = badge(&results(), Some("loky")).expect_err("it is not there");
    assert!(error.starts_with("no run is called \"loky\"; there are:\n"), "{error}");
}

#[test]
fn the_page_needs_no_other_file() {
    let page = html(&results(), None).expect("it is written");
    for marker in ["src=", "@import", "url(", "<link", "http://", "https://", "{{"] {
        assert!(!page.contains(marker), "the page has {marker}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn the_page_has_a_cell_for_every_case_and_column() {
    let page = html(&results(), None).expect("it is written");
    assert_eq!(page.matches("<button type=\"button\" data-column=").count(), 7 * 3);
    // A symbol and a word in every cell: colour is never the only sign.
    for verdict in Verdict::ALL {
        let cell = format!("<span aria-hidden=\"true\">{}</span> {verdict}<", verdict.symbol());
        assert!(page.contains(&cell), "no cell is {verdict}");
    }
    assert!(page.contains("Adapters without a description: 1."));
}

#[test]
fn a_cell_shows_the_requirement_of_its_own_suite_version() {
    let of = |requirement: &str, area: &str| {
        let mut case = case("a.b", Level::Must, Verdict::Passed);
        (case.requirement, case.area) = (requirement.to_owned(), area.to_owned());
        vec![case]
    };
    // Two versions of the suite describe a case differently, and have it in different areas.
    let runs = vec![run("x", "pool", of("of before", "a")), run("y", "other", of("of now", "b"))];
    let both = Results::of(runs).expect("two adapters");
    assert_eq!(Matrix::of(&both).areas.len(), 1);
    let page = html(&both, None).expect("it is written");
    let (_, data) = page.split_once("id=\"data\">").expect("there are data");
    let (data, _) = data.split_once("</script>").expect("they end");
    let data: serde_json::Value = serde_json::from_str(data).expect("they are JSON");
    assert_eq!(data["rows"][0]["requirement"], "of before");
    assert_eq!(data["cells"][0][0]["about"], serde_json::Value::Null);
    assert_eq!(data["cells"][0][1]["about"]["requirement"], "of now");
}

#[test]
fn links_lead_into_the_book() {
    let link = |book| html(&results(), book).expect("it is written");
    assert!(link(None).contains(r#""link":"catalogue.html#init-passed""#));
    assert!(link(Some("../book")).contains(r#""link":"../book/catalogue.html#init-passed""#));
    let there = link(Some("https://example.org/book/"));
    assert!(there.contains(r#""link":"https://example.org/book/catalogue.html#init-passed""#));
    let error = html(&results(), Some("javascript:alert(1)")).expect_err("it is refused");
    assert!(error.contains("neither a folder nor an address"), "{error}");
}
