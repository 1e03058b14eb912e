//! An initializer with arguments: every worker opens the same log, and keeps
//! its own handle.
//!
//! Prints the log: `worker is ready` twice, once per worker, and `task 0 done`
//! to `task 3 done`, each after its own worker's greeting.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

use procpool::ProcessPoolExecutor;

// ANCHOR: initializer
/// Gets the initargs as a tuple. An error would break the pool, with its
/// text as the cause.
fn open_log((path, greeting): (String, String)) -> Result<File, io::Error> {
    let mut log = OpenOptions::new().append(true).open(path)?;
    log.write_all(format!("{greeting}\n").as_bytes())?;
    Ok(log)
}

/// Writes each line at once, so that lines of two workers do not mix.
fn task(log: &mut File, identifier: u32) -> Result<(), String> {
    let line = format!("task {identifier} done\n");
    log.write_all(line.as_bytes())
        .map_err(|error| error.to_string())
}
// ANCHOR_END: initializer

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    let name = format!("procpool-initargs-{}.log", std::process::id());
    let path = std::env::temp_dir().join(name).display().to_string();
    File::create(&path)?;

    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer_with_args(
            open_log,
            (path.clone(), "worker is ready".to_owned()),
        )
        .build()?;
    for written in executor.map_with(task, 0..4) {
        written??;
    }
    executor.shutdown();

    print!("{}", fs::read_to_string(&path)?);
    fs::remove_file(&path)?;
    Ok(())
}
// ANCHOR_END: main
