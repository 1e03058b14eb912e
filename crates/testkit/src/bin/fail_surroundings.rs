//! A pool in incomplete surroundings; prints the outcome of its one task.
//!
//! With the environment variable MODE `thread`, every process of the program has a second thread before
//! `init()`; with `chroot`, the root is an empty folder once the pool is made; with `memory`, the program
//! has half of the memory that a task's result needs.
//!
//! It has an executable of its own because its workers run it before `init()`, too.

use nix::sys::resource::{Resource, setrlimit};
use procpool::Error;
use procpool_testkit::start;

/// The length of a result that does not fit into memory.
const LARGE: usize = 64 << 20;

/// Leaves this process only `bytes` bytes of further memory.
fn limit_memory(more: u64) -> Result<(), Box<dyn std::error::Error>> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split(' ').next().ok_or("a number")?.parse()?;
    Ok(setrlimit(Resource::RLIMIT_AS, pages * 4096 + more, pages * 4096 + more)?)
}

fn run(mode: &str) -> Result<u32, Error> {
    let executor = start::builder_of_program().max_workers(1).build()?;
    if mode == "chroot" {
        let folder = tempfile::tempdir().expect("a folder can be made");
        nix::unistd::chroot(folder.path()).expect("the test sees to the right to");
    }
    if mode == "memory" {
        executor.start_workers(1).result()?;
        limit_memory(LARGE as u64 / 2).expect("limits may be lowered");
        let result = executor.submit(|length| vec![1_u8; length], LARGE).result();
        return result.map(|bytes| bytes.len() as u32);
    }
    executor.submit(|x: u32| x + 1, 1).result()
}

fn main() {
    let mode = std::env::var("MODE").unwrap_or_default();
    if mode == "thread" {
        std::thread::spawn(std::thread::park);
    }
    procpool::init();
    match run(&mode) {
        Ok(result) => println!("{result}"),
        Err(error) => println!("{error}"),
    }
}
