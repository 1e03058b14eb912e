//! A service that is away when the first worker starts, and two pools: one
//! gives up, one waits.
//!
//! Prints an error after three failed starts, and a result after one at least.

// ANCHOR: main
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use procpool::{DeathPolicy, EventKind, ProcessPoolExecutor};

fn connect(path: String) -> Result<UnixStream, io::Error> {
    UnixStream::connect(path)
}

fn task(_service: &mut UnixStream, number: u32) -> u32 {
    number + 1
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    let name = format!("procpool-{}.socket", std::process::id());
    let path = std::env::temp_dir().join(name).display().to_string();
    let pool = || {
        ProcessPoolExecutor::builder()
            .max_workers(1)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .initializer_with_args(connect, path.clone())
    };

    let executor = pool().build()?;
    if let Err(error) = executor.submit_with(task, 1).result() {
        println!("{error}");
    }
    println!("failed starts: {}", executor.stats().failed_starts);

    let second = Duration::from_secs(1);
    let executor = pool()
        .start_backoff(Duration::from_millis(10), second)
        .build()?;
    let mut events = executor.events();
    let future = executor.submit_with(task, 1);
    // The next event of this kind, or the end of the pool.
    events.find(|it| matches!(it.kind, EventKind::StartFailed(_)));
    println!("a start has failed, the task is done: {}", future.done());
    let service = UnixListener::bind(&path)?;
    println!("the service is here, the result is {}", future.result()?);
    drop(service);
    std::fs::remove_file(path)?;
    Ok(())
}
// ANCHOR_END: main
