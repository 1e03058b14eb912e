//! A big read-only table, loaded once and shared by all workers.
//!
//! `table [MIB [FILE]]` writes a table of 1,024 MiB, or of as many as it is told, to FILE or to a
//! temporary file. Then four workers look up a million entries three times: in memory that the
//! forkserver has loaded before it forked them (`preload`), in a copy of its own in each worker, and
//! in the file, mapped by each spawned worker. The program prints the time and the memory that
//! the workers and their forkserver use together (PSS). Last it shows what a mapped file costs: it
//! must not shrink.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::sync::OnceLock;
use std::time::Instant;

use memmap2::Mmap;
use procpool::{DeathPolicy, EventKind, Events, ProcessPoolExecutor, StartMethod};

const WORKERS: usize = 4;
const LOOKUPS: u64 = 1_000_000;
/// How many of them a task makes.
const TASK: u64 = 10_000;
/// The environment variable with the table's path. `preload` has no arguments.
const VARIABLE: &str = "RECIPE_TABLE";

static PRELOADED: OnceLock<Vec<u8>> = OnceLock::new();

type Table = Box<dyn AsRef<[u8]>>;

/// The entry of the table at `index`; also a way to spread indices.
fn entry(index: u64) -> u64 {
    (index ^ (index >> 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn preload() {
    let path = std::env::var(VARIABLE).expect("the program sets it");
    // A panic here breaks the pool, and its message is the cause.
    PRELOADED.get_or_init(|| fs::read(path).expect("the table was written"));
}

fn open((way, path): (String, String)) -> Result<Table, std::io::Error> {
    Ok(match &*way {
        "preloaded" => Box::new(PRELOADED.get().map_or(&[][..], |table| table)),
        // SAFETY: nobody changes the file while workers have it mapped, but for the last step, which
        // shrinks it: that ends the worker, before it sees anything else.
        "mapped" => Box::new(unsafe { Mmap::map(&File::open(path)?) }?),
        _ => Box::new(fs::read(path)?),
    })
}

/// Looks up `TASK` entries and counts those that are right.
fn look_up(table: &mut Table, first: u64) -> usize {
    let (entries, _) = (**table).as_ref().as_chunks::<8>();
    let is_right = |n: &u64| {
        let index = entry(*n) % entries.len() as u64;
        u64::from_ne_bytes(entries[index as usize]) == entry(index)
    };
    (first..first + TASK).filter(is_right).count()
}

/// The number behind `name` in a file of /proc.
fn number(path: String, name: &str) -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
}

/// The memory in MiB of the workers so far and of the process that has forked them, each shared page
/// divided by those that share it.
fn memory(mut events: Events) -> Result<u64, Box<dyn Error>> {
    let mut pids = Vec::new();
    while let Some(event) = events.try_next() {
        if let EventKind::WorkerStarted(worker) = event.kind {
            pids.extend([
                u64::from(worker.pid),
                number(format!("/proc/{}/status", worker.pid), "PPid:")?,
            ]);
        }
    }
    pids.sort_unstable();
    pids.dedup();
    pids.retain(|pid| *pid != u64::from(std::process::id()));
    let kib = pids.iter().map(|pid| number(format!("/proc/{pid}/smaps_rollup"), "Pss:"));
    Ok(kib.sum::<Result<u64, _>>()? >> 10)
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let mut arguments = std::env::args().skip(1);
    let mib: u64 = arguments.next().map_or(Ok(1_024), |text| text.parse())?;
    let temporary = std::env::temp_dir().join(format!("procpool-table-{}", std::process::id()));
    let path = arguments.next().unwrap_or(temporary.display().to_string());
    let mut file = BufWriter::new(File::create(&path)?);
    (0..mib << 17).try_for_each(|index| file.write_all(&entry(index).to_ne_bytes()))?;
    file.flush()?;
    for way in ["preloaded", "copied", "mapped"] {
        let mut builder = ProcessPoolExecutor::builder()
            .max_workers(WORKERS)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .env(VARIABLE, &path);
        if way == "preloaded" {
            builder = builder.start_method(StartMethod::Forkserver).preload(preload);
        }
        let executor =
            builder.initializer_with_args(open, (way.to_owned(), path.clone())).build()?;
        let (began, events) = (Instant::now(), executor.events());
        executor.start_workers(WORKERS).result()?;
        let loaded = began.elapsed();
        let firsts = (0..LOOKUPS).step_by(TASK as usize);
        let right = executor.map_with(look_up, firsts).sum::<Result<usize, _>>()?;
        let took = began.elapsed() - loaded;
        println!(
            "{way}: {right} lookups in {took:.1?}, loaded in {loaded:.1?}, {} MiB",
            memory(events)?
        );
        if way == "mapped" {
            File::options().write(true).open(&path)?.set_len(4_096)?;
            match executor.submit_with(look_up, 0).result() {
                Ok(right) => println!("after it shrank: {right} lookups"),
                Err(error) => println!("after it shrank: {error}"),
            }
        }
    }
    fs::remove_file(&path)?;
    Ok(())
}
