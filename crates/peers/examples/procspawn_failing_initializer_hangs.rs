//! procspawn: if a worker ends in the program's config_callback, Pool::new waits for it forever.

use std::process::exit;
use std::sync::mpsc;
use std::time::Duration;

use procspawn::{Pool, ProcConfig};

fn main() {
    ProcConfig::new().config_callback(|| exit(3)).init();
    let (made, make) = mpsc::channel();
    std::thread::spawn(move || made.send(Pool::new(1)).ok());
    let outcome = make.recv_timeout(Duration::from_secs(5));
    println!("Pool::new after five seconds, its worker has ended: {outcome:?}");
    exit(if outcome.is_err() { 0 } else { 1 });
}
