//! The failure matrix: everything that can go wrong, at every moment of a task's life, with every
//! start method and both death policies.
//!
//! ```text
//! {error, panic, exit, _exit, SIGKILL, SIGSEGV, SIGSTOP}
//!   × {argument encode, decode, initializer, run, result encode, decode, callback, finalizer, idle}
//!   × {spawn, forkserver, fork}
//! ```
//!
//! - [`table`]: what every cell comes to, or why it cannot exist;
//! - [`runner`]: runs a cell, in a program of its own, `crates/testkit/src/bin/matrix`.
//!
//! A cell's outcome must be there within a second, and nothing may be left of its pool. Each cell is
//! a test of its own, `spawn::run::sigkill`; the tests and the cells that cannot exist are all.

mod runner;
#[path = "../../crates/testkit/src/bin/matrix/table.rs"]
mod table;

use procpool_testkit::fault::Fault;

use table::{CELLS, Expected, Moment};

const MOMENTS: [Moment; 9] = [
    Moment::ArgumentEncode,
    Moment::ArgumentDecode,
    Moment::Initializer,
    Moment::Run,
    Moment::ResultEncode,
    Moment::ResultDecode,
    Moment::Callback,
    Moment::Finalizer,
    Moment::Idle,
];

/// Declares which cells are run, and the macro that makes a test of each for a start method.
macro_rules! run_cells {
    ($($name:ident $moment:ident: $($cell:ident $fault:ident),*;)*) => {
        const RUN: &[(Moment, &[Fault])] =
            &[$((Moment::$moment, &[$(Fault::$fault),*])),*];

        macro_rules! tests_with {
            ($method_name:ident, $method:ident) => {
                mod $method_name {
                    $(mod $name {
                        $(
                            // Behaviours: SUB-06, SUB-08, BRK-01, BRK-02, BRK-03, BRK-16, INIT-03, INIT-04, SER-01, SER-03, SER-04, SER-05, SER-06, SER-08, SER-09, PAR-01, PAR-02, PAR-03, TMO-02, TMO-03.
                            #[test]
                            fn $cell() {
                                use crate::table::{Cell, Method, Moment};
                                use procpool_testkit::fault::Fault;
                                crate::runner::run(Cell {
                                    method: Method::$method,
                                    moment: Moment::$moment,
                                    fault: Fault::$fault,
                                });
                            }
                        )*
                    })*
                }
            };
        }
    };
}

run_cells! {
    argument_encode ArgumentEncode: error Error, panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
    argument_decode ArgumentDecode: error Error, panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
    initializer Initializer: error Error, panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
    run Run: error Error, panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
    result_encode ResultEncode: error Error, panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
    result_decode ResultDecode: error Error, panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
    callback Callback: panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
    finalizer Finalizer: panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
    idle Idle: panic Panic, exit Exit, raw_exit RawExit,
        sigkill Sigkill, sigsegv Sigsegv, sigstop Sigstop;
}

// One line for each start method.
tests_with!(spawn, Spawn);
tests_with!(forkserver, Forkserver);
tests_with!(fork, Fork);

#[test]
fn every_cell_is_run_or_cannot_exist() {
    let mut left: Vec<(Moment, Fault)> = Vec::new();
    for moment in MOMENTS {
        left.extend(Fault::ALL.map(|fault| (moment, fault)));
    }
    let all = left.len();
    let mut remove = |cell: (Moment, Fault)| {
        let place = left.iter().position(|other| *other == cell);
        left.swap_remove(place.unwrap_or_else(|| panic!("{cell:?} is there twice")));
    };
    for (moment, faults) in RUN {
        faults.iter().for_each(|fault| remove((*moment, *fault)));
    }
    for (moment, row) in CELLS {
        for (fault, cell) in Fault::ALL.iter().zip(row) {
            if let Expected::CannotExist(reason) = cell {
                println!("{moment:?} × {fault:?}: {reason}");
                remove((moment, *fault));
            }
        }
    }
    assert_eq!(left, [], "cells are neither run nor listed");
    assert_eq!(all, 63, "for each start method");
}
