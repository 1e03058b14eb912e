//! A C library that crashes, leaks and runs out of memory, called safely.
//!
//! `c_library` calls it with ten texts, of which one crashes it; then forty times, and prints how
//! large a worker gets with and without recycling, although every call leaks 4 MiB; then with more
//! work than the workers' memory limit allows. It prints what the program learns of each.

use std::error::Error;
use std::ffi::{CString, c_char, c_int, c_long};
use std::fs;

use nix::sys::resource::{Resource, setrlimit};
use procpool::{Builder, DeathPolicy, ProcessPoolExecutor};

#[link(name = "fragile", kind = "static")]
unsafe extern "C" {
    fn fragile_sum(digits: *const c_char) -> c_long;
    safe fn fragile_fill(bytes: usize) -> c_int;
}

/// The address space of a worker: that of the program, and 256 MiB.
const LIMIT: u64 = 512 << 20;

fn sum(digits: String) -> Result<i64, String> {
    let digits = CString::new(digits).map_err(|error| error.to_string())?;
    // SAFETY: the text ends with a zero and outlives the call. Any damage by the library is
    // limited to a process that nobody else depends on.
    Ok(unsafe { fragile_sum(digits.as_ptr()) })
}

/// Calls the library and returns how many MiB of this worker are resident.
fn resident_after(digits: String) -> Result<u64, String> {
    sum(digits)?;
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.ok_or("the kernel does not say")? >> 10)
}

fn builder() -> Builder {
    let policy = DeathPolicy::Replace { retries: 0 };
    ProcessPoolExecutor::builder().max_workers(2).death_policy(policy)
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let executor = builder().build()?;
    let texts = (0..10).map(|n| if n == 6 { "12x".to_owned() } else { (n * 111).to_string() });
    for (text, sum) in texts.clone().zip(executor.map_options().chunksize(1).map(sum, texts)) {
        match sum {
            Ok(sum) => println!("{text}: {}", sum?),
            Err(error) => println!("{text}: {error}"),
        }
    }

    for (name, limit) in [("never", u64::MAX), ("after 5 calls", 5)] {
        let executor = builder().max_tasks_per_child(limit).build()?;
        let calls = (0..40).map(|n| n.to_string());
        let sizes = executor.map_options().chunksize(1).map(resident_after, calls);
        let sizes = sizes.map(|size| Ok(size??)).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        let (largest, restarts) = (sizes.iter().max(), executor.stats().restarts);
        println!("recycled {name}: at most {} MiB, {restarts} restarts", largest.unwrap_or(&0));
    }

    let limited = builder()
        .capture_stderr(5)
        .initializer_with_args(|bytes| setrlimit(Resource::RLIMIT_AS, bytes, bytes), LIMIT)
        .build()?;
    for mib in [100, 1_000, 100] {
        match limited.submit(|bytes| fragile_fill(bytes), mib << 20).result() {
            Ok(_) => println!("{mib} MiB: filled"),
            Err(error) => println!("{mib} MiB: {error}"),
        }
    }
    Ok(())
}
