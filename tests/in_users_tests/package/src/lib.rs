//! A user's crate, whose tests use pools. Tests run its tests, each in its own way.
//!
//! ```
//! fn triple(x: u32) -> u32 {
//!     3 * x
//! }
//!
//! fn main() -> Result<(), procpool::Error> {
//!     procpool::init();
//!     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
//!     let tripled: Vec<u32> = executor.map(triple, 0..5).collect::<Result<_, _>>()?;
//!     assert_eq!(tripled, [0, 3, 6, 9, 12]);
//!     Ok(())
//! }
//! ```

/// A function that is tested in a pool.
///
/// ```
/// # fn main() {
/// procpool::init();
/// let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build().unwrap();
/// assert_eq!(executor.submit(users_crate::square, 7).result(), Ok(49));
/// # }
/// ```
pub fn square(x: u32) -> u32 {
    x * x
}

#[cfg(test)]
procpool::init_tests!();

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use procpool::{Error, ProcessPoolExecutor};

    use super::square;

    fn pool(max_workers: usize) -> ProcessPoolExecutor {
        ProcessPoolExecutor::builder().max_workers(max_workers).build().unwrap()
    }

    fn pid(_: ()) -> u32 {
        std::process::id()
    }

    #[test]
    fn maps() {
        let squares: Result<Vec<u32>, Error> = pool(2).map(square, 0..100).collect();
        assert_eq!(squares, Ok((0..100).map(square).collect()));
    }

    #[test]
    fn submits() {
        assert_eq!(pool(1).submit(square, 9).result(), Ok(81));
    }

    #[test]
    fn has_several_pools_at_once() {
        let pools = [pool(1), pool(1), pool(1)];
        let pids: HashSet<u32> =
            pools.iter().map(|pool| pool.submit(pid, ()).result().unwrap()).collect();
        assert_eq!(pids.len(), 3);
    }

    #[test]
    fn uses_pools_on_several_threads() {
        let on_thread = |x| std::thread::spawn(move || pool(1).submit(square, x).result());
        let threads = [2, 3, 4].map(on_thread);
        assert_eq!(threads.map(|thread| thread.join().unwrap()), [Ok(4), Ok(9), Ok(16)]);
    }

    #[test]
    fn shares_one_pool_between_threads() {
        let pool = pool(2);
        let pool = &pool;
        std::thread::scope(|scope| {
            for x in 0..4 {
                scope.spawn(move || assert_eq!(pool.submit(square, x).result(), Ok(x * x)));
            }
        });
    }

    #[test]
    fn sees_panics_of_tasks() {
        let pool = pool(1);
        let error = pool.submit(|x: u32| -> u32 { panic!("no {x}") }, 1).error();
        let Some(Error::Panicked(panic)) = error else { panic!("{error:?}") };
        assert_eq!(panic.message, "no 1");
        assert_eq!(pool.submit(square, 2).result(), Ok(4));
    }
}
