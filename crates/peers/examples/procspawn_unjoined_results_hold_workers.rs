//! procspawn: a worker whose result has not been joined takes no other task, and shutdown waits for it.

use std::process::exit;
use std::sync::mpsc;
use std::time::Duration;

use procspawn::Pool;

fn main() {
    procspawn::init();
    let pool = Pool::new(1).expect("a pool starts");
    let _first = pool.spawn(1, |value| value);
    let mut second = pool.spawn(2, |value| value);
    let outcome = second.join_timeout(Duration::from_secs(5));
    let starved = matches!(&outcome, Err(error) if error.is_timeout());
    println!("the second of two short tasks, of which nobody joins the first: {outcome:?}");

    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        pool.shutdown();
        ended.send(()).ok();
    });
    let hangs = end.recv_timeout(Duration::from_secs(5)).is_err();
    println!("shutdown is still waiting after five seconds: {hangs}");
    exit(if starved && hangs { 0 } else { 1 });
}
