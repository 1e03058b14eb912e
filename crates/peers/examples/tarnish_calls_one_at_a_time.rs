//! tarnish: a pool runs one task at a time, since call borrows it until its task has ended.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Sleeps;

impl tarnish::Task for Sleeps {
    type Input = ();
    type Output = u32;
    type Error = String;
    fn run(&mut self, (): ()) -> Result<u32, String> {
        std::thread::sleep(Duration::from_secs(1));
        Ok(std::process::id())
    }
}

fn main() {
    tarnish::main::<Sleeps>(|| {
        let size = NonZeroUsize::MIN.saturating_add(2);
        let mut pool = tarnish::ProcessPool::<Sleeps>::new(size).expect("a pool starts");
        let begin = Instant::now();
        let workers = [(); 3].map(|()| pool.call(()).expect("a task runs"));
        let took = begin.elapsed();
        println!("three tasks of a second, in the workers {workers:?}, took {took:.1?}");
        std::process::exit(i32::from(took < Duration::from_secs(3)));
    });
}
