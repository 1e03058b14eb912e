//! The matrix as one HTML page that needs no other file: implementations × cases, by area.
//!
//! Owns the separation of markup and data: tables are markup, so that they can be read without a script;
//! the details of a cell are JSON, which the script shows as text. Style, script and frame are `page.css`,
//! `page.js` and `page.html`. The page's own policy forbids it to load anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use procpool_contract::Description;
use procpool_drawing::escaped;
use serde::Serialize;
use serde_json::{Value, json};

use super::matrix::{Area, Cell, Counts, Matrix, Row};
use super::results::{CaseResult, Results, Run, Verdict};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many characters of a text the head of a column shows.
const MOST_OF_A_NAME: usize = 48;

/// Writes the page. Links into the book lead below `book`, a folder or an address; without it, to the
/// folder of the page itself.
///
/// # Errors
///
/// `book` is an address of a kind to which a page must not link.
pub fn html(results: &Results, book: Option<&str>) -> Result<String, String> {
    Ok(filled(&parts(results, Some(&base(book)?))))
}

/// The text of each placeholder in the template.
pub(super) type Parts = BTreeMap<&'static str, String>;

/// Returns the parts of the page. Without a `base`, nothing links into the book.
pub(super) fn parts(results: &Results, base: Option<&str>) -> Parts {
    let matrix = Matrix::of(results);
    BTreeMap::from([
        ("connect", String::new()),
        ("notice", String::new()),
        ("style", STYLE.to_owned()),
        ("script", SCRIPT.to_owned()),
        ("about", about(&matrix)),
        ("legend", legend()),
        ("options", options()),
        ("summary", summary(&matrix)),
        ("matrix", cases(&matrix)),
        ("runs", matrix.runs.iter().zip(&matrix.names).enumerate().map(run).collect()),
        ("data", data(&matrix, base)),
    ])
}

/// Fills the placeholders of the template. Inserted text is not searched again, so a text from the results
/// that looks like a placeholder stays text.
pub(super) fn filled(parts: &Parts) -> String {
    let mut page = String::new();
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let part = after.split_once("}}").and_then(|(name, after)| Some((parts.get(name)?, after)));
        let Some((part, after)) = part else {
            unreachable!("the template names a part that there is not: {after:.20}")
        };
        page.push_str(part);
        rest = after;
    }
    page + rest
}

fn about(matrix: &Matrix<'_>) -> String {
    let rows: usize = matrix.areas.iter().map(|area| area.rows.len()).sum();
    let dead = matrix.runs.iter().filter(|run| run.description.is_none()).count();
    let mut text = format!(
        "{rows} cases in {} areas, {} adapters. A cell opens its details: what is required, what was seen, and \
         the command that runs it again.",
        matrix.areas.len(),
        matrix.runs.len()
    );
    if dead > 0 {
        let _ = write!(text, " <strong>Adapters without a description: {dead}.</strong>");
    }
    text
}

fn legend() -> String {
    let item = |verdict: &Verdict| {
        format!("<li class=\"{}\">{} {verdict}</li>\n", verdict.word(), verdict.symbol())
    };
    let verdicts: String = Verdict::ALL.iter().map(item).collect();
    verdicts + "<li>~ at times: it depends on a race in the pool, so another run may differ</li>\n"
}

fn options() -> String {
    let option =
        |verdict: &Verdict| format!("<option value=\"{}\">{verdict}</option>\n", verdict.word());
    Verdict::ALL.iter().map(option).collect()
}

