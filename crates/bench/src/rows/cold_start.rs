//! A new pool of two workers with an initializer: from the builder to the first of two results,
//! against this program started twice, one after the other, returning at once and reaped.
//!
//! The two starts of the pool may overlap; those of the limit do not, which is the plain cost of two
//! workers. Ending the pool is not timed. The same with 1 GiB of touched memory in this process, in turn
//! with that without: starting must not copy or walk the parent's memory, so the ratio must not grow.
//! Peers' pools have initializers too, and no ballast.

use std::hint::black_box;
use std::time::Instant;

use procpool::ProcessPoolExecutor;

use crate::Outcome;
use crate::bench::{Bench, empty_chart};
use crate::limits::child::Role;
use crate::peers::client::Peer;
use crate::peers::contest::WORKERS;
use crate::peers::protocol::{Once, PeerError, Request};
use crate::pools::{initializer, noop};
use crate::row::{Better, Chart, Contender, Figure, Kind, Row, Sample};
use crate::statistics::ratios;
use crate::target::{Target, number};
use crate::timing::{mean_of, nanos_of};

/// The memory that the parent has touched in the second half.
const BALLAST: usize = 1 << 30;
/// The number of turns into which the rounds with and without the ballast are divided. The CPUs of new
/// processes change from one second to the next, and with them all times of a turn.
const TURNS: usize = 6;
/// Starts in one block between peers.
const STARTS: usize = 3;

/// The row `cold-start`.
pub(crate) fn cold_start(bench: &Bench) -> Outcome<Row> {
    let rounds = bench.rounds(61, 201);
    let mut row =
        Row::new("cold-start", "a new pool of 2 workers with an initializer, to its first result");
    let turn = |us: &mut Contender, limit: &mut Contender| -> Outcome {
        for _ in 0..rounds.div_ceil(TURNS) {
            us.record(ours()?);
            limit.record(two_runs()?);
        }
        Ok(())
    };
    let ours_and_limit = || {
        let limit = Contender::new("two runs of the program", Kind::Limit);
        (Contender::new("procpool", Kind::Procpool), limit)
    };
    let ((mut us, mut limit), (mut us_large, mut limit_large)) =
        (ours_and_limit(), ours_and_limit());
    for _ in 0..TURNS {
        turn(&mut us, &mut limit)?;
        let ballast = black_box(vec![1_u8; BALLAST]);
        turn(&mut us_large, &mut limit_large)?;
        drop(black_box(ballast));
    }
    let without = ratios(&us.blocks, &limit.blocks);
    let note = format!("{} µs; two runs {} µs", number(us.median()), number(limit.median()));
    let figure = Figure::judged("to two runs", "×", without.clone(), Target::AtMost(1.3));
    row.figures.push(figure.with_note(note));

    let with = ratios(&us_large.blocks, &limit_large.blocks);
    let note =
        format!("{} µs; two runs {} µs", number(us_large.median()), number(limit_large.median()));
    let growth = crate::statistics::median(&with) / crate::statistics::median(&without);
    let mut figure =
        Figure::judged("growth with 1 GiB touched", "×", vec![growth], Target::AtMost(1.2));
    figure.blocks = ratios(&with, &without);
    row.figures.push(figure.with_note(note));

    let title = "From nothing to the first result of two workers";
    let chart = empty_chart("cold-start", title, "µs", Better::Lower);
    let mut some = || {
        let starts = (0..STARTS).map(|_| ours()).collect::<Outcome<Vec<_>>>()?;
        Ok(mean_of(starts.into_iter().flat_map(|sample| sample.nanos).collect()))
    };
    let chart = bench.chart(chart, bench.rounds(1, 7), &mut some, &ask, vec![us, limit])?;
    row.figures.extend(against_procspawn(&chart));
    row.charts.push(chart);
    Ok(row)
}

fn ours() -> Outcome<Sample> {
    let started = Instant::now();
    let builder = ProcessPoolExecutor::builder().max_workers(WORKERS).initializer(initializer);
    let executor = builder.build()?;
    let (first, _second) = (executor.submit(noop, ()), executor.submit(noop, ()));
    first.result()?;
    let sample = mean_of(vec![nanos_of(started.elapsed())]);
    drop(executor);
    Ok(sample)
}

fn two_runs() -> Outcome<Sample> {
    let started = Instant::now();
    for _ in 0..WORKERS {
        if !Role::Return.command().status()?.success() {
            return Err("the program that returns at once failed".into());
        }
    }
    Ok(mean_of(vec![nanos_of(started.elapsed())]))
}

fn ask(peer: &mut Peer) -> Result<Sample, PeerError> {
    let mut nanos = Vec::new();
    for _ in 0..STARTS {
        nanos.push(peer.ask::<Once>(Request::ColdStart { workers: WORKERS })?.nanos);
    }
    Ok(mean_of(nanos))
}

/// Ours must be no slower than the other Rust pool.
fn against_procspawn(chart: &Chart) -> Option<Figure> {
    let ours = chart.contenders.iter().find(|contender| contender.kind == Kind::Procpool)?;
    let procspawn = |contender: &&Contender| contender.name == "procspawn";
    let theirs = chart.contenders.iter().find(procspawn)?;
    if theirs.blocks.is_empty() {
        return None;
    }
    let blocks = ratios(&ours.blocks, &theirs.blocks);
    let note = format!("{} µs; procspawn {} µs", number(ours.median()), number(theirs.median()));
    Some(Figure::judged("to procspawn", "×", blocks, Target::AtMost(1.0)).with_note(note))
}
