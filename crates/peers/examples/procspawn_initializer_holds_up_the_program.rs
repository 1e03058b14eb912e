//! procspawn: Pool::new returns only when all workers, one after another, have run config_callback.

use std::process::exit;
use std::time::{Duration, Instant};

use procspawn::{Pool, ProcConfig};

fn main() {
    ProcConfig::new().config_callback(|| std::thread::sleep(Duration::from_secs(2))).init();
    let begin = Instant::now();
    let pool = Pool::new(2).expect("a pool starts");
    let waited = begin.elapsed();
    println!("Pool::new(2) took {waited:.1?} where each worker initializes itself for two seconds");
    pool.kill();
    exit(if waited >= Duration::from_secs(4) { 0 } else { 1 });
}
