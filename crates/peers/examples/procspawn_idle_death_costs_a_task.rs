//! procspawn: the death of an idle worker is noticed by the next task, which is lost.

use std::panic::catch_unwind;
use std::process::{Command, exit};

use procspawn::Pool;

fn main() {
    procspawn::init();
    let pool = Pool::new(1).expect("a pool starts");
    let worker = pool.spawn((), |()| std::process::id()).join().expect("a task runs");
    Command::new("kill").args(["-9", &worker.to_string()]).status().expect("kill runs");
    // The worker has ended when it is a zombie: nothing is left of its command line.
    while std::fs::read(format!("/proc/{worker}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        std::thread::yield_now();
    }
    // The death is noticed while spawn sends the argument, which panics then, or by the task.
    let next = catch_unwind(std::panic::AssertUnwindSafe(|| pool.spawn(1, |value| value).join()));
    let is_lost = !matches!(next, Ok(Ok(_)));
    let after = pool.spawn(2, |value| value).join();
    println!(
        "the next task after the death of an idle worker: {next:?}, the one after it: {after:?}"
    );
    pool.kill();
    exit(if is_lost && after.is_ok() { 0 } else { 1 });
}
