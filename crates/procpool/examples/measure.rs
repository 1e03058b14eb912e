//! Measures the pool against the limits of the machine it runs on, in one run.
//!
//! ```text
//! cargo run --release --package procpool --example measure
//! ```
//!
//! Every line is a figure of the pool, what it is compared with, and the ratio. Contenders take
//! turns in short blocks, and ratios are medians over the blocks, so a machine that changes its
//! pace does not change the verdict. Absolute times are this machine's and of this moment.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio, exit};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;
use procpool::ProcessPoolExecutor;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn noop(_: u64) -> u64 {
    0
}

fn initializer() {}

fn main() -> Outcome {
    procpool::init();
    match std::env::args().nth(1).as_deref() {
        Some("return") => return Ok(()),
        Some("echo") => echo(),
        _ => {}
    }
    cold_start()?;
    round_trip("wherever the scheduler puts them", None)?;
    round_trip("both ends on one CPU", Some((0, 0)))?;
    round_trip("one CPU each", Some((0, 1)))?;
    map_throughput()?;
    idle()?;
    queued_memory()?;
    descriptors()
}

fn pool(workers: usize) -> Outcome<ProcessPoolExecutor> {
    Ok(ProcessPoolExecutor::builder().max_workers(workers).build()?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn report(what: &str, ours: f64, theirs: f64, ratio: f64, unit: &str) {
    println!("{what}: {ours:.1} {unit}, compared with {theirs:.1} {unit}: ratio {ratio:.2}");
}

/// Runs both in turn and reports medians and the median of the ratios.
fn compare(
    what: &str,
    blocks: usize,
    mut ours: impl FnMut() -> Outcome<f64>,
    mut theirs: impl FnMut() -> Outcome<f64>,
) -> Outcome {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..blocks {
        a.push(ours()?);
        b.push(theirs()?);
    }
    let ratios = a.iter().zip(&b).map(|(a, b)| a / b).collect();
    report(what, median(a), median(b), median(ratios), "µs");
    Ok(())
}

/// The first result of a cold pool of two, against this executable started, returning and reaped.
fn cold_start() -> Outcome {
    compare(
        "first result of a cold pool of two",
        31,
        || {
            let started = Instant::now();
            let executor = ProcessPoolExecutor::builder().max_workers(2).initializer(initializer);
            let executor = executor.build()?;
            let (first, _second) = (executor.submit(noop, 0), executor.submit(noop, 0));
            first.result()?;
            Ok(micros(started.elapsed()))
        },
        || {
            let started = Instant::now();
            let mut command = Command::new("/proc/self/exe");
            command.arg("return").stdin(Stdio::null()).status()?;
            Ok(micros(started.elapsed()))
        },
    )
}

/// Keeps the calling thread, and what it starts from now on, on one CPU.
fn pin(cpu: usize) -> Outcome {
    let mut cpus = CpuSet::new();
    cpus.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &cpus)?)
}

/// `submit(noop).result()`, against 64 bytes there and back over a socket pair. `cpus` are the
/// asking side's and the answering side's, for both contenders alike.
fn round_trip(how: &str, cpus: Option<(usize, usize)>) -> Outcome {
    const BLOCK: u32 = 200;
    let before = sched_getaffinity(Pid::from_raw(0))?;
    if let Some((_, answering)) = cpus {
        pin(answering)?;
    }
    let executor = pool(1)?;
    executor.submit(noop, 0).result()?;
    let (mut socket, peer) = UnixStream::pair()?;
    let mut child = Command::new("/proc/self/exe")
        .arg("echo")
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(peer)))
        .spawn()?;
    if let Some((asking, _)) = cpus {
        pin(asking)?;
    }
    compare(
        &format!("submit and result, {how}"),
        201,
        || {
            let started = Instant::now();
            for number in 0..BLOCK {
                executor.submit(noop, u64::from(number)).result()?;
            }
            Ok(micros(started.elapsed()) / f64::from(BLOCK))
        },
        || {
            let started = Instant::now();
            let mut bytes = [7; 64];
            for _ in 0..BLOCK {
                socket.write_all(&bytes)?;
                socket.read_exact(&mut bytes)?;
            }
            Ok(micros(started.elapsed()) / f64::from(BLOCK))
        },
    )?;
    drop(socket);
    child.wait()?;
    sched_setaffinity(Pid::from_raw(0), &before)?;
    Ok(())
}

