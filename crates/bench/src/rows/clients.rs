//! Eight threads that each want one result at a time from two workers, against the peers.
//!
//! The figure is the throughput of all clients together; every round trip's duration is kept. Peers do the
//! same with eight threads or, where the language has none, eight concurrent chains. There are more
//! clients than CPUs, so a client that spins without yielding takes the CPU from a worker; and a client
//! that waits at a pool's lock is part of the figure, as it should be.

use std::thread;
use std::time::Instant;

use procpool::ProcessPoolExecutor;

use crate::Outcome;
use crate::bench::{Bench, empty_chart};
use crate::peers::client::Peer;
use crate::peers::contest::{WORKERS, repetitions};
use crate::peers::protocol::{Batch, PeerError, Request};
use crate::pools::{noop, warm_pool};
use crate::row::{Better, Contender, Figure, Kind, Row, Sample};
use crate::target::{Target, number};
use crate::timing::{nanos_of, seconds};

const CLIENTS: usize = 8;
/// Round trips in a block of ours, all clients together.
const OPERATIONS: usize = 40_000;
/// Round trips in a peer's first, short block, by which the real one is sized.
const FEW: u64 = 80;
/// The length of a peer's block, in seconds.
const PEER_BLOCK: f64 = 1.0;

/// The row `clients`.
pub(crate) fn clients(bench: &Bench) -> Outcome<Row> {
    let executor = warm_pool(WORKERS)?;
    let mut row = Row::new("clients", "8 client threads, one task at a time each, on 2 workers");
    let mut us = Contender::new("procpool", Kind::Procpool);
    if !bench.has_peers() {
        for _ in 0..bench.rounds(5, 5) {
            us.record(block(&executor)?);
        }
    }
    let title = "Eight clients on two workers";
    let chart = empty_chart("clients", title, "round trips/s", Better::Higher);
    let rounds = bench.rounds(1, 5);
    let chart = bench.chart(chart, rounds, &mut || block(&executor), &ask, vec![us])?;
    if let Some(us) = chart.contenders.first() {
        let micros = |share| number(us.micros(share).unwrap_or(f64::NAN));
        let note = format!("p50 {} µs, p99 {} µs", micros(0.5), micros(0.99));
        let told = Figure::told("throughput", "round trips/s", us.blocks.clone());
        row.figures.push(told.with_note(note));
    }
    row.figures.extend(chart.against_best_peer("to the best peer", Target::AtLeast(3.0)));
    row.charts.push(chart);
    Ok(row)
}

fn block(executor: &ProcessPoolExecutor) -> Outcome<Sample> {
    let (took, nanos) = seconds(|| {
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| client(executor))).collect();
            let mut all = Vec::with_capacity(OPERATIONS);
            for client in clients {
                all.extend(client.join().map_err(|_| "a client panicked")??);
            }
            Ok(all)
        })
    })?;
    Ok(Sample { figure: nanos.len() as f64 / took, nanos, ..Sample::default() })
}

/// One client's round trips.
fn client(executor: &ProcessPoolExecutor) -> Result<Vec<u64>, procpool::Error> {
    let mut nanos = Vec::with_capacity(OPERATIONS / CLIENTS);
    for _ in 0..OPERATIONS / CLIENTS {
        let before = Instant::now();
        executor.submit(noop, ()).result()?;
        nanos.push(nanos_of(before.elapsed()));
    }
    Ok(nanos)
}

fn ask(peer: &mut Peer) -> Result<Sample, PeerError> {
    let few: Batch = peer.ask(Request::Clients { clients: CLIENTS, count: FEW })?;
    let most = OPERATIONS as u64;
    // Every client has the same number.
    let clients = CLIENTS as u64;
    let count = repetitions(FEW, few.seconds, PEER_BLOCK, most).next_multiple_of(clients);
    let batch: Batch = peer.ask(Request::Clients { clients: CLIENTS, count })?;
    Ok(Sample { figure: count as f64 / batch.seconds, nanos: batch.nanos, ..Sample::default() })
}
