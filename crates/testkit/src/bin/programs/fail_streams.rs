//! Tasks print to streams that are closed, full or broken. `fail_streams REPORT MODE`: the outcomes are
//! written to the file `REPORT`; with the mode `captured` the pool keeps the last lines of stderr. With
//! `broken`, both streams are first made pipes without a reader.

use std::fmt::Write;

use nix::unistd::{dup2_stderr, dup2_stdout, pipe};
use procpool::{Error, Future};
use procpool_testkit::start;

/// The unwritable stream and the reason, from an error that names them.
fn told(future: &Future<()>) -> String {
    match future.result() {
        Ok(()) => "ok".to_owned(),
        Err(Error::Panicked(panic)) => {
            let text = panic.message.strip_prefix("failed printing to ").unwrap_or(&panic.message);
            text.split(" (os error").next().unwrap_or(text).to_owned()
        }
        Err(other) => other.to_string(),
    }
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let [report, modes @ ..] = arguments else { panic!("a file and modes") };
    let has = |mode: &str| modes.iter().any(|word| word == mode);
    if has("broken") {
        let (_, sink) = pipe().expect("there is room");
        dup2_stdout(&sink).expect("it is open");
        dup2_stderr(&sink).expect("it is open");
    }
    let mut builder = start::builder_of_program().max_workers(1);
    if has("captured") {
        builder = builder.capture_stderr(1);
    }
    let executor = builder.build()?;
    let mut found = String::new();
    let mut note = |line: String| writeln!(found, "{line}").expect("it is in memory");
    let worker = executor.submit(|()| std::process::id(), ()).result()?;
    note(format!("print: {}", told(&executor.submit(|()| println!("hello"), ()))));
    note(format!("eprint: {}", told(&executor.submit(|()| eprintln!("hello"), ()))));
    note(format!("fails on: {}", told(&executor.submit(|()| println!("hello"), ()))));
    if executor.submit(|x: u32| x + 1, 1).result()? == 2 {
        note("works".to_owned());
    }
    if executor.submit(|()| std::process::id(), ()).result()? == worker {
        note("one worker".to_owned());
    }
    drop(executor);
    std::fs::write(report, found).expect("the test can read it");
    Ok(())
}
