//! A whole run: every pool that has an adapter, judged by one suite on one machine in every case.
//!
//! Owns the conditions of a whole run, and the form in which it is kept beside the book. A file of results
//! repeats each case for each pool, and has a timeline for each cell: half a megabyte for a pool, two
//! thirds of it timelines of passed cases, which no reader needs. The kept form has the cases once, and a
//! timeline only where a requirement did not hold: a tenth of the size. [`Whole::results`] turns it into
//! results again, from which every report can be made. Knows neither reports nor file names.

use std::collections::BTreeSet;

use procpool_contract::Description;
use serde::{Deserialize, Serialize};

use super::results::{CaseResult, Machine, Results, Run, Verdict};
use crate::case::Level;

/// The version of the form.
const VERSION: u32 = 1;

/// See the module's header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    whole: u32,
    suite: String,
    contract: u32,
    machine: Machine,
    cases: Vec<Stated>,
    pools: Vec<Pool>,
}

/// The description of a case, common to all pools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    id: String,
    area: String,
    level: Level,
    requirement: String,
    source: String,
    anchor: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pool {
    date: String,
    adapter: String,
    description: Description,
    /// The command that runs a case again, without the id at its end.
    rerun: String,
    /// In the order of the cases.
    cells: Vec<Kept>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    verdict: Verdict,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    at_times: bool,
    seconds: f64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    observation: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    timeline: String,
}

impl Whole {
    /// Takes the kept part of `results`, which are of all `adapters`, given by their commands.
    ///
    /// # Errors
    ///
    /// They are of a part of the pools or of the cases, or were not made by one suite on one machine, or
    /// something was missing: the sentence says what, and what to do.
    pub fn of(results: &Results, adapters: &[String]) -> Result<Self, String> {
        let Some(first) = results.runs.first() else {
            return Err("there is no run in it".to_owned());
        };
        let judged: BTreeSet<&String> = results.runs.iter().map(|run| &run.adapter).collect();
        if judged.len() < results.runs.len() {
            return Err("an adapter occurs twice; leave out one of its runs".to_owned());
        }
        let missing: Vec<&str> =
            adapters.iter().filter(|it| !judged.contains(it)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(format!(
                "it is of a part of the pools; judge all of them together. There is no run of:\n  {}",
                missing.join("\n  ")
            ));
        }
        let cases: Vec<Stated> = first.cases.iter().map(Stated::of).collect();
        let pools = results.runs.iter().map(|run| {
            let pool = if adapters.contains(&run.adapter) {
                let pool = Pool::of(run);
                pool.and_then(|pool| Self::fit(run, first, &cases).map(|()| pool))
            } else {
                Err("no adapter is called so; take its run out".to_owned())
            };
            pool.map_err(|fault| format!("the run of `{}`: {fault}", run.adapter))
        });
        Ok(Self {
            whole: VERSION,
            suite: first.suite.clone(),
            contract: first.contract,
            machine: first.machine.clone(),
            pools: pools.collect::<Result<_, _>>()?,
            cases,
        })
    }

    /// Returns an error unless a run can stand beside `first`.
    fn fit(run: &Run, first: &Run, cases: &[Stated]) -> Result<(), String> {
        let of = |fault: &str| Err(format!("{fault} than that of `{}`", first.adapter));
        if run.machine != first.machine {
            return of("it is of another machine");
        }
        if (&run.suite, run.contract) != (&first.suite, first.contract)
            || !run.cases.iter().map(Stated::of).eq(cases.iter().cloned())
        {
            return of("it is of another suite");
        }
        match run.cases.iter().find(|case| case.verdict == Verdict::NotTested) {
            Some(case) => Err(format!("it is of a part of the cases: {} was not tested", case.id)),
            None => Ok(()),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// It is not of this version, or contradicts itself: the sentence says where.
    pub fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            whole: u32,
        }
        // The version is checked first, since another version has other fields.
        match serde_json::from_str(text) {
            Ok(Head { whole }) if whole != VERSION => {
                return Err(format!(
                    "it has version {whole}; this program reads version {VERSION}"
                ));
            }
            _ => {}
        }
        let whole: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if let Some(pool) = whole.pools.iter().find(|it| it.cells.len() != whole.cases.len()) {
            let (cells, cases) = (pool.cells.len(), whole.cases.len());
            return Err(format!("`{}` has {cells} cells for {cases} cases", pool.adapter));
        }
        whole.results()?;
        Ok(whole)
    }

