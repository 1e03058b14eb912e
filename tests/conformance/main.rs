//! The conformance suite: judges procpool under each start method, or the pool behind the adapter that
//! `PROCPOOL_ADAPTER` names.
//!
//! ```text
//! cargo test --test conformance
//! PROCPOOL_ADAPTER='python3 my_adapter.py' cargo test --test conformance -- init
//! CONFORMANCE_EXPECTATIONS=FILE.toml … the file of known failures
//! CONFORMANCE_BLESS=1 …                accepts the failures as known
//! CONFORMANCE_SCENARIO=case.id.json …  one scenario again, with its events; fails on a complaint
//! CONFORMANCE_TIER=soak …              the cases that take minutes; all: these, too
//! CONFORMANCE_SCALE=4 …                allows four times as long for everything
//! CONFORMANCE_RESULTS=FILE.json …      the file of the results, not target/conformance/results.json; files
//!                                      of failures are in FILE.failures
//! ```
//!
//! Adapters and files are named relative to the workspace's folder. `conformance run` is the same for those
//! who do not have this workspace.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::Arguments;
use procpool_conformance::environment;
use procpool_conformance::run::{Adapter, Limits};
use procpool_conformance::suite::{Names, Program, Runner};
use procpool_testkit::program;

/// How many cases of procpool are judged at a time, on two CPUs: most wait for processes. Of other pools,
/// as many as there are CPUs.
const AT_A_TIME: usize = 10;

fn main() -> ExitCode {
    match program_of(Arguments::from_args()).and_then(Program::run) {
        Ok(true) => ExitCode::SUCCESS,
        // As of any test program with failures.
        Ok(false) => ExitCode::from(101),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn program_of(mut arguments: Arguments) -> Result<Program, String> {
    // Cargo starts a test in the folder of its package.
    let root = program::root();
    std::env::set_current_dir(root).map_err(|error| format!("{}: {error}", root.display()))?;
    for name in environment::unknown() {
        eprintln!("warning: the suite has no variable {name}; it changes nothing");
    }
    let limits = Limits::from_environment()?;
    let names = Names::from_environment()?;
    let commands = match &names.adapter {
        Some(command) => vec![command.clone()],
        None => {
            arguments.test_threads.get_or_insert(AT_A_TIME);
            let adapter = program::path("procpool-adapter");
            let quoted = adapter.display().to_string().replace('\'', "'\\''");
            ["spawn", "forkserver", "fork"].map(|method| format!("'{quoted}' {method}")).to_vec()
        }
    };
    let expectations = match &names.expectations {
        None => root.join("crates/conformance/expectations"),
        Some(_) if names.adapter.is_none() => {
            let (file, adapter) = (environment::EXPECTATIONS, environment::ADAPTER);
            return Err(format!(
                "{file} is set without {adapter}: nothing is known to fail in procpool"
            ));
        }
        Some(file) if !names.bless && !Path::new(file).exists() => {
            let (name, bless) = (environment::EXPECTATIONS, environment::BLESS);
            return Err(format!("{name} is {file}, which does not exist; {bless}=1 makes it"));
        }
        Some(file) => PathBuf::from(file),
    };
    let adapter = |command| Adapter { command, folder: root.to_owned() };
    Ok(Program {
        arguments,
        adapters: commands.into_iter().map(adapter).collect(),
        expectations,
        bless: names.bless,
        tier: names.tier,
        scenario: names.scenario.map(PathBuf::from),
        results: names.results.map(PathBuf::from),
        folder: root.join("target/conformance"),
        // Without an adapter this is one of many programs, and the filter may be for another one.
        must_run: names.adapter.is_some(),
        limits,
        runner: Runner::CargoTest,
    })
}
