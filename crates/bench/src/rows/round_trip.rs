//! One task at a time: `submit(noop).result()`, against 64 bytes there and back over a socket pair.
//!
//! Three rows, because the raw figure is *bimodal*: about 11 µs when the scheduler has put both ends on
//! one CPU and about 55 µs when it has to wake an idle one. A ratio to "the raw figure" means nothing
//! unless both contenders have the same CPUs and wait in the same way:
//!
//! - `round-trip-one-cpu`: everything on one CPU, the raw ends blocking.
//! - `round-trip-hot`: anywhere, without a pause, with two workers, of which one is idle; peers the
//!   same. The raw ends spin on different CPUs, where the scheduler would sooner or later put them:
//!   left alone they have two modes as well, 5 µs across and 9 µs yielding to each other on one.
//! - `round-trip-cold`: the asking side on one CPU, the answering side on another, the raw ends
//!   blocking, and a pause before every operation that is longer than any spin. Peers have the
//!   same pauses and no pinning.
//!
//! A pool in a comparison with peers has two workers, like theirs; a pinned one has one.
//!
//! The contenders take turns in blocks. A block starts with some operations that are not timed, except
//! after pauses, where a warm-up has no effect. The raw child sleeps while it is not its turn: a spinning
//! one would take a CPU away from the pool.

use std::time::Duration;

use procpool::ProcessPoolExecutor;

use crate::Outcome;
use crate::bench::{Bench, empty_chart};
use crate::cpus::Pinning;
use crate::limits::ping_pong::{PingPong, Style};
use crate::peers::client::Peer;
use crate::peers::contest::{WORKERS, repetitions};
use crate::peers::protocol::{Nanos, PeerError, Request};
use crate::pools::{noop, warm_pool};
use crate::row::{Better, Chart, Contender, Figure, Row, Sample};
use crate::statistics::ratios;
use crate::target::{Target, number};
use crate::timing::{after_pauses, back_to_back, median_of};

/// Operations in a block. More let the machine change its pace within a block; fewer leave the
/// clock and the first wake-up in the figure.
const BLOCK: usize = 200;
/// Operations before a block that are not timed.
const WARM_UP: usize = 20;
/// Longer than any spin, of ours and of the peers.
const PAUSE: Duration = Duration::from_millis(2);
/// Operations in a block with pauses.
const PAUSED_BLOCK: usize = 30;
/// The length of a peer's block, in seconds.
const PEER_BLOCK: f64 = 0.5;
/// The most operations in a peer's block, which bounds the length of its answer.
const PEER_OPERATIONS: u64 = 5_000;

/// Both on one CPU.
pub(crate) fn one_cpu(bench: &Bench) -> Outcome<Row> {
    let pinning = Pinning::new()?;
    pinning.asking_side()?;
    let executor = warm_pool(1)?;
    let mut raw = PingPong::start(Style::Blocking)?;
    let (us, limit) = bench.duel(
        bench.rounds(201, 501),
        &mut || ours(&executor),
        "blocking socket pair",
        &mut || theirs(&mut raw),
    )?;
    let mut row = Row::new("round-trip-one-cpu", "submit(noop).result(), both sides on one CPU");
    row.figures.push(judge("to a blocking ping-pong", &us, &limit, 1.3));
    let title = "One task and back, everything on one CPU";
    let chart = empty_chart("round-trip-one-cpu", title, "µs", Better::Lower);
    row.charts.push(Chart { contenders: vec![us, limit], ..chart });
    Ok(row)
}

