//! Pools of every kind under chaos: `chaos SEED SECONDS [descriptors|processes|relays]`.
//!
//! ```text
//! seed ──▶ Plan ──▶ pool ◀── clients: submit, map, cancel, kill, wait ──▶ reports to them ─────┐
//!                    ▲                                                                         ▼
//!                    ├────── saboteur: signals, limits         workers ──▶ trace ──────────▶ judge
//!                    └────── its end, early or late            events, hooks ─────────────────▲
//! ```
//!
//! - [`plan`]: the parameters of a round; its seed is the one before plus one;
//! - [`client`]: uses the whole interface, and records what is reported to it;
//! - [`saboteur`]: signals workers, and takes away the resources for new ones;
//! - [`task`]: the tasks, and their records;
//! - [`hooked`]: the calls of hooks;
//! - [`judge`][]: compares.
//!
//! After each round no child, descriptor or thread of it may be left. The first faulty round ends the
//! program, which prints its seed and every contradiction; otherwise it prints an account, a line of JSON,
//! at the end.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use procpool::{Error, EventKind, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::left::Baseline;
use procpool_testkit::limits::{Limit, become_nobody_else};
use procpool_testkit::watch;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use client::{Client, Shared};
use hooked::Hooked;
use judge::Round;
use plan::{Ending, Method, Plan};
use saboteur::Saboteur;
use task::Worker;

mod client;
mod hooked;
mod judge;
mod plan;
mod saboteur;
mod task;

pub(crate) fn main(arguments: &[String]) {
    procpool_hosts::init();
    let number = |place: usize| arguments.get(place).and_then(|text| text.parse::<u64>().ok());
    let (Some(seed), Some(seconds)) = (number(0), number(1)) else {
        panic!("usage: chaos SEED SECONDS [descriptors|processes|relays]")
    };
    let local: &[Method] = &[Method::Spawn, Method::Forkserver];
    let (methods, limit) = match arguments.get(2).map(String::as_str) {
        Some("descriptors") => (local, Some(Limit::Descriptors)),
        Some("processes") => (local, Some(Limit::Processes)),
        Some("relays") => (&[Method::Relays][..], None),
        Some(other) => panic!("there is no limit {other}"),
        None => (local, None),
    };
    if limit == Some(Limit::Processes) {
        become_nobody_else();
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let round_seed: &'static AtomicU64 = Box::leak(Box::default());
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("in the round of seed {}: {panic}", round_seed.load(Ordering::Relaxed));
    }));
    let mut account = Account::default();
    let before = Baseline::look();
    while account.rounds == 0 || Instant::now() < end {
        let seed = seed.wrapping_add(account.rounds);
        // Relaxed: for a message only.
        round_seed.store(seed, Ordering::Relaxed);
        let (round, signals) = watch::within(2 * watch::HANG, move || play(seed, methods, limit));
        before.assert_back();
        let wrong = round.judge();
        assert!(wrong.is_empty(), "{:#?}\n{}", round.plan, wrong.join("\n"));
        account.add(&round, signals);
    }
    println!("{}", account.as_json());
}

/// Runs the round of `seed`.
fn play(seed: u64, methods: &[Method], limit: Option<Limit>) -> (Round, u32) {
    let mut random = StdRng::seed_from_u64(seed);
    let plan = Plan::draw(&mut random, methods, limit);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let trace = folder.path().join("trace");
    File::create(&trace).expect("the folder is writable");
    let hooked = Hooked::default();
    let executor = plan.build(&trace, &hooked);
    let events = executor.events();
    let (shared, over, kills) = (Shared::default(), AtomicBool::new(false), AtomicU32::new(0));
    let mut child = || StdRng::seed_from_u64(random.next_u64());
    let told = thread::scope(|scope| {
        let saboteur = Saboteur { plan: &plan, random: child(), over: &over, kills: &kills };
        let saboteur = scope.spawn(|| saboteur.run());
        let start = |_| {
            let (executor, plan, shared) = (&executor, &plan, &shared);
            let client = Client { executor, plan, shared, random: child(), told: Vec::new() };
            scope.spawn(|| client.run())
        };
        let clients: Vec<_> = (0..plan.clients).map(start).collect();
        if let Some(after) = plan.early {
            thread::sleep(after);
            end(&executor, plan.ending);
        }
        let told = clients.into_iter().flat_map(|client| client.join().expect("it did not panic"));
        let told: Vec<_> = told.collect();
        end(&executor, plan.ending);
        over.store(true, Ordering::Relaxed);
        saboteur.join().expect("it did not panic");
        told
    });
    drop(executor);
    // They exit with the pool.
    let events = events.map(|event| event.kind).collect();
    let records = task::read_trace(&trace);
    let awaiting = shared.awaiting.into_inner().expect("nobody panics under it");
    (Round { plan, told, awaiting, records, events, hooked }, kills.into_inner())
}

fn end(executor: &ProcessPoolExecutor<Worker>, ending: Ending) {
    match ending {
        Ending::Drop => {}
        Ending::Shutdown { wait, cancel } => {
            executor.shutdown_with(ShutdownOptions::new().wait(wait).cancel_futures(cancel))
        }
        Ending::Kill => executor.kill_workers(),
        Ending::Terminate => executor.terminate_workers(),
    }
}

/// The totals of all rounds.
#[derive(Debug, Default)]
struct Account {
    rounds: u64,
    signals: u32,
    workers: usize,
    broken: usize,
    retried: usize,
    tasks: usize,
    values: usize,
    cancelled: usize,
    killed: usize,
    over_limit: usize,
    in_doubt: usize,
}

impl Account {
    fn add(&mut self, round: &Round, signals: u32) {
        self.rounds += 1;
        self.signals += signals;
        let events =
            |kind: fn(&EventKind) -> bool| round.events.iter().filter(|event| kind(event)).count();
        self.workers += events(|event| matches!(event, EventKind::WorkerStarted(_)));
        self.broken += events(|event| matches!(event, EventKind::Broken(_)));
        self.retried += events(|event| matches!(event, EventKind::TaskRetried(_)));
        self.tasks += round.told.len();
        for result in round.told.iter().filter_map(|told| told.result.as_ref()) {
            match result {
                Ok(_) => self.values += 1,
                Err(Error::Cancelled) => self.cancelled += 1,
                Err(Error::TaskKilled { .. }) => self.killed += 1,
                Err(Error::TimeLimitExceeded { .. }) => self.over_limit += 1,
                Err(Error::WorkerDied(_)) => self.in_doubt += 1,
                Err(_) => {}
            }
        }
    }

    fn as_json(&self) -> Value {
        let Self { rounds, signals, workers, broken, retried, tasks, values, .. } = self;
        let Self { cancelled, killed, over_limit, in_doubt, .. } = self;
        json!({
            "rounds": rounds, "signals": signals, "workers": workers, "broken": broken,
            "retried": retried, "tasks": tasks, "values": values, "cancelled": cancelled,
            "killed": killed, "over_limit": over_limit, "in_doubt": in_doubt,
        })
    }
}
