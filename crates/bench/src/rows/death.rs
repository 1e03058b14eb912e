//! From `kill -9` of a worker until the future of its task has failed.
//!
//! For a small worker, a time. For workers that have touched 64 and 512 MiB, the excess over the raw
//! figure: a child of this same program with as much memory, killed and waited for, in turn with the
//! worker. The kernel frees the memory before it notifies any process, 85 µs per MiB, so a ratio would be
//! flattering and an absolute time would judge the kernel. Every death has a new pool.

use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Outcome;
use crate::bench::{Bench, empty_chart};
use crate::limits::child;
use crate::pools::{self, Gates, pool};
use crate::row::{Better, Chart, Contender, Figure, Kind, Row, Sample};
use crate::statistics::differences;
use crate::target::{Target, number};
use crate::timing::{mean_of, nanos_of};

/// The memory that the workers have touched, and the rounds of a quick and of a full run. The time for
/// freeing memory varies by some milliseconds: a death by itself is a small difference of large numbers.
const SIZES: [(usize, &str, (usize, usize)); 2] =
    [(64 << 20, "64 MiB", (61, 301)), (512 << 20, "512 MiB", (31, 91))];

/// The row `death`.
pub(crate) fn death(bench: &Bench) -> Outcome<Row> {
    let mut row = Row::new("death", "from kill -9 of a worker until its task's future has failed");
    let mut small = Contender::new("procpool", Kind::Procpool);
    for _ in 0..bench.rounds(51, 201) {
        small.record(worker(4096)?);
    }
    let millis = small.blocks.iter().map(|micros| micros / 1e3).collect();
    let p99 = number(small.micros(0.99).unwrap_or(f64::NAN) / 1e3);
    let figure = Figure::judged("small worker, p50", "ms", millis, Target::AtMost(0.5));
    row.figures.push(figure.with_note(format!("p99 {p99} ms")));
    for (bytes, size, (quick, full)) in SIZES {
        let (us, raw) = bench.duel(
            bench.rounds(quick, full),
            &mut || worker(bytes),
            "kill and waitpid",
            &mut || raw(bytes),
        )?;
        let beyond = differences(&us.blocks, &raw.blocks).iter().map(|us| us / 1e3).collect();
        let note = format!(
            "{} ms; kill and waitpid {} ms",
            number(us.median() / 1e3),
            number(raw.median() / 1e3)
        );
        let name = format!("{size}, beyond kill and waitpid");
        let figure = Figure::judged(name, "ms", beyond, Target::AtMost(0.3));
        row.figures.push(figure.with_note(note));
        let name = format!("death-{}", size.to_lowercase().replace(' ', "-"));
        let title = format!("From SIGKILL to a failed future, worker of {size}");
        let chart = empty_chart(&name, &title, "µs", Better::Lower);
        row.charts.push(Chart { contenders: vec![us, raw], ..chart });
    }
    Ok(row)
}

fn worker(bytes: usize) -> Outcome<Sample> {
    let executor = pool(1)?;
    let gates = Gates::new()?;
    let pid = *gates.fill(&executor, 1)?.first().ok_or("no worker")?;
    let future = executor.submit(pools::touch_and_park, (bytes, gates.arrived.path()));
    gates.arrived.take(1, pools::PATIENCE)?;
    let pid = Pid::from_raw(i32::try_from(pid)?);
    let before = Instant::now();
    kill(pid, Signal::SIGKILL)?;
    let outcome = future.result();
    let took = nanos_of(before.elapsed());
    match outcome {
        Err(procpool::Error::BrokenProcessPool(_)) => Ok(mean_of(vec![took])),
        other => Err(format!("the outcome of the killed worker's task is {other:?}").into()),
    }
}

fn raw(bytes: usize) -> Outcome<Sample> {
    let gates = Gates::new()?;
    let mut child = child::holding(bytes, &gates.arrived)?;
    let before = Instant::now();
    child.kill()?;
    child.wait()?;
    Ok(mean_of(vec![nanos_of(before.elapsed())]))
}
