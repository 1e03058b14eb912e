//! Tasks that write a MiB to stdout and to stderr and read stdin, beside a parent that uses its
//! own streams. With the argument `captured` the pool keeps the last lines of stderr.
//!
//! Prints the output of the tasks, then a line with the number of bytes that each task and this program
//! itself read from stdin.

use std::io::{Read, Write, stderr, stdin, stdout};

use procpool::Error;
use procpool_testkit::start;

/// The output of a task: more than any pipe holds.
const MUCH: usize = 1 << 20;

fn write_to_both(_: ()) {
    stdout().write_all(&vec![b'o'; MUCH]).expect("stdout is open");
    stdout().flush().expect("stdout is open");
    stderr().write_all(&vec![b'e'; MUCH]).expect("stderr is open");
}

fn read_all(_: ()) -> usize {
    stdin().read_to_end(&mut Vec::new()).expect("stdin is open")
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    let mut builder = start::builder_of_program().max_workers(2);
    if arguments.first().is_some_and(|argument| argument == "captured") {
        builder = builder.capture_stderr(1);
    }
    let executor = builder.build()?;
    let writers = [executor.submit(write_to_both, ()), executor.submit(write_to_both, ())];
    let readers = [executor.submit(read_all, ()), executor.submit(read_all, ())];
    for writer in writers {
        writer.result()?;
    }
    let read = [readers[0].result()?, readers[1].result()?];
    println!("\ntasks read {read:?}, the program {}", read_all(()));
    Ok(())
}
