//! Measures procpool against the limits of the machine it runs on, and against other pools.
//!
//! ```text
//! cargo run --release --package procpool-bench -- quick
//! cargo run --release --package procpool-bench -- full --out target/bench
//! ```
//!
//! # The machine
//!
//! ```text
//!  this process                                                    other processes
//! ┌───────────────────────────────────────────────────┐
//! │ Bench ──▶ rows ──▶ pools ──── submit, map ────────│──▶ workers of procpool
//! │            │                                      │
//! │            ├─────▶ limits ─── 64 bytes, spawn ────│──▶ a child: this program, without a pool
//! │            │                                      │
//! │            └─────▶ peers ──── lines of JSON ──────│──▶ a peer, which times its own pool
//! │            ▼                                      │
//! │          Row ──▶ report: lines, table, plots, JSON│
//! └───────────────────────────────────────────────────┘
//! ```
//!
//! - **Contenders take turns in short blocks**, within one run, and the median of the block-by-block
//!   ratios is judged. So a machine that changes its pace does not change the verdict. Absolute figures
//!   depend on this machine and moment.
//! - **A limit is measured, never assumed**, in the same run and under the same conditions.
//! - **Nothing is left out**: a peer that does not support an operation, fails or hangs has an entry with
//!   the reason; every block's figure is in the JSON.
//!
//! # How to read this program
//!
//! `rows` first: the measurements, and their pitfalls. Then `bench` for how blocks alternate, `limits` and
//! `peers` for the other contenders, `row` and `target` for the results, `report` for their display.
//! `earlier` compares a quick run with the checked-in results. `profile` is a run of another kind: where the time
//! goes; `scale` another one: thousands of workers on made-up hosts. The program is a library so that the book's
//! builder can draw checked-in results again: [`for_the_book`].

mod arguments;
mod bench;
mod cpus;
mod earlier;
mod limits;
mod load;
mod machine;
mod peers;
mod pools;
mod profile;
mod report;
mod row;
mod rows;
mod scale;
mod statistics;
mod target;
mod timing;

use std::path::Path;
use std::process::ExitCode;

use crate::arguments::{Arguments, HELP, Mode};
use crate::bench::Bench;
use crate::earlier::Earlier;
use crate::limits::child::Role;
use crate::limits::ping_pong;
use crate::machine::Machine;
use crate::report::lines;
use crate::row::{Results, Row};
use crate::rows::ROWS;

/// Any error, with its message.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Returns the book's part of a file that was written by this program: names of files, and their texts.
///
/// # Errors
///
/// In a sentence, when `json` is not a file of this `name` as this program writes it.
pub fn for_the_book(name: &str, json: &str) -> Result<Vec<(String, String)>, String> {
    report::for_the_book(name, json).map_err(|error| error.to_string())
}

/// The program: carries out the command line.
pub fn main() -> ExitCode {
    procpool_hosts::init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(role) = Role::read(&words) {
        return exit_code(play(role).map(|()| true));
    }
    if let Some(outcome) = profile::play(&words) {
        return exit_code(outcome.map(|()| true));
    }
    match Arguments::read(&words, &ROWS.map(|(name, _)| name)) {
        Ok(arguments) => exit_code(run(&arguments)),
        Err(problem) => {
            eprint!("{problem}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

/// The roles of this program as a plain child of itself.
fn play(role: Role) -> Outcome {
    match role {
        Role::Return => Ok(()),
        Role::Echo => ping_pong::echo(),
        Role::SpinningEcho => ping_pong::spinning_echo(),
        Role::Hold { bytes, gate } => {
            pools::touch_and_park((bytes, gate));
            Ok(())
        }
        Role::QueuedMemory => rows::memory::print_queued(),
    }
}

fn exit_code(outcome: Outcome<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, and returns whether that succeeded: a quick run fails with a missed target, or with a figure that has
/// become worse on this CPU model, a full one only if it cannot write.
fn run(arguments: &Arguments) -> Outcome<bool> {
    if arguments.mode == Mode::Profile {
        return profile::run(&arguments.out).map(|()| true);
    }
    if arguments.mode == Mode::Scale {
        return scale::run(&arguments.out).map(|()| true);
    }
    let machine = Machine::here()?;
    println!("{}", lines::machine(&machine));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bench = Bench::new(arguments, root)?;
    let rows = bench.run(&ROWS, &arguments.only, &mut |row| print!("{}", lines::row(row)));
    match arguments.mode {
        Mode::Quick | Mode::Profile | Mode::Scale => {
            let earlier = Earlier::read(&root.join("../../book/bench/results.json"), &machine)?;
            let worse: Vec<String> = rows.iter().flat_map(|row| earlier.worse(row)).collect();
            worse.iter().for_each(|line| println!("{line}"));
            if !earlier.is_comparable() {
                println!("The checked-in figures are of another CPU model, and are not compared.");
            }
            Ok(worse.is_empty() && !rows.iter().any(Row::fails))
        }
        Mode::Full => {
            let partial = arguments.partial();
            report::write(&Results { machine, partial, rows }, &arguments.out)?;
            println!("{}", arguments.out.join("table.md").display());
            Ok(true)
        }
    }
}
