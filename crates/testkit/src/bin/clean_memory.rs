//! Sends much data through a pool of one worker, again and again, and prints the growth of this program's
//! and its worker's allocated memory, as lines of JSON.
//!
//! Counts the allocated bytes in each process: unlike the size of a process, they do not depend on memory
//! that the allocator keeps.
//!
//! It has an executable of its own because its allocator counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

use procpool::{Error, ProcessPoolExecutor};
use serde_json::json;

/// The number of bytes that are allocated now.
static LIVE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, with a count.
struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which fulfils the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_add(size as i64 - layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A payload.
const LONG: usize = 1 << 20;

fn live(_: ()) -> i64 {
    LIVE.load(Ordering::Relaxed)
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

fn refuse(bytes: Vec<u8>) {
    panic!("{} bytes are too many", bytes.len());
}

/// A load, repeated `rounds` times.
type Load = fn(&ProcessPoolExecutor, rounds: usize) -> Result<(), Error>;

/// The loads, with their numbers of rounds.
const LOADS: [(&str, Load, usize); 4] = [
    ("long tasks", long_tasks, 300),
    ("long tasks whose futures were dropped", dropped_futures, 300),
    ("long tasks that panicked", panics, 300),
    ("short tasks", short_tasks, 10_000),
];

fn long_tasks(executor: &ProcessPoolExecutor, rounds: usize) -> Result<(), Error> {
    (0..rounds).try_for_each(|_| executor.submit(echo, vec![1; LONG]).result().map(drop))
}

fn dropped_futures(executor: &ProcessPoolExecutor, rounds: usize) -> Result<(), Error> {
    for _ in 0..rounds / 10 {
        (0..10).for_each(|_| drop(executor.submit(echo, vec![1; LONG])));
        // The only worker takes them in order: after this one, they are done.
        executor.submit(|()| (), ()).result()?;
    }
    Ok(())
}

fn panics(executor: &ProcessPoolExecutor, rounds: usize) -> Result<(), Error> {
    for _ in 0..rounds {
        let error = executor.submit(refuse, vec![1; LONG]).error();
        assert!(matches!(error, Some(Error::Panicked(_))), "{error:?}");
    }
    Ok(())
}

fn short_tasks(executor: &ProcessPoolExecutor, rounds: usize) -> Result<(), Error> {
    let futures: Vec<_> =
        (0..rounds).map(|_| executor.submit(|text: String| text, "short".to_owned())).collect();
    futures.iter().try_for_each(|future| future.result().map(drop))
}

/// Reads a map of long results; returns by how much the allocated memory of this program once exceeded the
/// results still to be read.
fn excess_of_a_map(executor: &ProcessPoolExecutor) -> Result<i64, Error> {
    let before = live(());
    let mut results =
        executor.map_options().chunksize(1).map(|length: usize| vec![1_u8; length], [LONG; 64]);
    let mut most = 0;
    while let Some(result) = results.next() {
        drop(result?);
        let to_be_read = (results.size_hint().0 * LONG) as i64;
        most = most.max(live(()) - before - to_be_read);
    }
    Ok(most)
}

fn main() -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(1).build()?;
    let measure = || Ok::<_, Error>([live(()), executor.submit(live, ()).result()?]);
    for (name, load, rounds) in LOADS {
        // Memory that is kept for reuse does not count here.
        load(&executor, 20)?;
        let before = measure()?;
        load(&executor, rounds)?;
        let after = measure()?;
        let [parent, worker] = [after[0] - before[0], after[1] - before[1]];
        println!("{}", json!({"load": name, "parent": parent, "worker": worker}));
    }
    println!("{}", json!({"excess_of_a_map": excess_of_a_map(&executor)?}));
    Ok(())
}
