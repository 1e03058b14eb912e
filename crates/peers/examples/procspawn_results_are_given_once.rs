//! procspawn: a handle returns its result once; a second call gets an error.

use std::process::exit;
use std::time::Duration;

use procspawn::Pool;

fn main() {
    procspawn::init();
    let pool = Pool::new(1).expect("a pool starts");
    let mut task = pool.spawn(7, |value| value);
    let first = task.join_timeout(Duration::from_secs(30));
    let second = task.join_timeout(Duration::from_secs(30));
    println!("asked once: {first:?}; asked again: {second:?}");
    pool.kill();
    exit(if first.is_ok() && second.is_err() { 0 } else { 1 });
}
