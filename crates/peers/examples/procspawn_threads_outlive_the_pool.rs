//! procspawn: threads that watch the workers end only some time after the pool was shut down and dropped.

use std::process::exit;

use procspawn::Pool;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("/proc is there").count()
}

fn main() {
    procspawn::init();
    for round in 1..=200 {
        let pool = Pool::new(2).expect("a pool starts");
        pool.spawn((), |()| ()).join().expect("a task runs");
        pool.shutdown();
        drop(pool);
        let left = threads() - 1;
        if left > 0 {
            println!("in round {round}, {left} threads are there when the pool has been dropped");
            while threads() > 1 {
                std::thread::yield_now();
            }
            println!("later they are not");
            exit(0);
        }
    }
    exit(1);
}