/// The other end of the raw round trip: its stdin is a socket.
fn echo() -> ! {
    use std::os::fd::AsFd;
    let Ok(fd) = std::io::stdin().as_fd().try_clone_to_owned() else { exit(1) };
    let mut socket = UnixStream::from(fd);
    let mut bytes = [0; 64];
    while socket.read_exact(&mut bytes).is_ok() && socket.write_all(&bytes).is_ok() {}
    exit(0)
}

/// Ten million items through `map`.
fn map_throughput() -> Outcome {
    const ITEMS: u64 = 10_000_000;
    let executor = pool(2)?;
    executor.submit(noop, 0).result()?;
    for (how, chunksize) in [("a chunk of 1,000", Some(1_000)), ("adaptive chunks", None)] {
        let mut rates = Vec::new();
        for _ in 0..3 {
            let started = Instant::now();
            let results = match chunksize {
                Some(size) => executor.chunksize(size).map(|x: u64| x + 1, 0..ITEMS),
                None => executor.map(|x: u64| x + 1, 0..ITEMS),
            };
            let mut expected = 0;
            for result in results {
                expected += 1;
                assert_eq!(result?, expected);
            }
            assert_eq!(expected, ITEMS);
            rates.push(ITEMS as f64 / started.elapsed().as_secs_f64() / 1e6);
        }
        println!("map of 10,000,000 items, {how}: {:.1} million items/s", median(rates));
    }
    Ok(())
}

/// Processor time and wake-ups of parent and workers while nothing is to be done.
fn idle() -> Outcome {
    let executor = pool(2)?;
    let workers: Vec<u32> =
        executor.chunksize(1).map(|()| std::process::id(), [(), ()]).collect::<Result<_, _>>()?;
    // They look for more work for some microseconds before they sleep.
    std::thread::sleep(Duration::from_millis(100));
    let before = usage_of(&workers)?;
    std::thread::sleep(Duration::from_secs(5));
    let after = usage_of(&workers)?;
    println!(
        "idle for 5 s: {} clock ticks and {} wake-ups in parent and workers (one is this program's own)",
        after.0 - before.0,
        after.1 - before.1
    );
    Ok(())
}

/// Clock ticks and voluntary context switches of this process and `workers`, all threads.
fn usage_of(workers: &[u32]) -> Outcome<(u64, u64)> {
    let (mut ticks, mut switches) = (0, 0);
    for pid in workers.iter().copied().chain([std::process::id()]) {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            let line =
                status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            switches += line.unwrap_or_default().trim().parse::<u64>()?;
        }
    }
    Ok((ticks, switches))
}

fn resident_bytes() -> Outcome<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(pages * 4096)
}

/// What a million queued tasks cost in the parent.
fn queued_memory() -> Outcome {
    const TASKS: u64 = 1_000_000;
    let executor = pool(1)?;
    // Occupies the only worker until it is killed.
    let busy = executor.submit(|()| std::thread::park(), ());
    while !busy.running() {
        std::thread::yield_now();
    }
    let before = resident_bytes()?;
    let mut futures = Vec::with_capacity(TASKS as usize);
    futures.extend((0..TASKS).map(|number| executor.submit(noop, number)));
    let handles = TASKS * size_of_val(&futures[0]) as u64;
    let each = (resident_bytes()? - before) as f64 / TASKS as f64;
    println!(
        "a million queued tasks: {each:.0} bytes each in the parent, {:.0} of them the future that \
         the caller holds",
        handles as f64 / TASKS as f64
    );
    executor.kill_workers();
    Ok(())
}

/// Ten thousand queued tasks of 1 MiB with at most 256 descriptors.
fn descriptors() -> Outcome {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, 256, hard)?;
    let count = || Ok::<_, std::io::Error>(fs::read_dir("/proc/self/fd")?.count() - 1);
    let executor = pool(2)?;
    executor.submit(noop, 0).result()?;
    let before = count()?;
    let started = Instant::now();
    let payload = vec![1_u8; 1 << 20];
    let length = |bytes: Vec<u8>| bytes.len();
    let futures: Vec<_> = (0..10_000).map(|_| executor.submit(length, payload.clone())).collect();
    let queued = count()?;
    for future in futures {
        assert_eq!(future.result()?, 1 << 20);
    }
    println!(
        "10,000 tasks of 1 MiB under `ulimit -n 256`: {before} descriptors before, {queued} when \
         queued, done after {:.1} s",
        started.elapsed().as_secs_f64()
    );
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
    Ok(())
}
