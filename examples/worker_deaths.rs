//! Four tasks that end badly, each in its own way: the errors, in words.
//!
//! The workers' stderr is captured, and its last lines are in the error.

use std::hint::black_box;
use std::process::{abort, exit};

use procpool::{DeathPolicy, Error, ProcessPoolExecutor};

// ANCHOR: main
fn allocate(bytes: usize) -> usize {
    black_box(vec![1_u8; bytes]).len()
}

fn refuse(file: String) -> usize {
    panic!("{file} is not a table")
}

fn main() -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .capture_stderr(2)
        .build()?;
    say("exit", executor.submit(|code| -> () { exit(code) }, 3).error());
    say("abort", executor.submit(|()| -> () { abort() }, ()).error());
    say("memory", executor.submit(allocate, 1 << 47).error());
    say("panic", executor.submit(refuse, "a.txt".to_owned()).error());
    Ok(())
}

fn say(name: &str, error: Option<Error>) {
    match error {
        // As text it would name the process, too.
        Some(Error::WorkerDied(death)) => {
            println!(
                "{name}: its worker {} while {}",
                death.exit, death.activity
            );
            let stderr = death.stderr.unwrap_or_default();
            stderr.lines().for_each(|line| println!("  stderr: {line}"));
        }
        Some(other) => println!("{name}: {other}"),
        None => println!("{name}: it has a result"),
    }
}
// ANCHOR_END: main
