//! Bytes through a task that returns them, against four copies between warm buffers and against the peers.
//!
//! Each result is the next argument, so the caller never copies or makes bytes. A byte that goes through
//! shared memory is copied four times: in and out, in both directions. The limit makes those four copies
//! between five buffers of the same size that have been touched before: page faults, about 2 µs each,
//! count for the pool. Speeds are compared, in bytes of the round trip per second, so a ratio above 1 is
//! faster than the copies.
//!
//! Two CPUs share the four copies, but every byte must go from one to the other and back. So there is a
//! second limit, which is shown and not judged: the same copies by two threads through rings of the pool's
//! size, without a pool. On a machine on which that is not 1.5 times as fast as four copies on one CPU,
//! the target is out of reach for anything that uses such rings.

use std::time::Instant;

use procpool::{Error, Future, ProcessPoolExecutor};

use crate::Outcome;
use crate::bench::{Bench, Block, empty_chart};
use crate::limits::memcpy::Buffers;
use crate::limits::rings::Rings;
use crate::peers::client::Peer;
use crate::peers::contest::{WORKERS, repetitions};
use crate::peers::protocol::{Nanos, PeerError, Request};
use crate::pools::{self, warm_pool};
use crate::row::{Better, Figure, Row, Sample};
use crate::statistics::ratios;
use crate::target::{Target, number};
use crate::timing::nanos_of;

/// The payload of a round trip, and its ratio to four copies.
const SIZES: [(usize, &str, f64); 2] = [(1 << 20, "1 MiB", 1.5), (64 << 20, "64 MiB", 0.9)];
/// The number of bytes in a block.
const BLOCK: usize = 256 << 20;
/// The length of a peer's block, in seconds.
const PEER_BLOCK: f64 = 1.0;

/// The row `echo`.
pub(crate) fn echo(bench: &Bench) -> Outcome<Row> {
    let executor = warm_pool(WORKERS)?;
    let mut row = Row::new("echo", "a Vec<u8> through a task that returns it, again and again");
    for (bytes, size, bound) in SIZES {
        let count = (BLOCK / bytes).max(3);
        // Taken and returned by every block.
        let mut value = vec![7_u8; bytes];
        let mut buffers = Buffers::new(bytes);
        let mut ours = || block(&executor, &mut value, count);
        let mut copies = || {
            timed(bytes, count, || {
                buffers.copy();
                Ok(())
            })
        };
        let mut payload = vec![7_u8; bytes];
        let mut bare = || {
            // Its thread polls, so it exists for this block only.
            let rings = Rings::new(bytes);
            rings.there_and_back(&mut payload);
            timed(bytes, count, || {
                rings.there_and_back(&mut payload);
                Ok(())
            })
        };
        let limits: [(&str, Block<'_>); 2] =
            [("four copies", &mut copies), ("two threads, bare rings", &mut bare)];
        let (us, [limit, bare]) = bench.limits(bench.rounds(5, 15), &mut ours, limits)?;
        drop(buffers);
        let note =
            format!("{} GB/s, four copies {} GB/s", number(us.median()), number(limit.median()));
        let speeds = ratios(&us.blocks, &limit.blocks);
        let name = format!("{size}, to four copies");
        let figure = Figure::judged(name, "×", speeds, Target::AtLeast(bound));
        row.figures.push(figure.with_note(note));
        let name = format!("{size}, bare rings to four copies");
        let bound = ratios(&bare.blocks, &limit.blocks);
        let note = format!("{} GB/s", number(bare.median()));
        row.figures.push(Figure::told(name, "×", bound).with_note(note));
        let name = format!("echo-{}", size.to_lowercase().replace(' ', "-"));
        let title = format!("{size} there and back");
        let chart = empty_chart(&name, &title, "GB/s", Better::Higher);
        let ask = |peer: &mut Peer| ask(peer, bytes);
        let chart =
            bench.chart(chart, bench.rounds(1, 3), &mut ours, &ask, vec![us, limit, bare])?;
        let name = format!("{size}, to the best peer");
        row.figures.extend(chart.against_best_peer(&name, Target::AtLeast(5.0)));
        row.charts.push(chart);
    }
    Ok(row)
}

/// The API's fastest way to a result that is read once.
fn take(future: Future<Vec<u8>>) -> Result<Vec<u8>, Error> {
    future.into_result()
}

fn block(executor: &ProcessPoolExecutor, value: &mut Vec<u8>, count: usize) -> Outcome<Sample> {
    let bytes = value.len();
    // The first one is not timed: the other contender has used the caches since.
    *value = take(executor.submit(pools::echo, std::mem::take(value)))?;
    let sample = timed(bytes, count, || {
        *value = take(executor.submit(pools::echo, std::mem::take(value)))?;
        Ok(())
    })?;
    if value.len() != bytes || value.iter().step_by(4096).any(|byte| *byte != 7) {
        return Err("the returned bytes differ".into());
    }
    Ok(sample)
}

fn timed(bytes: usize, count: usize, mut operation: impl FnMut() -> Outcome) -> Outcome<Sample> {
    let mut nanos = Vec::with_capacity(count);
    for _ in 0..count {
        let before = Instant::now();
        operation()?;
        nanos.push(nanos_of(before.elapsed()));
    }
    Ok(speed(bytes, nanos))
}

/// Bytes a nanosecond are gigabytes a second.
fn speed(bytes: usize, nanos: Vec<u64>) -> Sample {
    let total: u64 = nanos.iter().sum();
    Sample { figure: (bytes * nanos.len()) as f64 / total as f64, nanos, ..Sample::default() }
}

fn ask(peer: &mut Peer, bytes: usize) -> Result<Sample, PeerError> {
    let first: Nanos = peer.ask(Request::Echo { bytes, count: 1 })?;
    let took = first.nanos.iter().sum::<u64>() as f64 / 1e9;
    let count = repetitions(1, took, PEER_BLOCK, (BLOCK / bytes) as u64).max(3);
    let all: Nanos = peer.ask(Request::Echo { bytes, count })?;
    Ok(speed(bytes, all.nanos))
}