    /// Returns the text of a file.
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(error) => unreachable!("every field has a form in JSON: {error}"),
        }
    }

    /// Returns the results, without the timelines of passed cases.
    ///
    /// # Errors
    ///
    /// They contradict each other: the sentence says how.
    pub fn results(&self) -> Result<Results, String> {
        Results::of(self.pools.iter().map(|pool| self.run(pool)).collect())
    }

    fn run(&self, pool: &Pool) -> Run {
        let cells = self.cases.iter().zip(&pool.cells);
        Run {
            suite: self.suite.clone(),
            contract: self.contract,
            date: pool.date.clone(),
            machine: self.machine.clone(),
            adapter: pool.adapter.clone(),
            description: Some(pool.description.clone()),
            fault: None,
            cases: cells.map(|(case, cell)| case.with(cell, &pool.rerun)).collect(),
        }
    }
}

impl Pool {
    fn of(run: &Run) -> Result<Self, String> {
        let Some(description) = run.description.clone() else {
            let fault = run.fault.as_deref().unwrap_or_default();
            return Err(format!(
                "its adapter is dead, so nothing is known of the pool; install its requirements: {fault}"
            ));
        };
        let mut commands = run.cases.iter().map(|case| case.rerun.strip_suffix(&case.id));
        let rerun = commands.next().flatten().filter(|it| commands.all(|other| other == Some(it)));
        let Some(rerun) = rerun else {
            return Err("a command that runs a case again does not end with the id".to_owned());
        };
        Ok(Self {
            date: run.date.clone(),
            adapter: run.adapter.clone(),
            description,
            rerun: rerun.to_owned(),
            cells: run.cases.iter().map(Kept::of).collect(),
        })
    }
}

impl Kept {
    fn of(case: &CaseResult) -> Self {
        let explained = !matches!(case.verdict, Verdict::Passed | Verdict::Unsupported);
        Self {
            verdict: case.verdict,
            at_times: case.at_times,
            seconds: case.seconds,
            observation: without_folders(&case.observation),
            timeline: if explained { without_folders(&case.timeline) } else { String::new() },
        }
    }
}

/// Shortens paths in the texts of pools to their last part, since folders differ between machines.
fn without_folders(text: &str) -> String {
    /// The folders that every machine has.
    const KEPT: [&str; 6] = ["/bin/", "/dev/", "/proc/", "/sys/", "/tmp/", "/usr/"];
    let ends = |letter: char| letter.is_whitespace() || "\"'`()<>;,:\\".contains(letter);
    let mut shortened = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(length) = rest.find(ends).or((!rest.is_empty()).then_some(rest.len())) {
        let (word, tail) = rest.split_at(length);
        match word.trim_end_matches('/').rsplit_once('/') {
            Some((folders, name))
                if folders.matches('/').count() > 1
                    && word.starts_with('/')
                    // The text after the colon of an address is not a folder.
                    && (!word.starts_with("//") || word.starts_with("///"))
                    && !KEPT.iter().any(|kept| word.starts_with(kept)) =>
            {
                shortened.push_str("…/");
                shortened.push_str(name);
            }
            _ => shortened.push_str(word),
        }
        // The character that ended it.
        let mut letters = tail.chars();
        shortened.extend(letters.next());
        rest = letters.as_str();
    }
    shortened
}

impl Stated {
    fn of(case: &CaseResult) -> Self {
        Self {
            id: case.id.clone(),
            area: case.area.clone(),
            level: case.level,
            requirement: case.requirement.clone(),
            source: case.source.clone(),
            anchor: case.anchor.clone(),
        }
    }

    fn with(&self, cell: &Kept, rerun: &str) -> CaseResult {
        CaseResult {
            id: self.id.clone(),
            area: self.area.clone(),
            level: self.level,
            requirement: self.requirement.clone(),
            source: self.source.clone(),
            anchor: self.anchor.clone(),
            verdict: cell.verdict,
            at_times: cell.at_times,
            observation: cell.observation.clone(),
            seconds: cell.seconds,
            timeline: cell.timeline.clone(),
            rerun: format!("{rerun}{}", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_folders;

    #[test]
    fn folders_of_the_pools_are_not_kept() {
        let cases = [
            ("", ""),
            ("no path / at all, and 1/2", "no path / at all, and 1/2"),
            ("File \"/home/ada/lib/pool.py\", line 7", "File \"…/pool.py\", line 7"),
            ("`/home/ada/pools/worker.mjs`\nnext", "`…/worker.mjs`\nnext"),
            ("node (S): /usr/bin/node /home/ada/pools/", "node (S): /usr/bin/node …/pools"),
            ("opened /proc/17/fd and ./a/b/c/d", "opened /proc/17/fd and ./a/b/c/d"),
            (
                "It hangs. (https://github.com/python/cpython/issues/87472)",
                "It hangs. (https://github.com/python/cpython/issues/87472)",
            ),
            ("at file:///home/ada/pools/pool.mjs:7:1", "at file:…/pool.mjs:7:1"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_folders(text), expected);
        }
    }
}
