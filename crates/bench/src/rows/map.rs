//! Ten million numbers through `map(x + 1)`, against encoding and decoding them in one thread, and
//! against the peers.
//!
//! Contenders take turns, a whole map each, on 2 warm workers; the clock runs from before `map` until the
//! last result has arrived, and the sum of the results is checked. The limit encodes every number with a
//! header, as a chunk does, and decodes it, into a warm buffer: the speed of `map` if moving bytes between
//! processes were free and nothing ran in parallel. It is not an upper bound: workers decode and encode on
//! CPUs of their own.
//!
//! Against peers, a block takes about a second for every contender, after a short one that is not counted:
//! a contender that was not at work while the others had their turn is warm again. Peers have three chunk
//! sizes, and each peer's best counts, in each round anew; we have the default. Rates are compared. A pool
//! without a `map` is shown with chunks that its user writes by hand and is not compared: the user of any
//! pool could do that. The comparison of our own chunk sizes is in `map_chunks`, which is part of this
//! row.

use procpool::ProcessPoolExecutor;

use super::map_chunks::{self, ITEMS, block, check};
use crate::Outcome;
use crate::bench::{Bench, empty_chart};
use crate::limits::codec::Codec;
use crate::peers::client::Peer;
use crate::peers::contest::{WORKERS, repetitions};
use crate::peers::protocol::{Batch, PeerError, Request};
use crate::pools::warm_pool;
use crate::row::{Better, Chart, Figure, Row, Sample};
use crate::statistics::ratios;
use crate::target::{Target, number};
use crate::timing::seconds;

/// The chunk sizes of peers.
const PEER_CHUNKS: [u64; 3] = [1_000, 10_000, 100_000];
/// Items in a peer's first, short block, by which the real one is sized.
const FEW: u64 = 20_000;
/// The length of a peer's block, in seconds.
const PEER_BLOCK: f64 = 1.0;

/// The row `map`.
pub(crate) fn map(bench: &Bench) -> Outcome<Row> {
    let executor = warm_pool(WORKERS)?;
    let mut codec = Codec::default();
    // Fills the buffer once.
    codec.there_and_back(ITEMS)?;
    let (us, limit) = bench.duel(
        bench.rounds(3, 7),
        &mut || block(&executor, None),
        "encode and decode, one thread",
        &mut || {
            let (took, sum) = seconds(|| codec.there_and_back(ITEMS))?;
            check(sum, ITEMS * (ITEMS - 1) / 2)?;
            Ok(Sample::from(ITEMS as f64 / took))
        },
    )?;
    drop(codec);
    let mut row = Row::new("map", "x + 1 over 10,000,000 u64, chunks of the default size");
    let target = Target::AtLeast(35_000_000.0);
    row.figures.push(Figure::judged("throughput", "items/s", us.blocks.clone(), target));
    let shares = ratios(&us.blocks, &limit.blocks);
    let note = format!("limit {} items/s", number(limit.median()));
    let share = Figure::judged("to encode and decode", "×", shares, Target::AtLeast(0.6));
    row.figures.push(share.with_note(note));
    let chart = empty_chart("map", "x + 1 over many numbers", "items/s", Better::Higher);
    let rounds = bench.rounds(1, 3);
    let chart = bench.chart(chart, rounds, &mut || long_block(&executor), &ask, vec![us, limit])?;
    row.figures.extend(chart.against_best_peer("to the best peer", Target::AtLeast(10.0)));
    row.charts.push(chart);
    let (figure, chart): (Figure, Chart) = map_chunks::adaptive(bench, &executor)?;
    row.figures.push(figure);
    row.charts.push(chart);
    row.figures.extend(map_chunks::of_any_length(bench, &executor)?);
    Ok(row)
}

/// A short map, and then whole ones for the length of a peer's block.
fn long_block(executor: &ProcessPoolExecutor) -> Outcome<Sample> {
    executor.map(|x: u64| x + 1, 0..FEW).try_for_each(|result| result.map(|_| ()))?;
    let (mut maps, mut took) = (0.0, 0.0);
    while took < PEER_BLOCK {
        took += ITEMS as f64 / block(executor, None)?.figure;
        maps += 1.0;
    }
    Ok(Sample::from(maps * ITEMS as f64 / took))
}

/// The best of the chunk sizes, each measured in this block. A size that fails does not count.
fn ask(peer: &mut Peer) -> Result<Sample, PeerError> {
    let (mut best, mut failure, mut by_hand) = (None::<f64>, None, false);
    for chunksize in PEER_CHUNKS {
        match rate(peer, chunksize) {
            Ok((rate, written)) => {
                best = Some(best.map_or(rate, |best| best.max(rate)));
                by_hand |= written;
            }
            Err(PeerError::Failed(why)) => failure = Some(format!("chunks of {chunksize}: {why}")),
            Err(error) => return Err(error),
        }
    }
    match (best, failure) {
        (Some(rate), remark) => Ok(Sample { remark, by_hand, ..Sample::from(rate) }),
        (None, failure) => Err(PeerError::Failed(failure.unwrap_or_default())),
    }
}

/// A peer's items per second, and whether it has no `map` of its own.
fn rate(peer: &mut Peer, chunksize: u64) -> Result<(f64, bool), PeerError> {
    let chunksize = Some(chunksize);
    let few: Batch = peer.ask(Request::Map { count: FEW, chunksize })?;
    let count = repetitions(FEW, few.seconds, PEER_BLOCK, ITEMS);
    let batch: Batch = peer.ask(Request::Map { count, chunksize })?;
    if batch.sum != Some(count * (count + 1) / 2) {
        return Err(PeerError::Failed(format!("the sum of {count} results is wrong")));
    }
    Ok((count as f64 / batch.seconds, batch.by_hand))
}
