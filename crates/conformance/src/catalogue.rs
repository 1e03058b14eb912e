//! The catalogue as a page of the book: every case with its anchor, and the behaviours that are not
//! tested.
//!
//! The page is generated; failures and matrices link to its anchors. Knows nothing of runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::case::Case;
use crate::cases;

/// Returns the page, in Markdown.
pub fn page() -> String {
    let all = cases::all();
    let mut page = format!(
        "# The catalogue of cases\n\n{} cases in {} areas. Names never change; a retired case keeps its \
         entry. Levels are those of RFC 2119. *Needs* are the capabilities beyond the core tier; *finds* \
         are the saboteurs that the case must find.\n",
        all.len(),
        cases::AREAS.len()
    );
    for (area, about) in cases::AREAS {
        let _ = write!(page, "\n## {area}\n\n{about}\n");
        for case in all.iter().filter(|case| case.area() == *area) {
            let _ = write!(page, "\n{}", entry(case));
        }
    }
    page += "\n## Not tested, and why\n\nBehaviours that users expect of process pools and that no case covers. \
             The numbers are those of the list that procpool's own tests account for.\n\n| behaviour | why it is not tested |\n| --- | --- |\n";
    for (row, reason) in cases::not_tested() {
        let _ = writeln!(page, "| {row} | {reason} |");
    }
    page
}

fn entry(case: &Case) -> String {
    let mut entry = format!("### {} {{#{}}}\n\n{}\n\n", case.id, case.slug(), case.requirement);
    let needs: Vec<String> = case.needs.iter().map(|it| format!("`{}`", it.word())).collect();
    let mut facts = vec![("source", case.source.to_owned())];
    if !needs.is_empty() {
        facts.push(("needs", needs.join(", ")));
    }
    if let Some(only) = case.only {
        facts.push(("only where", only.words.to_owned()));
    }
    if !case.rows.is_empty() {
        facts.push(("behaviours", case.rows.join(", ")));
    }
    if !case.kills.is_empty() {
        facts.push(("finds", case.kills.join(", ")));
    }
    facts.push(("since", format!("contract {}", case.since)));
    for (name, fact) in facts {
        let _ = writeln!(entry, "- {name}: {fact}");
    }
    entry
}

/// Returns the cases that cover each behaviour.
pub fn by_row() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut by_row: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in cases::all() {
        for row in case.rows {
            by_row.entry(row).or_default().push(case.id);
        }
    }
    by_row
}
