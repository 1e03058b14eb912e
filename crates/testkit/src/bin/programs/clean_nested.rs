//! A task with a pool of its own; prints the outcomes of two inner tasks, one of which panics and one of
//! which is killed.

use nix::sys::signal::{Signal, raise};
use procpool::Error;
use procpool_testkit::start::builder_of_program;

fn refuse(number: u32) -> u32 {
    panic!("number {number} is refused");
}

fn die(_: u32) -> u32 {
    raise(Signal::SIGKILL).expect("a process can signal itself");
    0
}

/// Runs both in a pool of its own; returns the texts of their errors.
fn outer(_: ()) -> Result<[String; 2], String> {
    let pool = builder_of_program().max_workers(1).build();
    let pool = pool.map_err(|error| error.to_string())?;
    let text = |error: Option<Error>| error.map_or_else(String::new, |error| error.to_string());
    Ok([text(pool.submit(refuse, 7).error()), text(pool.submit(die, 0).error())])
}

pub(crate) fn main(_: &[String]) -> Result<(), Error> {
    procpool::init();
    let executor = builder_of_program().max_workers(1).build()?;
    match executor.submit(outer, ()).result()? {
        Ok(texts) => texts.iter().for_each(|text| println!("{text}")),
        Err(text) => println!("no inner pool: {text}"),
    }
    Ok(())
}
