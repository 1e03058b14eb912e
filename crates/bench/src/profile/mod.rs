//! Where the time goes: loops under perf(1), their samples grouped by step.
//!
//! ```text
//! Recorder ── perf record ──▶ a load (loads): this program again ──▶ how fast it was
//!     │
//!     └────── perf script ──▶ samples, each with a symbol ──▶ steps ──▶ report::profile
//! ```
//!
//! A figure of this profile is CPU time: samples of a step, times the sampling period, divided by
//! the operations that the loop did. Each load runs in several short rounds. Those that were slower
//! than the best by more than [`SLACK`] had to share the CPUs with somebody, and do not count; of
//! the others a step has the median. What can mislead:
//!
//! - The compiler inlines. A function that was inlined counts for the one that it is part of, so the
//!   border between two steps is the border between two symbols.
//! - `malloc`, `memcpy` and the clock are called from everywhere, and are steps of their own.
//! - A thread that spins is on its CPU, so waiting has samples too. A thread that sleeps has none.
//! - The timer that takes samples costs a little itself: some per cent at most at this rate.

mod loads;
mod perf;
mod steps;

use std::path::Path;
use std::time::Duration;

use loads::{Done, LOADS, Load};
use steps::{Side, Tally};

use crate::Outcome;
use crate::machine::Machine;
use crate::report::profile::{LoadProfile, Profile};
use crate::target::number;

/// How often each load runs. More finds a quiet moment on a busy machine; fewer end sooner.
const ROUNDS: usize = 9;
/// How long a round is. Longer has more samples; shorter is disturbed less often.
const ROUND: Duration = Duration::from_secs(2);
/// How much slower than the best a round may be that counts. More lets in rounds in which the
/// load had to share its CPUs; less leaves few.
const SLACK: f64 = 1.15;

/// Plays the part of a profiled process if the command line says so.
pub(crate) fn play(words: &[String]) -> Option<Outcome> {
    let [word, name] = words else { return None };
    let load = LOADS.iter().find(|load| load.name == name);
    let load = load.filter(|_| word == perf::PART)?;
    let report = |done: Done| {
        println!("{}", serde_json::to_string(&done)?);
        Ok(())
    };
    Some(load.run(ROUND).and_then(report))
}

/// Profiles every load, writes `profile.json` and says where.
pub(crate) fn run(folder: &Path) -> Outcome {
    let loads = LOADS.iter().map(measure).collect::<Outcome<Vec<_>>>()?;
    let profile = Profile {
        machine: Machine::here()?,
        command: "just profile".to_owned(),
        hertz: perf::HERTZ,
        rounds: ROUNDS,
        loads,
    };
    println!("{}", profile.write(folder)?.display());
    Ok(())
}

fn measure(load: &Load) -> Outcome<LoadProfile> {
    let mut rounds: Vec<(Done, Tally)> = Vec::new();
    for _ in 0..ROUNDS {
        let (done, samples) = perf::record(load)?;
        rounds.push((done, Tally::new(&done, &samples)));
        eprintln!("{}: {} ns", load.name, number(done.nanos));
    }
    let best = rounds.iter().map(|(done, _)| done.nanos).fold(f64::INFINITY, f64::min);
    rounds.retain(|(done, _)| done.nanos <= best * SLACK);
    let nanos: Vec<f64> = rounds.iter().map(|(done, _)| done.nanos).collect();
    let tallies: Vec<&Tally> = rounds.iter().map(|(_, tally)| tally).collect();
    Ok(LoadProfile {
        name: load.name.to_owned(),
        title: load.title.to_owned(),
        operation: load.operation.to_owned(),
        nanos: crate::statistics::median(&nanos),
        counted: rounds.len(),
        sides: Side::ALL.iter().map(|side| steps::side(*side, &tallies)).collect(),
    })
}
