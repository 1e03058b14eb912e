//! Judgements: the matrix page's part of a run of the conformance suite over all pools.
//!
//! Owns the files of such a run: `book/conformance/results.json`, which keeps the data for the pages,
//! `pools.md` beside it, which the page includes, and a page of every case, which is made when the book is
//! rendered, because it is larger than its results. Without results there is a `pools.md`, too, which says
//! so. Another program judges and draws: `procpool-conformance` knows the meaning of its files, and which
//! runs are whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use procpool_conformance::report::{Results, Whole, chapter, html};

use crate::figure::Figure;
use crate::html::elements;
use crate::layout::{Layout, files_below};
use crate::problem::Problem;

/// The page of every case, beside the book's other pages.
pub const PAGE: &str = "pools.html";

/// The page that links to it.
const FROM: &str = "index.html";

/// The text of the page before the first run.
const NOTHING: &str = "No run over all pools is part of this book yet: `just conformance-all` makes \
                       one, and writes it here.\n";

fn results_file(layout: &Layout) -> PathBuf {
    layout.judgements().join("results.json")
}

/// Returns the results of the book, if it has any.
///
/// # Errors
///
/// When the file cannot be read, or was not written by [`adopt`].
pub fn results(layout: &Layout) -> Result<Option<Results>> {
    let file = results_file(layout);
    let name = || layout.name(&file);
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&file).with_context(name)?;
    let results = Whole::parse(&text).and_then(|whole| whole.results());
    results.map(Some).map_err(|problem| anyhow!("{}: {problem}", name()))
}

/// Returns the part of the page for the results.
///
/// # Errors
///
/// As [`results`].
pub fn part(layout: &Layout) -> Result<Figure> {
    Ok(drawn(layout, results(layout)?.as_ref()))
}

fn drawn(layout: &Layout, results: Option<&Results>) -> Figure {
    let drawing = results.map_or(NOTHING.to_owned(), |results| chapter(results, PAGE));
    Figure { path: layout.judgements().join("pools.md"), drawing }
}

/// Returns a problem if the part differs from that of the current results, and for every other file.
///
/// # Errors
///
/// As [`results`].
pub fn check(layout: &Layout) -> Result<Vec<Problem>> {
    let part = part(layout)?;
    let mut problems = Vec::new();
    for path in files_below(&layout.judgements())? {
        if path != part.path && path != results_file(layout) {
            problems.push(Problem::with_file(layout.name(&path), "no run over all pools gives it"));
        }
    }
    let message = match fs::read_to_string(&part.path) {
        Ok(text) if text == part.drawing => return Ok(problems),
        Ok(_) => "differs from the results of the run over all pools",
        Err(_) => "is missing; the run over all pools gives it",
    };
    problems.push(Problem::with_file(layout.name(&part.path), message));
    problems.sort();
    Ok(problems)
}

/// Returns whether `text` is a file of the suite's results, valid or not.
pub fn is_judged(text: &str) -> bool {
    let text: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    text.get("results").is_some() && text.get("runs").is_some()
}

/// Replaces the results by new ones of all pools, and draws the part. Returns the files that were written.
///
/// # Errors
///
/// When the file cannot be read, or is not of a whole run; then nothing is changed.
pub fn adopt(layout: &Layout, file: &Path) -> Result<Vec<PathBuf>> {
    let results = Results::read(file).map_err(|problem| anyhow!(problem))?;
    let kept = match Whole::of(&results, &adapters(layout)?) {
        Ok(kept) => kept,
        Err(problem) => bail!("{} is not for the book: {problem}", file.display()),
    };
    let part = drawn(layout, Some(&kept.results().map_err(|problem| anyhow!(problem))?));
    let written = results_file(layout);
    fs::create_dir_all(layout.judgements())?;
    fs::write(&written, kept.to_json())?;
    fs::write(&part.path, part.drawing)?;
    Ok(vec![written, part.path])
}

/// The commands of the adapters in a whole run.
fn adapters(layout: &Layout) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Adapter {
        command: String,
    }
    let file = layout.adapters();
    let text = fs::read_to_string(&file).with_context(|| layout.name(&file))?;
    let adapters: Vec<Adapter> = serde_json::from_str(&text).with_context(|| layout.name(&file))?;
    Ok(adapters.into_iter().map(|adapter| adapter.command).collect())
}

/// Writes the page of every case into the rendered book, if there are results.
///
/// # Errors
///
/// As [`results`], or when the page cannot be written.
pub fn render(layout: &Layout, folder: &Path) -> Result<()> {
    let Some(results) = results(layout)? else { return Ok(()) };
    let page = html(&results, None).map_err(|problem| anyhow!(problem))?;
    let back = format!("<header>\n<p><a href=\"{FROM}\">Back to the book</a></p>");
    fs::write(folder.join(PAGE), page.replacen("<header>", &back, 1))
        .with_context(|| PAGE.to_owned())
}

/// Returns a problem for each broken link of the page of every case in the rendered book: its script makes
/// them, so they are in none of its tags.
///
/// # Errors
///
/// As [`results`].
pub fn check_rendered(layout: &Layout, folder: &Path) -> Result<Vec<Problem>> {
    let Some(results) = results(layout)? else { return Ok(Vec::new()) };
    let cases = results.runs.iter().flat_map(|run| &run.cases);
    let anchors: BTreeSet<&str> = cases.map(|case| case.anchor.as_str()).collect();
    let mut ids: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut problems = Vec::new();
    for anchor in anchors {
        let (page, id) = anchor.split_once('#').unwrap_or((anchor, ""));
        let ids = ids.entry(page).or_insert_with(|| {
            let text = fs::read_to_string(folder.join(page)).unwrap_or_default();
            let ids =
                elements(&text).into_iter().filter_map(|it| it.attribute("id").map(str::to_owned));
            ids.collect()
        });
        if !ids.contains(id) {
            let message = format!("the link to {anchor} is dead: nothing there has this id");
            problems.push(Problem::with_file(PAGE, message));
        }
    }
    Ok(problems)
}
