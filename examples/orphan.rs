//! A program that is killed by SIGKILL while a task runs.
//!
//! The task does it, because it knows when it runs. Prints one line.

use std::os::unix::process::parent_id;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use procpool::ProcessPoolExecutor;

// ANCHOR: main
fn task(program: u32) {
    println!("the task kills its program");
    let killed = Command::new("kill")
        .args(["-s", "KILL", &program.to_string()])
        .status();
    assert!(killed.is_ok_and(|status| status.success()));
    while parent_id() == program {
        sleep(Duration::from_millis(1));
    }
    println!("the program is gone, its task runs on");
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    executor.submit(task, std::process::id()).result()
}
// ANCHOR_END: main
