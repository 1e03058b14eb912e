//! procspawn: spawning a task with a large argument waits until a worker is free to read it.

use std::process::exit;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use procspawn::Pool;

fn main() {
    procspawn::init();
    let pool = Arc::new(Pool::new(1).expect("a pool starts"));
    let _busy = pool.spawn((), |()| std::thread::sleep(Duration::from_secs(60)));
    let (spawned, spawn) = mpsc::channel();
    let clone = Arc::clone(&pool);
    std::thread::spawn(move || {
        let task = clone.spawn("x".repeat(10_000_000), |text| text.len());
        spawned.send(task).ok();
    });
    let waits = spawn.recv_timeout(Duration::from_secs(5)).is_err();
    println!(
        "while the worker is busy, spawn with 10 MB is still waiting after five seconds: {waits}"
    );
    pool.kill();
    exit(if waits { 0 } else { 1 });
}
