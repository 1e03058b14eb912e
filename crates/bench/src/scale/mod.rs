//! Beyond what runs here: a pool with thousands of workers on hosts that are made up.
//!
//! ```text
//!  the measuring thread ── submit, result ──▶ pool ◀─ links ─▶ hosts: one thread, a heap of times
//!                                                              in the place of connections and machines
//! ```
//!
//! Everything in the program but the connections is the shipped code: the executor, the manager, the dispatch,
//! the links. What the connections add is measured apart, with few real relays (`real`).
//!
//! Figures are CPU time of threads by their own clocks: durations depend more on what else this machine does.
//! Pitfalls:
//!
//! - CPU time depends on that as well. Two runs on a busy machine have differed by a factor of two.
//! - Both ends of a link are in one process, as they are with real hosts: a page of a link that both touch counts
//!   twice in the resident memory.
//! - The made-up hosts need a CPU as well. At saturation of a small pool they may be full before the program is;
//!   so the rate of the program is calculated from its CPU time, and the rate by the clock is beside it.

mod hosts;
mod real;
mod star;
mod usage;

use std::path::Path;

use star::Effort;

use crate::Outcome;
use crate::load::Load;
use crate::machine::Machine;
use crate::report::scale::{Limits, Scale};
use crate::target::number;

/// The sizes that are tried, in this order.
const SIZES: [usize; 9] = [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];

/// What a worker needs, and the whole process beside its workers.
const DESCRIPTORS: u64 = 6;
const MAPPINGS: u64 = 2;
const BESIDE: u64 = 500;

/// About the address space of a worker, and the memory that it may touch, in bytes.
const TOUCHED: u64 = 200 * 1024;

const EFFORT: Effort = Effort { rounds: 3, paced: 1_000, saturated: 200_000 };

/// The command of a run whose nodes are hosts of a Slurm.
const IN_A_CLUSTER: &str = "crates/hosts/tests/slurm/cluster FOLDER salloc --quiet --nodes=4 \
                            --ntasks=8 --exclusive target/release/procpool-bench scale";

/// Real relays, tasks in a round, and rounds.
const RELAYS: [usize; 3] = [2, 4, 8];
const TASKS: u64 = 5_000;
const ROUNDS: usize = 5;

/// Measures every size that this machine has room for, writes `scale.json` and prints its path.
pub(crate) fn run(folder: &Path) -> Outcome {
    let machine = Machine::here()?;
    let limits = Limits {
        descriptors: usage::raise_descriptors()?,
        most_descriptors: usage::setting("fs/nr_open")?,
        mappings: usage::setting("vm/max_map_count")?,
    };
    let load = Load::now()?;
    let networks = RELAYS.iter().map(|relays| real::network(*relays, TASKS, ROUNDS));
    let networks = networks.collect::<Outcome<_>>()?;
    let nested = real::nested(ROUNDS)?;
    let mut stars = Vec::new();
    let mut ended_by = String::new();
    for workers in SIZES {
        if let Some(why) = lacks(&limits, machine.memory_mib, workers) {
            ended_by = why;
            break;
        }
        stars.push(star::measure(workers, EFFORT)?);
        eprintln!("{workers} workers");
    }
    let others = Load::now()?.since(load).of_others();
    let command = if nested.is_slurm { IN_A_CLUSTER } else { "just bench scale" }.to_owned();
    let scale = Scale { machine, command, others, limits, ended_by, stars, networks, nested };
    println!("{}", scale.write(folder)?.display());
    Ok(())
}

/// Why this machine has no room for so many workers; `None` if it has.
fn lacks(limits: &Limits, memory_mib: u64, workers: usize) -> Option<String> {
    let many = workers as u64;
    let least = |each: u64| each * many + BESIDE;
    let needs = |what: &str, each: u64, most: u64| {
        format!(
            "{} workers would need {} {what}, and this process may have {}",
            number(workers as f64),
            number(least(each) as f64),
            number(most as f64),
        )
    };
    if least(DESCRIPTORS) > limits.descriptors {
        Some(needs("descriptors", DESCRIPTORS, limits.descriptors))
    } else if least(MAPPINGS) > limits.mappings {
        Some(needs("mappings", MAPPINGS, limits.mappings))
    } else if many * TOUCHED / (1024 * 1024) > memory_mib / 2 {
        Some(format!("{} workers would touch half of the memory", number(workers as f64)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_made_up_workers_answer_every_task() {
        procpool::init();
        let workers = 50;
        let pool = star::Pool::new(workers).unwrap();
        pool.start().unwrap();
        assert_eq!(pool.executor.stats().idle, workers);
        let hosts = pool.executor.workers().into_iter().map(|(worker, _)| worker.host.unwrap());
        let hosts: std::collections::BTreeSet<_> = hosts.collect();
        assert_eq!(hosts.len(), workers);

        let loaded = pool.saturated(2_000).unwrap();
        assert_eq!(loaded.tasks, 2_000);
        let stats = pool.executor.stats();
        let submitted = stats.done;
        assert!(submitted > 2_000, "those that filled the queue count, too");
        assert_eq!(pool.answered(), submitted, "each was answered once");
        assert_eq!((stats.failed, stats.queued, stats.idle, stats.restarts), (0, 0, workers, 0));
        pool.executor.shutdown();
    }

    #[test]
    fn the_limit_that_ends_the_sizes_is_named() {
        let limits = Limits { descriptors: 20_000, most_descriptors: 1 << 20, mappings: 65_530 };
        assert_eq!(lacks(&limits, 24_000, 3_000), None);
        let why = lacks(&limits, 24_000, 10_000).unwrap();
        assert!(why.contains("60,500 descriptors") && why.contains("20,000"), "{why}");
        let limits = Limits { descriptors: 1 << 20, ..limits };
        assert_eq!(lacks(&limits, 24_000, 30_000), None);
        assert!(lacks(&limits, 24_000, 100_000).unwrap().contains("mappings"));
        assert!(lacks(&limits, 1_000, 10_000).unwrap().contains("memory"));
    }
}
