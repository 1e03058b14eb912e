//! Runs in columns: the data of every report with several columns.
//!
//! Owns the rows and columns, the cells of cases that a run does not contain, and the counts. A case that
//! a run leaves out is a marked cell, never an empty one. Knows nothing of any format.

use super::results::{CaseResult, Results, Run, Verdict};
use crate::case::Level;

/// Cases × runs.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// The columns.
    pub runs: &'a [Run],
    /// The names of the columns, all different.
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
    /// The first run's description of it.
    pub case: &'a CaseResult,
    /// The outcomes, in the order of the columns.
    pub cells: Vec<Cell<'a>>,
}

/// The outcome of a case in a column.
#[derive(Debug)]
pub struct Cell<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// The observation, or the reason why there is none.
    pub observation: String,
    /// The case in the file of the run, if it is there.
    pub result: Option<&'a CaseResult>,
}

impl<'a> Matrix<'a> {
    /// Puts the runs of `results` side by side.
    pub fn of(results: &'a Results) -> Self {
        let mut areas: Vec<Area<'a>> = Vec::new();
        for case in results.runs.iter().flat_map(|run| &run.cases) {
            // By id over all areas: a case that moved to another area is one case.
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

    /// Counts the outcomes of a column, over all areas.
    pub fn counts(&self, column: usize) -> Counts {
        Counts::of(self.areas.iter().flat_map(|area| &area.rows), column)
    }

    /// Counts the outcomes of the cases of a level in a column, over all areas.
    pub fn counts_of(&self, level: Level, column: usize) -> Counts {
        let rows = self.areas.iter().flat_map(|area| &area.rows);
        Counts::of(rows.filter(|row| row.level(column) == level), column)
    }
}

impl Area<'_> {
    /// Counts the outcomes of the area in a column.
    pub fn counts(&self, column: usize) -> Counts {
        Counts::of(&self.rows, column)
    }

    /// Counts the outcomes of its cases of a level in a column.
    pub fn counts_of(&self, level: Level, column: usize) -> Counts {
        Counts::of(self.rows.iter().filter(|row| row.level(column) == level), column)
    }
}

impl Row<'_> {
    /// Returns the level of the case in a column.
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

    /// Returns the verdict in words.
    pub fn label(&self) -> String {
        self.result.map_or_else(|| self.verdict.label(), CaseResult::label)
    }

    /// Says whether the requirement holds.
    pub fn holds(&self) -> bool {
        self.result.map_or(self.verdict.holds(), CaseResult::holds)
    }
}

/// Names the columns, and makes equal names different by the first of these that differs, or by their
/// position.
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

/// The requirements of a level that a pool meets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many were seen to hold.
    pub holds: usize,
    /// How many apply to this pool. A case that was not run is among them: a part of the suite does not
    /// make a whole.
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

    /// Returns how many of these verdicts depend on a race in the pool.
    pub fn at_times(&self) -> usize {
        self.at_times
    }

    /// Returns how many requirements did not hold, known failures included.
    pub fn failed(&self) -> usize {
        self.get(Verdict::Failed) + self.get(Verdict::ExpectedFailure)
    }

    /// Returns how many requirements held.
    pub fn passed(&self) -> usize {
        self.get(Verdict::Passed) + self.get(Verdict::UnexpectedPass)
    }

    /// Returns how many cases apply to this pool, with any outcome.
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
