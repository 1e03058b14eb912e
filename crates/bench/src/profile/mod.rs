//! Where the time goes: loops under perf(1), their samples grouped by step.
//!
//! ```text
//! Recorder ── perf record ──▶ a load (loads): this program again ──▶ how fast it was
//!     │
//!     └────── perf script ──▶ samples, each with a symbol ──▶ steps ──▶ report::profile
//! ```
//!
//! A figure of this profile is CPU time: samples of a step, times the sampling period, divided by the
//! number of operations of the loop. Each load runs in several short rounds. Rounds that were slower than
//! the best by more than [`SLACK`] had to share the CPUs with other programs, and do not count; a step has
//! the median of the others. Pitfalls:
//!
//! - The compiler inlines. An inlined function counts for the one that contains it, so the border between
//!   two steps is the border between two symbols.
//! - `malloc`, `memcpy` and the clock are called from everywhere, and are steps of their own.
//! - A spinning thread uses its CPU, so waiting has samples too. A sleeping thread has none.
//! - The sampling timer itself costs a little: some per cent at most at this rate.

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

/// How often each load runs. More runs find a quiet moment on a busy machine; fewer end sooner.
const ROUNDS: usize = 9;
/// The length of a round. A longer one has more samples; a shorter one is disturbed less often.
const ROUND: Duration = Duration::from_secs(2);
/// By how much a round may be slower than the best and still count. A larger value lets in rounds in which
/// the load had to share its CPUs; a smaller one leaves few.
const SLACK: f64 = 1.15;

/// Runs as a profiled process if the command line says so.
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

/// Profiles every load, writes `profile.json` and prints its path.
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
