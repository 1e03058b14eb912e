//! Pools on real relays of this machine: what the connections cost, and a pool of pools.
//!
//! *Network*: a closed loop of no-ops, in a pool whose relays a shell starts. The server's thread has one TCP connection
//! for each worker, encrypted as between machines. Its CPU time is what made-up hosts do not have.
//!
//! *Nested*: the same number of no-ops in a flat pool, and in a pool of nodes whose tasks each build a pool of
//! their own and give it a share. A map in the flat pool, which sends many items in a message, is the third. All
//! take turns. In an allocation of Slurm the relays are on its hosts. Where these are made of one machine, its
//! CPUs are shared, and the rates compare the three here and nowhere else.

use std::collections::VecDeque;
use std::sync::OnceLock;

use procpool::{Future, ProcessPoolExecutor};
use procpool_hosts::{Launcher, OnHosts, shell, srun};

use super::star::MANAGER;
use super::usage::{Thread, Usage};
use crate::Outcome;
use crate::pools::noop;
use crate::report::scale::{Nested, Network, Program};
use crate::timing::seconds;

/// The name of the server's thread.
const SERVER: &str = "procpool-hosts";

/// The workers of the flat pool, and as many in all below the nodes.
const NODES: usize = 4;
const BELOW: usize = 2;

/// How many no-ops a node gets at once.
const SHARE: u64 = 2_000;

/// Starts relays on this machine.
fn local() -> Launcher {
    shell("for i in $(seq {n}); do {relay} & done; wait")
}

/// Whether this process runs in an allocation.
fn is_allocated() -> bool {
    std::env::var_os("SLURM_JOB_ID").is_some()
}

/// Starts as many relays on each node, in an allocation.
fn on_nodes(each: usize) -> Launcher {
    // Both pools exist at the same time, on the same CPUs.
    let spread =
        [format!("--nodes={NODES}"), format!("--ntasks-per-node={each}"), "--overlap".into()];
    let launcher = if is_allocated() { spread.iter().fold(srun(), Launcher::arg) } else { local() };
    launcher.workers(NODES * each)
}

fn pool(launcher: Launcher, workers: usize) -> Outcome<ProcessPoolExecutor> {
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build()?;
    executor.start_workers(workers).result()?;
    Ok(executor)
}

/// The CPU time of the three threads of a program with a pool on hosts.
#[derive(Clone, Copy)]
struct Threads([Thread; 3]);

impl Threads {
    /// Those of a pool, which are not those of `others`.
    fn find(others: &[Thread]) -> Outcome<Self> {
        let named = |name| Thread::named(name, others);
        Ok(Self([named(MANAGER)?, Thread::current(), named(SERVER)?]))
    }

    fn cpu(self) -> Outcome<[f64; 3]> {
        let [manager, submitting, server] = self.0;
        Ok([manager.cpu()?, submitting.cpu()?, server.cpu()?])
    }

    /// What `operation` takes, for each of `tasks`.
    fn during(self, tasks: u64, operation: impl FnOnce() -> Outcome) -> Outcome<Program> {
        let before = self.cpu()?;
        let (took, ()) = seconds(operation)?;
        let after = self.cpu()?;
        let micros = |thread: usize| (after[thread] - before[thread]) * 1e6 / tasks as f64;
        let rate = tasks as f64 / took;
        Ok(Program { rate, manager: micros(0), submitting: micros(1), server: micros(2) })
    }
}

/// Measures the server's thread with so many workers, `tasks` tasks in each of `rounds` rounds.
pub(crate) fn network(workers: usize, tasks: u64, rounds: usize) -> Outcome<Network> {
    let before = Usage::now()?;
    let executor = pool(local().workers(workers), workers)?;
    let descriptors = Usage::now()?.per_worker(before, workers).descriptors;
    let threads = Threads::find(&[])?;
    let rounds = (0..rounds).map(|_| {
        threads.during(tasks, || {
            let submit = || executor.submit(noop, ());
            let mut running: VecDeque<Future<()>> = (0..workers).map(|_| submit()).collect();
            for _ in 0..tasks {
                running.pop_front().ok_or("nothing runs")?.result()?;
                running.push_back(submit());
            }
            Ok(running.into_iter().try_for_each(|future| future.result())?)
        })
    });
    Ok(Network { workers, descriptors, rounds: rounds.collect::<Outcome<_>>()? })
}

/// Submits no-ops one by one, then takes all results.
fn run(executor: &ProcessPoolExecutor, tasks: u64) -> Result<(), procpool::Error> {
    let futures: Vec<_> = (0..tasks).map(|_| executor.submit(noop, ())).collect();
    futures.into_iter().try_for_each(|future| future.result())
}

/// A pool, or why there is none.
type Built = Result<ProcessPoolExecutor, procpool::Error>;

// ANCHOR: share
/// The task of a node: builds its own pool, once, and uses it.
fn share(tasks: u64) -> Result<(), String> {
    static OWN: OnceLock<Built> = OnceLock::new();
    let build = || {
        let builder = ProcessPoolExecutor::builder();
        let own = builder.max_workers(BELOW).build()?;
        own.start_workers(BELOW).result()?;
        Ok(own)
    };
    let done = match OWN.get_or_init(build) {
        Ok(own) => run(own, tasks),
        Err(error) => Err(error.clone()),
    };
    done.map_err(|error| error.to_string())
}
// ANCHOR_END: share

/// Compares a flat pool with a pool of pools, in turn, so often.
pub(crate) fn nested(rounds: usize) -> Outcome<Nested> {
    const SHARES: u64 = 4 * NODES as u64;
    const TASKS: u64 = SHARES * SHARE;
    let flat = pool(on_nodes(BELOW), NODES * BELOW)?;
    let flat_threads = Threads::find(&[])?;
    let outer = pool(on_nodes(1), NODES)?;
    let outer_threads = Threads::find(&flat_threads.0)?;
    let all = |tasks: u64| {
        let futures: Vec<_> = (0..SHARES).map(|_| outer.submit(share, tasks)).collect();
        futures.into_iter().try_for_each(|future| Ok(future.result()??))
    };
    // Builds the pools below.
    all(1)?;
    let map = || flat.map(noop, (0..TASKS).map(|_| ())).try_for_each(|result| Ok(result?));
    let (nodes, below, is_slurm) = (NODES, BELOW, is_allocated());
    let (mut one_by_one, mut mapped, mut nested) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        one_by_one.push(flat_threads.during(TASKS, || Ok(run(&flat, TASKS)?))?);
        mapped.push(flat_threads.during(TASKS, map)?);
        nested.push(outer_threads.during(TASKS, || all(SHARE))?);
    }
    Ok(Nested {
        nodes,
        below,
        is_slurm,
        tasks: TASKS,
        share: SHARE,
        flat: one_by_one,
        mapped,
        nested,
    })
}
