//! procspawn: tasks in the queue when the pool is killed get no outcome as long as the pool exists.

use std::process::exit;
use std::time::Duration;

use procspawn::Pool;

fn main() {
    procspawn::init();
    let pool = Pool::new(1).expect("a pool starts");
    let mut running = pool.spawn((), |()| std::thread::sleep(Duration::from_secs(60)));
    while running.pid().is_none() {
        std::thread::yield_now();
    }
    let mut queued = pool.spawn((), |()| ());
    pool.kill();
    let running = running.join_timeout(Duration::from_secs(5));
    let queued = queued.join_timeout(Duration::from_secs(5));
    println!("five seconds after kill, the running task: {running:?}, the queued one: {queued:?}");
    exit(if matches!(&queued, Err(error) if error.is_timeout()) { 0 } else { 1 });
}
