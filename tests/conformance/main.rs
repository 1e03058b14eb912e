//! The conformance suite: judges procpool under each start method, or the pool behind the adapter that
//! `PROCPOOL_ADAPTER` names.
//!
//! ```text
//! cargo test --test conformance
//! PROCPOOL_ADAPTER='python3 my_adapter.py' cargo test --test conformance -- init
//! CONFORMANCE_BLESS=1 …                what fails is known from now on
//! CONFORMANCE_SCENARIO=case.id.json …  one scenario again, with all that happens
//! CONFORMANCE_SCALE=4 …                everything is given four times as long
//! ```

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::Arguments;
use procpool_conformance::run::{Adapter, Limits};
use procpool_conformance::suite::{self, Column, Names, Setting};
use procpool_testkit::program;

fn main() -> ExitCode {
    match judge(&Arguments::from_args()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn judge(arguments: &Arguments) -> Result<ExitCode, String> {
    let limits = Limits::from_environment()?;
    let names = Names::from_environment();
    let commands = match &names.adapter {
        Some(command) => vec![command.clone()],
        None => {
            let adapter = program::path("procpool-adapter");
            let quoted = adapter.display().to_string().replace('\'', "'\\''");
            ["spawn", "forkserver", "fork"].map(|method| format!("'{quoted}' {method}")).to_vec()
        }
    };
    let expectations = program::root().join("crates/conformance/expectations");
    let columns = commands.into_iter().map(|command| {
        let adapter = Adapter { command, folder: program::root().to_owned() };
        Column::of(adapter, &expectations, limits)
    });
    let columns: Vec<Column> = columns.collect();
    if let Some(file) = &names.scenario {
        print!("{}", suite::replay(Path::new(file), &columns, limits)?);
        return Ok(ExitCode::SUCCESS);
    }
    let failures = program::root().join("target/conformance/failures");
    let (conclusion, results) = suite::run(arguments, columns, &Setting { limits, failures });
    if names.bless && !arguments.list {
        suite::bless(&results)?;
    }
    Ok(conclusion.exit_code())
}
