//! tarnish: the death of an idle worker is noticed by its next task, which is lost.

use std::num::NonZeroUsize;
use std::process::{Command, exit};

use tarnish::{ProcessPool, Task};

#[derive(Default)]
struct Whoami;

impl Task for Whoami {
    type Input = ();
    type Output = u32;
    type Error = String;

    fn run(&mut self, (): ()) -> Result<u32, String> {
        Ok(std::process::id())
    }
}

fn main() {
    tarnish::main::<Whoami>(|| {
        let mut pool = ProcessPool::<Whoami>::new(NonZeroUsize::MIN).expect("a pool starts");
        let worker = pool.call(()).expect("a task runs");
        Command::new("kill").args(["-9", &worker.to_string()]).status().expect("kill runs");
        let (next, after) = (pool.call(()), pool.call(()));
        println!("the task after the death of {worker}: {next:?}, the one after it: {after:?}");
        exit(if next.is_err() && after.is_ok() { 0 } else { 1 });
    });
}