/// Anywhere, without a pause.
pub(crate) fn hot(bench: &Bench) -> Outcome<Row> {
    let executor = warm_pool(WORKERS)?;
    let pinning = Pinning::new()?;
    pinning.answering_side()?;
    let mut raw = PingPong::start(Style::Spinning)?;
    drop(pinning);
    let (us, limit) = bench.duel(
        bench.rounds(201, 501),
        &mut || ours(&executor),
        "spinning socket pair",
        &mut || {
            let pinning = Pinning::new()?;
            pinning.asking_side()?;
            theirs(&mut raw)
        },
    )?;
    drop(raw);
    let mut row = Row::new("round-trip-hot", "submit(noop).result(), one after another");
    row.figures.push(judge("to a spinning ping-pong", &us, &limit, 1.3));
    let p50 = us.micros(0.5).unwrap_or(f64::NAN);
    row.figures.push(Figure::told("p50; the stretch goal is 1 µs", "µs", vec![p50]));
    let chart = empty_chart("round-trip-hot", "One task and back", "µs", Better::Lower);
    let alone = vec![us, limit];
    let ask = |peer: &mut Peer| peer_round_trips(peer, Duration::ZERO);
    let chart = bench.chart(chart, bench.rounds(1, 5), &mut || ours(&executor), &ask, alone)?;
    row.charts.push(chart);
    Ok(row)
}

/// Across CPUs, after pauses.
pub(crate) fn cold(bench: &Bench) -> Outcome<Row> {
    let pinning = Pinning::new()?;
    pinning.answering_side()?;
    let executor = warm_pool(1)?;
    let mut raw = PingPong::start(Style::Blocking)?;
    pinning.asking_side()?;
    let (us, limit) = bench.duel(
        bench.rounds(15, 41),
        &mut || paused(|| round_trip(&executor)),
        "blocking socket pair",
        &mut || paused(|| raw.round_trip()),
    )?;
    drop((raw, pinning, executor));
    let mut row = Row::new(
        "round-trip-cold",
        "submit(noop).result() after 2 ms of sleep, asking and answering on different CPUs",
    );
    row.figures.push(judge("to a blocking ping-pong", &us, &limit, 1.2));
    let title = "One task and back, after a pause of 2 ms";
    let chart = empty_chart("round-trip-cold", title, "µs", Better::Lower);
    let executor = warm_pool(WORKERS)?;
    let ask = |peer: &mut Peer| peer_round_trips(peer, PAUSE);
    let mut ours = || paused(|| round_trip(&executor));
    row.charts.push(bench.chart(chart, bench.rounds(1, 5), &mut ours, &ask, vec![us, limit])?);
    Ok(row)
}

fn round_trip(executor: &ProcessPoolExecutor) -> Outcome {
    Ok(executor.submit(noop, ()).result()?)
}

fn ours(executor: &ProcessPoolExecutor) -> Outcome<Sample> {
    back_to_back(WARM_UP, || round_trip(executor))?;
    back_to_back(BLOCK, || round_trip(executor))
}

fn theirs(raw: &mut PingPong) -> Outcome<Sample> {
    back_to_back(WARM_UP, || raw.round_trip())?;
    let sample = back_to_back(BLOCK, || raw.round_trip())?;
    raw.rest()?;
    Ok(sample)
}

fn paused(operation: impl FnMut() -> Outcome) -> Outcome<Sample> {
    after_pauses(PAUSED_BLOCK, PAUSE, operation)
}

fn peer_round_trips(peer: &mut Peer, pause: Duration) -> Result<Sample, PeerError> {
    let pause_us = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    let few = WARM_UP as u64;
    let first: Nanos = peer.ask(Request::RoundTrips { count: few, pause_us })?;
    let took = first.nanos.iter().sum::<u64>() as f64 / 1e9 + few as f64 * pause.as_secs_f64();
    let count = repetitions(few, took, PEER_BLOCK, PEER_OPERATIONS);
    let all: Nanos = peer.ask(Request::RoundTrips { count, pause_us })?;
    Ok(median_of(all.nanos))
}

/// The ratio to a limit, with the times behind it.
fn judge(what: &str, us: &Contender, limit: &Contender, bound: f64) -> Figure {
    let side = |contender: &Contender| {
        let micros = |share| number(contender.micros(share).unwrap_or(f64::NAN));
        format!("p50 {} µs, p99 {} µs", micros(0.5), micros(0.99))
    };
    let note = format!("{}; limit {}", side(us), side(limit));
    let blocks = ratios(&us.blocks, &limit.blocks);
    Figure::judged(what, "×", blocks, Target::AtMost(bound)).with_note(note)
}
