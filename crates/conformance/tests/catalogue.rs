//! The catalogue: every case is complete, every behaviour is accounted for, and the book's pages match the
//! cases and the known failures of other pools. `CONFORMANCE_BLESS=1` rewrites the pages.

#[path = "../../procpool/tests/behaviours/rows.rs"]
mod rows;

use std::collections::BTreeSet;
use std::path::Path;

use procpool_conformance::case::{CASE, Case, Level};
use procpool_conformance::field::Field;
use procpool_conformance::{cases, catalogue, environment};
use rows::rows;

/// The faults of a case as an entry of the catalogue.
fn faults(case: &Case) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            faults.push(format!("{}: {what}", case.id));
        }
    };
    let slug = |text: &str| {
        let plain =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        !text.is_empty() && text.chars().all(plain)
    };
    let parts: Vec<&str> = case.id.split('.').collect();
    check(parts.len() == 2 && parts.iter().all(|part| slug(part)), "its id is not area.slug");
    check(cases::AREAS.iter().any(|(area, _)| *area == case.area()), "it is of no area");
    let sentence = case.requirement;
    check(
        sentence.ends_with('.') && sentence.starts_with(|it: char| it.is_uppercase()),
        "no sentence",
    );
    let word = match case.level {
        Level::Must => " MUST ",
        Level::Should => " SHOULD ",
        Level::May => " MAY ",
    };
    check(sentence.contains(word), "its requirement does not say its level");
    check(!case.source.is_empty(), "it has no source");
    check(case.since >= 1, "it is older than the contract");
    let rows = rows();
    check(
        case.rows.iter().all(|row| rows.iter().any(|it| it == row)),
        "it names a row that does not exist",
    );
    if case.property.is_none() {
        let scenario = case.scenario();
        check(scenario.clients.iter().any(|client| !client.steps.is_empty()), "it does nothing");
    }
    faults
}

#[test]
fn every_case_is_complete() {
    let all = cases::all();
    let faults: Vec<String> = all.iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let ids: BTreeSet<&str> = all.iter().map(|case| case.id).collect();
    assert_eq!(ids.len(), all.len(), "an id is there twice");
}

#[test]
fn every_fault_of_a_case_is_found() {
    assert_eq!(
        faults(&cases::find("article.initargs").expect("it is there")),
        Vec::<String>::new()
    );
    let broken = Case {
        id: "Article.x.y",
        level: Level::Should,
        requirement: "the pool MUST hurry",
        rows: &["CFG-99"],
        since: 0,
        ..CASE
    };
    let found = faults(&broken).join("\n");
    for what in
        ["id is not", "no area", "no sentence", "level", "no source", "older", "row", "nothing"]
    {
        assert!(found.contains(what), "{what}: {found}");
    }
}

/// The rows that no case names and no reason excuses, and those that are in both.
fn unaccounted(named: &BTreeSet<&str>, excused: &BTreeSet<&str>) -> Vec<String> {
    let missing = rows().into_iter().filter(|row| !named.contains(row.as_str()));
    let missing =
        missing.filter(|row| !excused.contains(row.as_str())).map(|row| format!("{row}: nothing"));
    missing.chain(named.intersection(excused).map(|row| format!("{row}: both"))).collect()
}

#[test]
fn every_behaviour_has_a_case_or_a_reason() {
    let named: BTreeSet<&str> = catalogue::by_row().into_keys().collect();
    let excused: BTreeSet<&str> = cases::not_tested().iter().map(|(row, _)| *row).collect();
    let faults = unaccounted(&named, &excused);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        cases::not_tested().iter().all(|(_, reason)| reason.len() > 10),
        "a reason is a sentence"
    );
}

#[test]
fn a_forgotten_behaviour_is_found() {
    let all = rows();
    let named: BTreeSet<&str> =
        all.iter().map(String::as_str).filter(|row| *row != "OUT-02").collect();
    assert_eq!(
        unaccounted(&named, &BTreeSet::from(["OUT-03"])),
        ["OUT-02: nothing", "OUT-03: both"]
    );
}

/// Compares a page of the book with its source, or writes it.
fn assert_page(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src").join(name);
    if environment::bless().expect("it is 0 or 1") {
        std::fs::write(&path, page).expect("the page is written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "{name} is an older one; CONFORMANCE_BLESS=1 writes it");
}

#[test]
fn the_books_page_of_cases_is_up_to_date() {
    assert_page("catalogue.md", &catalogue::page());
}

#[test]
fn the_books_page_of_known_failures_is_up_to_date() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    assert_page("field.md", &Field::read(&repository).expect("it can be read").page());
}
