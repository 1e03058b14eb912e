//! The memory of an idle worker and of a pending task.
//!
//! *Workers*: the proportional set size of each, from `smaps_rollup`: private pages, and a share of those
//! that several processes map, so it falls with every further worker and grows with the program: most of
//! it is the executable and the C library, divided by three. So it is measured in a minimal program
//! (`idle_workers`), not in this one, which is several times as large. Both of its two workers count; the
//! figure is the larger one.
//!
//! *Pending tasks*, for the row `submit-all`: a million tasks of one byte wait for a busy worker; the
//! growth of this process's resident memory, per task. It is measured in a child of its own, with a fresh
//! heap: here, pending tasks would reuse memory that other rows have freed, and seem to cost nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use procpool_testkit::program;

use crate::Outcome;
use crate::bench::Bench;
use crate::limits::child::Role;
use crate::pools::{self, Gates, noop_byte, pool};
use crate::row::{Figure, Row};
use crate::statistics::{largest, median};
use crate::target::{Target, number};

const WAITING: usize = 1_000_000;

/// The row `memory`.
pub(crate) fn memory(bench: &Bench) -> Outcome<Row> {
    let mut row = Row::new("memory", "the proportional set size of an idle worker");
    let (mut blocks, mut private) = (Vec::new(), Vec::new());
    let program = program::path_alone("idle_workers");
    for _ in 0..bench.rounds(5, 15) {
        let mut idle =
            Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = idle.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let workers: Vec<u32> = serde_json::from_str(&line)?;
        let sizes = workers.iter().map(|pid| rollup(*pid, "Pss:")).collect::<Outcome<Vec<_>>>()?;
        blocks.push(largest(&sizes));
        private.push(rollup(workers[0], "Private_Dirty:")?);
        drop(idle.stdin.take());
        idle.wait()?;
    }
    let figure = Figure::judged("of a worker", "KiB", blocks, Target::AtMost(600.0));
    let private = number(median(&private));
    row.figures.push(figure.with_note(format!("{private} of them written by that worker alone")));
    Ok(row)
}

/// A line of a process's `smaps_rollup`, in KiB.
fn rollup(pid: u32, name: &str) -> Outcome<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let size = line.ok_or_else(|| format!("the kernel does not report {name}"))?;
    Ok(size.trim_end_matches("kB").trim().parse()?)
}

/// The memory of a pending task in this process, besides its payload.
pub(crate) fn of_queued_tasks(rounds: usize) -> Outcome<Figure> {
    let (mut blocks, mut handle) = (Vec::new(), 0.0);
    for _ in 0..rounds {
        let output = Role::QueuedMemory.command().output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers = text.split_whitespace().map(str::parse);
        let numbers: Vec<f64> = numbers.collect::<Result<_, _>>()?;
        let [each, of_handle] = numbers[..] else {
            return Err(format!("no memory of waiting tasks: {}", output.status).into());
        };
        blocks.push(each - 1.0);
        handle = of_handle;
    }
    let figure = Figure::judged("a waiting task", "bytes", blocks, Target::AtMost(120.0));
    Ok(figure.with_note(format!("{handle} of them the future that the caller holds")))
}

/// The child: prints bytes per pending task, and those of the caller's handle.
pub(crate) fn print_queued() -> Outcome {
    let executor = pool(1)?;
    let gates = Gates::new()?;
    // Occupies the only worker until it is killed.
    let busy = executor.submit(pools::touch_and_park, (0, gates.arrived.path()));
    gates.arrived.take(1, pools::PATIENCE)?;
    let before = resident_bytes()?;
    let mut futures = Vec::with_capacity(WAITING);
    futures.extend((0..WAITING).map(|_| executor.submit(noop_byte, 0)));
    let handle = size_of_val(&futures[0]);
    let each = (resident_bytes()? - before) / WAITING as f64;
    println!("{each} {handle}");
    executor.kill_workers();
    drop((busy, futures));
    Ok(())
}

fn resident_bytes() -> Outcome<f64> {
    Ok(rollup(std::process::id(), "Rss:")? * 1024.0)
}
