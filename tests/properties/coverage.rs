//! Coverage: whether the cases of a property could have shown anything.
//!
//! Owns the kinds of case that must occur, and how often. A property that held in a hundred cases of one worker
//! each would prove nothing about pools.

use std::fmt;

use crate::history::History;
use crate::plan::{How, Operation};

/// A kind of case.
struct Kind {
    name: &'static str,
    is: fn(&History) -> bool,
    /// The least share of cases, in per cent. A higher one fails on a busy machine or an unlucky seed; a
    /// lower one lets the draws become one-sided unnoticed. Set to about half of the usual share.
    least: usize,
}

const KINDS: [Kind; 6] = [
    Kind { name: "two or more workers used", is: |history| history.workers_used() >= 2, least: 40 },
    Kind {
        name: "completion order other than input order",
        is: History::ended_out_of_order,
        least: 35,
    },
    Kind {
        name: "submit and map mixed",
        is: |history| {
            any_busy(history, |operation| operation.how == How::Submit)
                && any_busy(history, |operation| operation.how != How::Submit)
        },
        least: 15,
    },
    Kind {
        name: "a chunk larger than its map",
        is: |history| any_busy(history, chunk_exceeds_tasks),
        least: 15,
    },
    Kind {
        name: "a map of nothing",
        is: |history| {
            let operations = &history.plan.operations;
            operations
                .iter()
                .any(|operation| operation.how != How::Submit && operation.efforts.is_empty())
        },
        least: 2,
    },
    Kind { name: "no task at all", is: |history| history.plan.tasks() == 0, least: 2 },
];

/// Whether one of the operations with tasks is of this kind.
fn any_busy(history: &History, is: fn(&Operation) -> bool) -> bool {
    let operations = &history.plan.operations;
    operations.iter().any(|operation| !operation.efforts.is_empty() && is(operation))
}

fn chunk_exceeds_tasks(operation: &Operation) -> bool {
    match operation.how {
        How::Map { chunksize: Some(chunksize) } => chunksize > operation.efforts.len(),
        How::Map { chunksize: None } | How::Submit => false,
    }
}

/// The number of cases, in all and of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub(crate) cases: usize,
    of_kind: [usize; KINDS.len()],
}

impl Coverage {
    pub(crate) fn count(&mut self, history: &History) {
        self.cases += 1;
        for (count, kind) in self.of_kind.iter_mut().zip(&KINDS) {
            *count += usize::from((kind.is)(history));
        }
    }

    /// The kinds that occurred too rarely.
    pub(crate) fn gaps(&self) -> Vec<&'static str> {
        let rare = |(count, kind): &(&usize, &Kind)| **count * 100 < kind.least * self.cases;
        self.of_kind.iter().zip(&KINDS).filter(rare).map(|(_, kind)| kind.name).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cases", self.cases)?;
        for (count, kind) in self.of_kind.iter().zip(&KINDS) {
            let share = count * 100 / self.cases.max(1);
            write!(f, "\n  {share:>3} % {} (at least {} %)", kind.name, kind.least)?;
        }
        Ok(())
    }
}

#[test]
fn cases_of_one_kind_leave_gaps_in_the_coverage() {
    let coverage = Coverage { cases: 100, of_kind: [100, 35, 15, 15, 1, 2] };
    assert_eq!(coverage.gaps(), ["a map of nothing"]);
}