/// Keeps a heading from covering the matrix: all of the text is below, among the runs.
fn short(text: &str) -> String {
    match text.char_indices().nth(MOST_OF_A_NAME) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn head(matrix: &Matrix<'_>, first: &str) -> String {
    let mut head = format!("<thead><tr><th scope=\"col\">{first}</th>");
    for (index, (run, name)) in matrix.runs.iter().zip(&matrix.names).enumerate() {
        let version = match &run.description {
            Some(it) => format!("{}, {}", it.version, it.language),
            None => "! adapter error".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            head,
            "<th scope=\"col\"><a href=\"#run-{index}\">{}</a> <span class=\"small\">{}</span></th>",
            escaped(&short(name)).replace('.', ".<wbr/>"),
            escaped(&short(&version))
        );
    }
    head + "</tr></thead>\n"
}

fn summary(matrix: &Matrix<'_>) -> String {
    let row = |name: &str, counts: &dyn Fn(usize) -> Counts| {
        let mut row = format!("<tr><th scope=\"row\">{}</th>", escaped(name));
        for column in 0..matrix.runs.len() {
            row += &share(&counts(column));
        }
        row + "</tr>\n"
    };
    let mut table = head(matrix, "Area") + "<tbody>\n";
    table += &row("all areas", &|column| matrix.counts(column));
    for area in &matrix.areas {
        table += &row(area.name, &|column| area.counts(column));
    }
    table + "</tbody>\n"
}

fn share(counts: &Counts) -> String {
    let (passed, applicable) = (counts.passed(), counts.applicable());
    let worst =
        [Verdict::AdapterError, Verdict::Failed, Verdict::UnexpectedPass, Verdict::ExpectedFailure];
    let class = match worst.into_iter().find(|verdict| counts.get(*verdict) > 0) {
        Some(verdict) => verdict,
        None if applicable == 0 => Verdict::Unsupported,
        None if passed < applicable => Verdict::NotTested,
        None => Verdict::Passed,
    };
    let others =
        Verdict::ALL.into_iter().filter(|it| *it != Verdict::Passed && counts.get(*it) > 0);
    let mut others: Vec<String> =
        others.map(|it| format!("{} {} {it}", it.symbol(), counts.get(it))).collect();
    if counts.at_times() > 0 {
        others.push(format!("~ {} at times", counts.at_times()));
    }
    format!(
        "<td class=\"{}\">{} {passed}/{applicable} <span class=\"small\">{}</span></td>",
        class.word(),
        class.symbol(),
        others.join("<br>")
    )
}

fn cases(matrix: &Matrix<'_>) -> String {
    let mut table = head(matrix, "Case");
    let mut index = 0;
    for area in &matrix.areas {
        let _ = write!(
            table,
            "<tbody>\n<tr><th scope=\"rowgroup\" class=\"area\">{}</th><td class=\"area\" colspan=\"{}\"></td></tr>\n",
            escaped(area.name),
            matrix.runs.len()
        );
        for row in &area.rows {
            table += &case(matrix, row, index);
            index += 1;
        }
        table += "</tbody>\n";
    }
    table
}

fn case(matrix: &Matrix<'_>, row: &Row<'_>, index: usize) -> String {
    let (id, level) = (escaped(&row.case.id), row.case.level);
    let mut html = format!(
        "<tr data-row=\"{index}\"><th scope=\"row\">{id} <span class=\"small\">{level}</span><span class=\"small \
         requirement\">{}</span></th>",
        escaped(&row.case.requirement)
    );
    for (column, (cell, name)) in row.cells.iter().zip(&matrix.names).enumerate() {
        let _ = write!(
            html,
            "<td class=\"{}\"><button type=\"button\" data-column=\"{column}\"><span aria-hidden=\"true\">{}</span> \
             {}<span class=\"hidden-text\">: {id}, {}</span></button></td>",
            cell.verdict.word(),
            cell.verdict.symbol(),
            cell.label(),
            escaped(name)
        );
    }
    html + "</tr>\n"
}

fn run((index, (run, name)): (usize, (&Run, &String))) -> String {
    let machine = &run.machine;
    let mut facts = vec![
        ("Adapter", run.adapter.clone()),
        ("Suite", format!("{}, contract {}", run.suite, run.contract)),
        ("Date", run.date.clone()),
        ("Machine", format!("{}; {}; {} processors", machine.system, machine.cpu, machine.cpus)),
    ];
    match &run.description {
        Some(it) => {
            let capabilities: Vec<String> = it.capabilities.iter().map(|one| one.word()).collect();
            facts.push(("Implementation", format!("{} {}", it.implementation, it.version)));
            facts.push(("Language", it.language.clone()));
            facts.push(("Start method", it.start_method.clone()));
            facts.push(("Capabilities", capabilities.join(", ")));
            facts.push(("Policies", policies(it)));
        }
        None => facts.push(("Adapter error", run.fault.clone().unwrap_or_default())),
    }
    let mut html =
        format!("<details id=\"run-{index}\" open>\n<summary>{}</summary>\n<dl>\n", escaped(name));
    for (key, value) in facts {
        let _ = writeln!(html, "<dt>{key}</dt><dd>{}</dd>", escaped(&value));
    }
    html + "</dl>\n</details>\n"
}

fn policies(of: &Description) -> String {
    let Ok(Value::Object(policies)) = serde_json::to_value(of.policies) else {
        return String::new();
    };
    let words = policies.iter().map(|(policy, choice)| match choice {
        Value::String(choice) => format!("{policy}: {choice}"),
        other => format!("{policy}: {other}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The data for the script, as JSON that cannot end its element.
fn data(matrix: &Matrix<'_>, base: Option<&str>) -> String {
    let rows: Vec<&Row<'_>> = matrix.areas.iter().flat_map(|area: &Area<'_>| &area.rows).collect();
    let abouts: Vec<About<'_>> = rows.iter().map(|row| About::of(row.case, base)).collect();
    let reruns: Vec<&str> = matrix.runs.iter().map(rerun).collect();
    let details = |(row, about): (&&Row<'_>, &About<'_>)| -> Vec<Value> {
        let cells = row.cells.iter().zip(&reruns);
        cells.map(|(cell, rerun)| details(cell, about, rerun, base)).collect()
    };
    let cells: Vec<Vec<Value>> = rows.iter().zip(&abouts).map(details).collect();
    let verdicts: BTreeMap<&str, Value> = Verdict::ALL
        .iter()
        .map(|it| (it.word(), json!({ "label": it.label(), "symbol": it.symbol() })))
        .collect();
    let names = &matrix.names;
    json!({ "columns": names, "verdicts": verdicts, "reruns": reruns, "rows": abouts, "cells": cells })
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// The common prefix of commands that run a case again; the case's id follows.
fn rerun(run: &Run) -> &str {
    run.cases.first().and_then(|case| case.rerun.strip_suffix(&case.id)).unwrap_or_default()
}

/// The details of a cell. Usual values are left out: with many pools, most of the page consists of these.
fn details(cell: &Cell<'_>, row: &About<'_>, rerun: &str, base: Option<&str>) -> Value {
    let mut details = json!({ "verdict": cell.verdict.word() });
    let mut put = |key: &str, value: Value| details[key] = value;
    if !cell.observation.is_empty() {
        put("observation", json!(cell.observation));
    }
    let Some(result) = cell.result else { return details };
    if result.at_times {
        put("label", json!(cell.label()));
    }
    put("seconds", json!(result.seconds));
    if !result.timeline.is_empty() {
        put("timeline", json!(result.timeline));
    }
    if result.rerun.strip_prefix(rerun) != Some(&result.id) {
        put("rerun", json!(result.rerun));
    }
    // Two suites may describe a case differently: each cell shows the description of its own suite.
    let own = About::of(result, base);
    if own != *row {
        put("about", json!(own));
    }
    details
}

/// The description of a case.
#[derive(PartialEq, Serialize)]
struct About<'a> {
    id: &'a str,
    level: String,
    requirement: &'a str,
    source: &'a str,
    anchor: &'a str,
    link: Option<String>,
}

impl<'a> About<'a> {
    fn of(case: &'a CaseResult, base: Option<&str>) -> Self {
        // Without a colon there is no scheme, and without a slash in front there is no other server.
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-._#/".contains(letter);
        let safe = !case.anchor.starts_with('/') && case.anchor.chars().all(allowed);
        Self {
            id: &case.id,
            level: case.level.to_string(),
            requirement: &case.requirement,
            source: &case.source,
            anchor: &case.anchor,
            link: base
                .filter(|_| safe && !case.anchor.is_empty())
                .map(|base| format!("{base}{}", case.anchor)),
        }
    }
}

pub(super) fn base(book: Option<&str>) -> Result<String, String> {
    let Some(book) = book.filter(|book| !book.is_empty()) else { return Ok(String::new()) };
    if book.contains(':') && !book.starts_with("https://") && !book.starts_with("http://") {
        return Err(format!(
            "{book:?} is neither a folder nor an address that begins with https://"
        ));
    }
    Ok(format!("{}/", book.trim_end_matches('/')))
}
