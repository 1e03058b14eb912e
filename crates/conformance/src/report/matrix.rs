//! Runs side by side: what every report of several columns shows.
//!
//! Owns which rows and columns there are, what stands where a run says nothing, and counts. A case that
//! a run leaves out is a cell that says so, never an empty one. Knows nothing of any format.

use super::results::{CaseResult, Results, Run, Verdict};
use crate::case::Level;

/// Cases × runs.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// The columns.
    pub runs: &'a [Run],
    /// What columns are called, each by another name.
    pub names: Vec<String>,
    /// The rows, by area, in the order in which the runs have them.
    pub areas: Vec<Area<'a>>,
}

/// The rows of an area.
#[derive(Debug)]
pub struct Area<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its rows.
    pub rows: Vec<Row<'a>>,
}

/// A case in every column.
#[derive(Debug)]
pub struct Row<'a> {
    /// What the first run that has it says of it.
    pub case: &'a CaseResult,
    /// What came of it, in the order of the columns.
    pub cells: Vec<Cell<'a>>,
}

/// What came of a case in a column.
#[derive(Debug)]
pub struct Cell<'a> {
    /// What is said.
    pub verdict: Verdict,
    /// What was seen, or why nothing was.
    pub observation: String,
    /// What the run has of the case, if anything.
    pub result: Option<&'a CaseResult>,
}

impl<'a> Matrix<'a> {
    /// Puts the runs of `results` side by side.
    pub fn of(results: &'a Results) -> Self {
        let mut areas: Vec<Area<'a>> = Vec::new();
        for case in results.runs.iter().flat_map(|run| &run.cases) {
            // By id over all areas: a case that has moved to another area is one case.
            if areas.iter().flat_map(|area| &area.rows).any(|row| row.case.id == case.id) {
                continue;
            }
            let cells = results.runs.iter().map(|run| Cell::of(run, &case.id)).collect();
            let row = Row { case, cells };
            match areas.iter_mut().find(|area| area.name == case.area) {
                Some(area) => area.rows.push(row),
                None => areas.push(Area { name: &case.area, rows: vec![row] }),
            }
        }
        Self { runs: &results.runs, names: names(&results.runs), areas }
    }

    /// Counts what came of a column, over all areas.
    pub fn counts(&self, column: usize) -> Counts {
        Counts::of(self.areas.iter().flat_map(|area| &area.rows), column)
    }

    /// Counts what came of the cases of a level in a column, over all areas.
    pub fn counts_of(&self, level: Level, column: usize) -> Counts {
        let rows = self.areas.iter().flat_map(|area| &area.rows);
        Counts::of(rows.filter(|row| row.level(column) == level), column)
    }
}

impl Area<'_> {
    /// Counts what came of it in a column.
    pub fn counts(&self, column: usize) -> Counts {
        Counts::of(&self.rows, column)
    }

    /// Counts what came of its cases of a level in a column.
    pub fn counts_of(&self, level: Level, column: usize) -> Counts {
        Counts::of(self.rows.iter().filter(|row| row.level(column) == level), column)
    }
}

impl Row<'_> {
    /// Returns how much the case counts in a column.
    fn level(&self, column: usize) -> Level {
        self.cells.get(column).and_then(|cell| cell.result).unwrap_or(self.case).level
    }
}

impl<'a> Cell<'a> {
    fn of(run: &'a Run, id: &str) -> Self {
        let result = run.cases.iter().find(|case| case.id == id);
        let (verdict, observation) = match (result, &run.fault) {
            (Some(result), _) => (result.verdict, result.observation.clone()),
            (None, Some(fault)) => (Verdict::AdapterError, fault.clone()),
            (None, None) => (Verdict::NotTested, "The run does not contain this case.".to_owned()),
        };
        Self { verdict, observation, result }
    }

    /// Returns the words for what is said.
    pub fn label(&self) -> String {
        self.result.map_or_else(|| self.verdict.label(), CaseResult::label)
    }

    /// Says whether the requirement holds.
    pub fn holds(&self) -> bool {
        self.result.map_or(self.verdict.holds(), CaseResult::holds)
    }
}

/// Names columns, and makes equal names differ by what the runs differ in: the first of these, else their
/// place.
fn names(runs: &[Run]) -> Vec<String> {
    let version = |run: &Run| run.description.as_ref().map(|it| it.version.clone());
    let short: Vec<String> = runs.iter().map(Run::name).collect();
    let differs: [&dyn Fn(&Run) -> String; 3] =
        [&|run| run.adapter.clone(), &|run| version(run).unwrap_or_default(), &|run| {
            run.date.clone()
        }];
    let named = runs.iter().enumerate().map(|(index, run)| {
        let same: Vec<&Run> = runs
            .iter()
            .zip(&short)
            .filter(|(_, name)| **name == short[index])
            .map(|(it, _)| it)
            .collect();
        if same.len() == 1 {
            return short[index].clone();
        }
        let alone =
            |of: &&&dyn Fn(&Run) -> String| same.iter().filter(|it| of(it) == of(run)).count() == 1;
        match differs.iter().find(alone) {
            Some(of) => format!("{}: {}", short[index], of(run)),
            None => format!("{}: #{}", short[index], index + 1),
        }
    });
    named.collect()
}

/// How often each verdict was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    of: [usize; Verdict::ALL.len()],
    at_times: usize,
    must: Share,
}

/// How many of those that count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many were seen to hold.
    pub holds: usize,
    /// How many there are that are for this pool. One that was not run is among them: a part of the
    /// suite does not make a whole.
    pub all: usize,
}

impl Counts {
    fn of<'a>(rows: impl IntoIterator<Item = &'a Row<'a>>, column: usize) -> Self {
        let mut counts = Self::default();
        for row in rows {
            let Some(cell) = row.cells.get(column) else { continue };
            counts.of[cell.verdict as usize] += 1;
            counts.at_times += usize::from(cell.result.is_some_and(|result| result.at_times));
            if row.level(column) == Level::Must && cell.verdict != Verdict::Unsupported {
                counts.must.all += 1;
                counts.must.holds += usize::from(cell.holds());
            }
        }
        counts
    }

    /// Returns how often a verdict was given.
    pub fn get(&self, verdict: Verdict) -> usize {
        self.of[verdict as usize]
    }

    /// Returns how many of these verdicts a race of the pool decides.
    pub fn at_times(&self) -> usize {
        self.at_times
    }

    /// Returns how many requirements were seen not to hold, known or not.
    pub fn failed(&self) -> usize {
        self.get(Verdict::Failed) + self.get(Verdict::ExpectedFailure)
    }

    /// Returns how many requirements were seen to hold.
    pub fn passed(&self) -> usize {
        self.get(Verdict::Passed) + self.get(Verdict::UnexpectedPass)
    }

    /// Returns how many cases are for this pool, whatever came of them.
    pub fn applicable(&self) -> usize {
        self.all() - self.get(Verdict::Unsupported)
    }

    /// Returns how many cases there are.
    pub fn all(&self) -> usize {
        self.of.iter().sum()
    }

    /// Returns the cases of the level MUST.
    pub fn must(&self) -> Share {
        self.must
    }
}
