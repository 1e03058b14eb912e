//! The conformance suite: judges procpool under each start method, or the pool behind the adapter that
//! `PROCPOOL_ADAPTER` names.
//!
//! ```text
//! cargo test --test conformance
//! PROCPOOL_ADAPTER='python3 my_adapter.py' cargo test --test conformance -- init
//! CONFORMANCE_EXPECTATIONS=FILE.toml … the file of known failures
//! CONFORMANCE_BLESS=1 …                accepts the failures as known
//! CONFORMANCE_SCENARIO=case.id.json …  one scenario again, with its events; fails on a complaint
//! CONFORMANCE_SCALE=4 …                allows four times as long for everything
//! CONFORMANCE_RESULTS=FILE.json …      the file of the results, not target/conformance/results.json; files
//!                                      of failures are in FILE.failures
//! ```
//!
//! Adapters and files are named relative to the workspace's folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use libtest_mimic::Arguments;
use procpool_conformance::environment;
use procpool_conformance::run::{Adapter, Limits};
use procpool_conformance::suite::{self, Column, Names, Setting};
use procpool_testkit::program;

/// How many cases of procpool are judged at a time, on two CPUs: most wait for processes. Of other pools,
/// as many as there are CPUs.
const AT_A_TIME: usize = 10;

fn main() -> ExitCode {
    match judge(Arguments::from_args()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn judge(mut arguments: Arguments) -> Result<ExitCode, String> {
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
        None => program::root().join("crates/conformance/expectations"),
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
    let columns = commands.into_iter().map(|command| {
        let adapter = Adapter { command, folder: program::root().to_owned() };
        Column::of(adapter, &expectations, limits)
    });
    let columns: Vec<Column> = columns.collect();
    if let Some(file) = &names.scenario {
        let replayed = suite::replay(Path::new(file), &columns, limits)?;
        print!("{}", replayed.text);
        // As when trials fail.
        return Ok(ExitCode::from(if replayed.complaints > 0 { 101 } else { 0 }));
    }
    let folder = program::root().join("target/conformance");
    let results_file = folder.join("results.json");
    let file = names.results.map(PathBuf::from);
    // A file with results of several pools also has the files of their failures: two columns may have one
    // name.
    let failures =
        file.as_ref().map_or(folder.join("failures"), |file| file.with_extension("failures"));
    let began = SystemTime::now();
    let setting = Setting { limits, failures, bless: names.bless };
    let (conclusion, results) = suite::run(&arguments, columns, &setting)?;
    if arguments.list {
        return Ok(conclusion.exit_code());
    }
    // A filter may leave out the trial that reports it, and such a column has no other.
    let dead = results.iter().find_map(|(column, _)| column.description.as_ref().err());
    if let Some(fault) = dead.filter(|_| !conclusion.has_failed()) {
        return Err(fault.to_string());
    }
    print!("{}", suite::summary(&arguments, &results));
    if let Some(text) = suite::nothing_ran(&arguments, &conclusion, &results) {
        // Without an adapter this is one of many programs, and the filter may be for another one.
        if names.adapter.is_some() {
            return Err(text);
        }
        eprintln!("warning: {text}");
    }
    if names.bless {
        for blessed in suite::bless(&results)? {
            print!("{blessed}");
        }
    }
    // A part of the cases is not a result of a pool, unless a file is requested.
    let whole = suite::is_whole(&arguments);
    if let Some(file) = file.or_else(|| whole.then(|| results_file.clone())) {
        write(&file, &suite::file(&results, began)?.to_json())?;
        println!("results: {}", file.display());
    }
    Ok(conclusion.exit_code())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = folder.and_then(|()| std::fs::write(file, text));
    written.map_err(|error| format!("{}: {error}", file.display()))
}
