//! Plans: the requests of a client to a pool in one case.
//!
//! Owns the operations, the numbering of their tasks and the bound on the things to hand out. Knows no
//! pool, no trace and no chance: plans are drawn in `drawing`.

use serde::{Deserialize, Serialize};

use crate::task::Call;

/// One case: a pool's settings and the requests to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) max_workers: usize,
    pub(crate) initargs: Initargs,
    pub(crate) operations: Vec<Operation>,
}

/// The initargs of every worker: one value of each kind that codecs often lose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Initargs {
    pub(crate) text: String,
    pub(crate) number: i64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) choice: Option<char>,
}

/// Some tasks, given to the pool together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub(crate) how: How,
    pub(crate) efforts: Vec<Effort>,
    /// Whether the client waits for the results before it continues. Otherwise this operation and the next
    /// are in the pool at the same time.
    pub(crate) collect: bool,
}

/// The call by which tasks are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// One `submit` for each.
    Submit,
    /// One `map` of all, in chunks of this size or of adaptive ones.
    Map { chunksize: Option<usize> },
}

/// The action of a task before it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Effort {
    /// It takes this long.
    Micros(u16),
    /// It waits for a permit, which only a task that gives one provides.
    TakesPermit,
    /// It gives a permit.
    GivesPermit,
}

impl Plan {
    /// The number of tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.operations.iter().map(|operation| operation.efforts.len()).sum()
    }

    /// The number of things to hand to workers. A chunk of a fixed size is handed out whole; an adaptive
    /// one may be as small as one task.
    pub(crate) fn units(&self) -> usize {
        let units = |operation: &Operation| match operation.how {
            How::Map { chunksize: Some(chunksize) } => operation.efforts.len().div_ceil(chunksize),
            How::Map { chunksize: None } | How::Submit => operation.efforts.len(),
        };
        self.operations.iter().map(units).sum()
    }

    /// The calls of every operation. Tasks are numbered consecutively, in the order of submission, and
    /// write to the trace in `folder`.
    pub(crate) fn calls(&self, folder: &str) -> Vec<Vec<Call>> {
        let mut task = 0;
        let mut number = |effort: &Effort| {
            let call = Call { folder: folder.to_owned(), task, effort: *effort };
            task += 1;
            call
        };
        let calls = |operation: &Operation| operation.efforts.iter().map(&mut number).collect();
        self.operations.iter().map(calls).collect()
    }
}

#[test]
fn tasks_are_numbered_consecutively_and_a_chunk_counts_as_one() {
    let operation =
        |how, tasks| Operation { how, efforts: vec![Effort::Micros(0); tasks], collect: false };
    let plan = Plan {
        max_workers: 1,
        initargs: Initargs::default(),
        operations: vec![
            operation(How::Submit, 2),
            operation(How::Map { chunksize: Some(2) }, 3),
            operation(How::Map { chunksize: Some(9) }, 0),
            operation(How::Map { chunksize: None }, 1),
        ],
    };
    assert_eq!((plan.tasks(), plan.units()), (6, 2 + 2 + 1));
    let numbers = |calls: Vec<Call>| calls.iter().map(|call| call.task).collect::<Vec<_>>();
    let numbers: Vec<Vec<u32>> = plan.calls("").into_iter().map(numbers).collect();
    assert_eq!(numbers, [vec![0, 1], vec![2, 3, 4], vec![], vec![5]]);
}
