//! The conformance suite: judges procpool under each start method, or the pool behind the adapter that
//! `PROCPOOL_ADAPTER` names.
//!
//! ```text
//! cargo test --test conformance
//! PROCPOOL_ADAPTER='python3 my_adapter.py' cargo test --test conformance -- init
//! ```

use std::process::ExitCode;

use libtest_mimic::Arguments;
use procpool_conformance::run::{Adapter, Limits};
use procpool_conformance::suite::{self, Column, Names};
use procpool_testkit::program;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let limits = match Limits::from_environment() {
        Ok(limits) => limits,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let names = Names::from_environment();
    let commands = match &names.adapter {
        Some(command) => vec![command.clone()],
        None => {
            let adapter = program::path("procpool-adapter");
            let quoted = adapter.display().to_string().replace('\'', "'\\''");
            ["spawn", "forkserver", "fork"].map(|method| format!("'{quoted}' {method}")).to_vec()
        }
    };
    let columns = commands
        .into_iter()
        .map(|command| Column::of(Adapter { command, folder: program::root().to_owned() }, limits));
    let (conclusion, _results) = suite::run(&arguments, columns.collect(), limits);
    conclusion.exit_code()
}
