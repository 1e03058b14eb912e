//! The failure matrix: every fault, at every moment of a task's life, with every start method and both
//! death policies.
//!
//! ```text
//! {error, panic, exit, _exit, SIGKILL, SIGSEGV, SIGSTOP}
//!   × {argument encode, decode, initializer, run, result encode, decode, callback, finalizer, idle}
//!   × {spawn, forkserver, fork}
//! ```
//!
//! - [`table`]: the outcome of every cell, or why it cannot exist;
//! - [`runner`]: runs a cell, in a program of its own, `crates/testkit/src/bin/programs/matrix`.
//!
//! A cell's outcome must be known within a second, and nothing may be left of its pool. Each cell is a
//! test of its own, `spawn::run::sigkill`; the tests and the impossible cells are all cells.

mod runner;
#[path = "../../crates/testkit/src/bin/programs/matrix/table.rs"]
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

/// Declares the cells that run, and the macro that makes a test of each for a start method.
macro_rules! run_cells {
    ($($name:ident $moment:ident { $(cell!($cell:ident $fault:ident);)* })*) => {
        const RUN: &[(Moment, &[Fault])] =
            &[$((Moment::$moment, &[$(Fault::$fault),*])),*];

        macro_rules! tests_with {
            ($method_name:ident, $method:ident) => {
                mod $method_name {
                    $(mod $name {
                        $(
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
    argument_encode ArgumentEncode {
        // Behaviours: SER-01.
        cell!(error Error);
        // Behaviours: SER-01.
        cell!(panic Panic);
        // Behaviours: PAR-02.
        cell!(exit Exit);
        // Behaviours: PAR-02.
        cell!(raw_exit RawExit);
        // Behaviours: PAR-01, PAR-03.
        cell!(sigkill Sigkill);
        // Behaviours: PAR-01, PAR-03.
        cell!(sigsegv Sigsegv);
        cell!(sigstop Sigstop);
    }
    argument_decode ArgumentDecode {
        // Behaviours: SER-03.
        cell!(error Error);
        // Behaviours: SER-03.
        cell!(panic Panic);
        // Behaviours: SER-04, SER-05.
        cell!(exit Exit);
        // Behaviours: SER-04, SER-05.
        cell!(raw_exit RawExit);
        // Behaviours: SER-04, SER-05.
        cell!(sigkill Sigkill);
        // Behaviours: SER-04, SER-05.
        cell!(sigsegv Sigsegv);
        // Behaviours: TMO-02, TMO-03.
        cell!(sigstop Sigstop);
    }
    initializer Initializer {
        // Behaviours: INIT-03.
        cell!(error Error);
        // Behaviours: INIT-03.
        cell!(panic Panic);
        // Behaviours: INIT-04.
        cell!(exit Exit);
        // Behaviours: INIT-04.
        cell!(raw_exit RawExit);
        // Behaviours: INIT-04.
        cell!(sigkill Sigkill);
        // Behaviours: INIT-04.
        cell!(sigsegv Sigsegv);
        cell!(sigstop Sigstop);
    }
    run Run {
        // Behaviours: SUB-08.
        cell!(error Error);
        // Behaviours: SUB-06.
        cell!(panic Panic);
        // Behaviours: BRK-02, BRK-03.
        cell!(exit Exit);
        // Behaviours: BRK-02, BRK-03.
        cell!(raw_exit RawExit);
        // Behaviours: BRK-01, BRK-02.
        cell!(sigkill Sigkill);
        // Behaviours: BRK-01, BRK-02.
        cell!(sigsegv Sigsegv);
        // Behaviours: TMO-02, TMO-03.
        cell!(sigstop Sigstop);
    }
    result_encode ResultEncode {
        // Behaviours: SER-06.
        cell!(error Error);
        // Behaviours: SER-06.
        cell!(panic Panic);
        // Behaviours: SER-08.
        cell!(exit Exit);
        // Behaviours: SER-08.
        cell!(raw_exit RawExit);
        // Behaviours: SER-08.
        cell!(sigkill Sigkill);
        // Behaviours: SER-08.
        cell!(sigsegv Sigsegv);
        // Behaviours: TMO-02, TMO-03.
        cell!(sigstop Sigstop);
    }
    result_decode ResultDecode {
        // Behaviours: SER-09.
        cell!(error Error);
        // Behaviours: SER-09.
        cell!(panic Panic);
        // Behaviours: PAR-02.
        cell!(exit Exit);
        // Behaviours: PAR-02.
        cell!(raw_exit RawExit);
        // Behaviours: PAR-01, PAR-03.
        cell!(sigkill Sigkill);
        // Behaviours: PAR-01, PAR-03.
        cell!(sigsegv Sigsegv);
        cell!(sigstop Sigstop);
    }
    callback Callback {
        cell!(panic Panic);
        // Behaviours: PAR-02.
        cell!(exit Exit);
        // Behaviours: PAR-02.
        cell!(raw_exit RawExit);
        // Behaviours: PAR-01, PAR-03.
        cell!(sigkill Sigkill);
        // Behaviours: PAR-01, PAR-03.
        cell!(sigsegv Sigsegv);
        cell!(sigstop Sigstop);
    }
    finalizer Finalizer {
        cell!(panic Panic);
        cell!(exit Exit);
        cell!(raw_exit RawExit);
        cell!(sigkill Sigkill);
        cell!(sigsegv Sigsegv);
        cell!(sigstop Sigstop);
    }
    idle Idle {
        cell!(panic Panic);
        // Behaviours: BRK-16.
        cell!(exit Exit);
        // Behaviours: BRK-16.
        cell!(raw_exit RawExit);
        // Behaviours: BRK-16.
        cell!(sigkill Sigkill);
        // Behaviours: BRK-16.
        cell!(sigsegv Sigsegv);
        cell!(sigstop Sigstop);
    }
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
