//! JUnit XML, which build servers show. A run is a suite, a case a test case.
//!
//! Owns the mapping of verdicts to failure, error and skipped. The format has no word for a known failure;
//! it is written as skipped, with its reason, as other frameworks do.

use std::fmt::Write as _;

use procpool_drawing::escaped;

use super::matrix::Matrix;
use super::results::{CaseResult, Results, Run, Verdict};

/// Writes the XML.
pub fn junit(results: &Results) -> String {
    let names = Matrix::of(results).names;
    let all: Vec<&CaseResult> = results.runs.iter().flat_map(|run| &run.cases).collect();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"conformance\" {}>\n",
        totals(&all)
    );
    for (run, name) in results.runs.iter().zip(names) {
        suite(&mut xml, run, &name);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, run: &Run, name: &str) {
    let cases: Vec<&CaseResult> = run.cases.iter().collect();
    // Writing to a string cannot fail.
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{}\" {} timestamp=\"{}\">",
        attribute(name),
        totals(&cases),
        attribute(&run.date),
    );
    let mut properties = vec![
        ("suite", run.suite.clone()),
        ("contract", run.contract.to_string()),
        ("adapter", run.adapter.clone()),
    ];
    match &run.description {
        Some(it) => {
            properties.push(("version", it.version.clone()));
            properties.push(("language", it.language.clone()));
        }
        None => properties.push(("fault", run.fault.clone().unwrap_or_default())),
    }
    xml.push_str("    <properties>\n");
    for (key, value) in properties {
        let _ = writeln!(xml, "      <property name=\"{key}\" value=\"{}\"/>", attribute(&value));
    }
    xml.push_str("    </properties>\n");
    for case in cases {
        test_case(xml, name, case);
    }
    xml.push_str("  </testsuite>\n");
}

fn test_case(xml: &mut String, suite: &str, case: &CaseResult) {
    let _ = writeln!(
        xml,
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.3}\">",
        attribute(&case.id),
        attribute(&format!("{suite}.{}", case.area)),
        case.seconds,
    );
    let element = Element::of(case.verdict);
    let about = format!("{}: {}", case.label(), case.observation);
    match element {
        Element::None if case.at_times => {
            let _ = writeln!(xml, "      <system-out>{}</system-out>", escaped(&about));
        }
        Element::None => {}
        Element::Skipped => {
            let _ = writeln!(xml, "      <skipped message=\"{}\"/>", attribute(&about));
        }
        Element::Failure | Element::Error => {
            let tag = if element == Element::Failure { "failure" } else { "error" };
            let text = format!(
                "required: {}\nobserved: {}\nsource: {}\nbook: {}\nrerun: {}\n\n{}",
                case.requirement,
                case.observation,
                case.source,
                case.anchor,
                case.rerun,
                case.timeline
            );
            let _ = writeln!(
                xml,
                "      <{tag} message=\"{}\" type=\"{}\">{}</{tag}>",
                attribute(&about),
                case.verdict.word(),
                escaped(&text),
            );
        }
    }
    xml.push_str("    </testcase>\n");
}

/// The content of a test case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    None,
    Failure,
    Error,
    Skipped,
}

impl Element {
    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::None,
            // An outdated list of known failures fails the suite's own run, too.
            Verdict::Failed | Verdict::UnexpectedPass => Self::Failure,
            Verdict::AdapterError => Self::Error,
            Verdict::ExpectedFailure | Verdict::Unsupported | Verdict::NotTested => Self::Skipped,
        }
    }
}

fn totals(cases: &[&CaseResult]) -> String {
    let count = |element| cases.iter().filter(|case| Element::of(case.verdict) == element).count();
    let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\"",
        cases.len(),
        count(Element::Failure),
        count(Element::Error),
        count(Element::Skipped),
    )
}

/// Escapes a text for an attribute, where a parser replaces a line feed or a tab by a space.
fn attribute(text: &str) -> String {
    escaped(text).replace('\n', "&#10;").replace('\t', "&#9;")
}
