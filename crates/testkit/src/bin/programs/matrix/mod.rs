//! One cell of the failure matrix: `matrix CELL [break|replace]`, the cell as JSON.
//!
//! - [`table`]: the outcome of every cell, or why it cannot exist;
//! - [`trial`]: a pool in which a fault happens, and its leftovers;
//! - [`judge`]: one judgement for each kind of cell;
//! - [`own`]: cells in which this program itself fails, which its test judges.
//!
//! A program for each, because all leftovers are then its own, because some end their program, and because
//! workers can be forked only from a program of one thread.

use procpool::{Builder, DeathPolicy, ProcessPoolExecutor, StartMethod};
use procpool_testkit::left::Baseline;

use table::{Cell, Expected, Method};

mod judge;
mod own;
mod table;
mod trial;

pub(crate) fn main(arguments: &[String]) {
    procpool::init();
    let cell: Cell = serde_json::from_str(&arguments[0]).expect("such a cell exists");
    let before = Baseline::look();
    match (cell.expected(), arguments.get(1).map(String::as_str)) {
        (Expected::Program, None) => own::go_wrong(&cell),
        (_, Some("break")) => judge::judge(&cell, DeathPolicy::Break),
        (_, Some("replace")) => judge::judge(&cell, DeathPolicy::Replace { retries: 0 }),
        (_, other) => panic!("there is no policy {other:?} for {cell:?}"),
    }
    before.assert_back();
}

/// Returns a builder of a pool.
fn builder(method: Method) -> Builder {
    ProcessPoolExecutor::builder().start_method(match method {
        Method::Spawn => StartMethod::Spawn,
        Method::Forkserver => StartMethod::Forkserver,
        Method::Fork => StartMethod::Fork,
    })
}
