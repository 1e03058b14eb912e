//! A million tasks that do nothing, submitted one by one, then all results: the cost of a task without
//! chunks; and the memory of a pending one.
//!
//! The clock runs from before the first `submit` until the last result has arrived, on 2 warm workers.
//! Peers do the same with as many tasks as take them about a second, at most 50,000; rates are compared.
//! One that fails with so many, for example because of descriptors, has the rate of 1,000. Every result is
//! read. The memory of pending tasks is measured in a child: see `memory`.

use procpool::ProcessPoolExecutor;

use super::memory;
use crate::Outcome;
use crate::bench::{Bench, empty_chart};
use crate::peers::client::Peer;
use crate::peers::contest::{WORKERS, repetitions};
use crate::peers::protocol::{Batch, PeerError, Request};
use crate::pools::{noop_byte, warm_pool};
use crate::row::{Better, Contender, Figure, Kind, Row, Sample};
use crate::target::Target;
use crate::timing::seconds;

const TASKS: u64 = 1_000_000;
/// Tasks in a peer's first, short block, by which the real one is sized.
const FEW: u64 = 1_000;
/// The most tasks in a peer's block: some have descriptors for each.
const PEER_TASKS: u64 = 50_000;
/// The length of a peer's block, in seconds.
const PEER_BLOCK: f64 = 1.0;

/// The row `submit-all`.
pub(crate) fn submit_all(bench: &Bench) -> Outcome<Row> {
    let executor = warm_pool(WORKERS)?;
    let mut row = Row::new("submit-all", "1,000,000 no-ops submitted one by one, then all results");
    let mut us = Contender::new("procpool", Kind::Procpool);
    for _ in 0..bench.rounds(3, 5) {
        us.record(block(&executor, TASKS)?);
    }
    let target = Target::AtLeast(2_500_000.0);
    row.figures.push(Figure::judged("throughput", "tasks/s", us.blocks.clone(), target));
    let title = "Tasks submitted one by one";
    let chart = empty_chart("submit-all", title, "tasks/s", Better::Higher);
    let mut ours = || block(&executor, TASKS);
    let chart = bench.chart(chart, bench.rounds(1, 3), &mut ours, &ask, vec![us])?;
    row.figures.extend(chart.against_best_peer("to the best peer", Target::AtLeast(40.0)));
    row.charts.push(chart);
    row.figures.push(memory::of_queued_tasks(bench.rounds(1, 3))?);
    Ok(row)
}

/// Submits `tasks` no-ops and then takes all results; the figure is tasks per second.
pub(crate) fn block(executor: &ProcessPoolExecutor, tasks: u64) -> Outcome<Sample> {
    let (took, ()) = seconds(|| {
        let futures: Vec<_> =
            (0..tasks).map(|number| executor.submit(noop_byte, number as u8)).collect();
        for (number, future) in futures.into_iter().enumerate() {
            if future.result()? != number as u8 {
                return Err("a result belongs to another task".into());
            }
        }
        Ok(())
    })?;
    Ok(Sample::from(tasks as f64 / took))
}

fn ask(peer: &mut Peer) -> Result<Sample, PeerError> {
    let few: Batch = peer.ask(Request::SubmitAll { count: FEW })?;
    let count = repetitions(FEW, few.seconds, PEER_BLOCK, PEER_TASKS);
    match peer.ask::<Batch>(Request::SubmitAll { count }) {
        Ok(batch) => Ok(Sample::from(count as f64 / batch.seconds)),
        Err(PeerError::Failed(why)) => {
            let remark = Some(format!("with {FEW} tasks; with {count}: {why}"));
            Ok(Sample { remark, ..Sample::from(FEW as f64 / few.seconds) })
        }
        Err(error) => Err(error),
    }
}
