//! 256 workers: whether their start and their use cost more, per worker and per task, than those of a few.
//!
//! *Start*: from the builder until that many workers have a task at the same time, held there by gates;
//! the time per worker of 256 against that of 16, pools taking turns. Ending is not timed. *Tasks*:
//! 200,000 no-ops submitted one by one, then all results, on a warm pool of 256 against a warm pool of 2,
//! in turn; both pools exist all the time, so their idle workers are part of both figures. Both ends of a
//! link are descriptors: the limit on them is raised for the row.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::submit_all;
use crate::Outcome;
use crate::bench::{Bench, empty_chart};
use crate::pools::{Gates, pool, warm_pool};
use crate::row::{Better, Chart, Contender, Figure, Kind, Row, Sample};
use crate::statistics::ratios;
use crate::target::{Target, number};
use crate::timing::seconds;

const MANY: usize = 256;
const SOME: usize = 16;
const FEW: usize = 2;
const TASKS: u64 = 200_000;

/// The row `workers-256`.
pub(crate) fn many_workers(bench: &Bench) -> Outcome<Row> {
    let _limit = Descriptors::raised()?;
    let mut row = Row::new("workers-256", "256 workers: per worker and per task, to fewer");
    let (many, some) = duel(
        bench.rounds(3, 9),
        [&format!("{MANY} workers"), &format!("{SOME} workers")],
        &mut || start(MANY),
        // A short block would be compared with a long one: as many workers, in as many pools.
        &mut || {
            let starts = (0..MANY / SOME).map(|_| start(SOME)).collect::<Outcome<Vec<_>>>()?;
            let figures: Vec<f64> = starts.iter().map(|sample| sample.figure).collect();
            Ok(Sample::from(crate::statistics::mean(&figures)))
        },
    )?;
    let note = format!("{} µs each; of 16, {} µs", number(many.median()), number(some.median()));
    let blocks = ratios(&many.blocks, &some.blocks);
    let figure =
        Figure::judged("start of a worker, of 256 to of 16", "×", blocks, Target::AtMost(1.5));
    row.figures.push(figure.with_note(note));
    let title = "The start of a worker in a pool";
    let chart = empty_chart("workers-start", title, "µs", Better::Lower);
    row.charts.push(Chart { contenders: vec![many, some], ..chart });

    let (large, small) = (warm_pool(MANY)?, warm_pool(FEW)?);
    let per_task = |executor| {
        let rate = submit_all::block(executor, TASKS)?.figure;
        Ok(Sample::from(1e6 / rate))
    };
    let (many, few) = duel(
        bench.rounds(3, 9),
        [&format!("{MANY} workers"), &format!("{FEW} workers")],
        &mut || per_task(&large),
        &mut || per_task(&small),
    )?;
    let note = format!("{} µs each; with 2, {} µs", number(many.median()), number(few.median()));
    let blocks = ratios(&many.blocks, &few.blocks);
    let figure = Figure::judged("a task, with 256 to with 2", "×", blocks, Target::AtMost(1.5));
    row.figures.push(figure.with_note(note));
    let title = "A task of many, with 256 and with 2 workers";
    let chart = empty_chart("workers-tasks", title, "µs", Better::Lower);
    row.charts.push(Chart { contenders: vec![many, few], ..chart });
    Ok(row)
}

/// Both sides are ours.
fn duel(
    rounds: usize,
    names: [&str; 2],
    large: &mut dyn FnMut() -> Outcome<Sample>,
    small: &mut dyn FnMut() -> Outcome<Sample>,
) -> Outcome<(Contender, Contender)> {
    let [mut many, mut few] = names.map(|name| Contender::new(name, Kind::Procpool));
    for _ in 0..rounds {
        many.record(large()?);
        few.record(small()?);
    }
    Ok((many, few))
}

/// Starts a pool; the figure is the time per worker in µs.
fn start(workers: usize) -> Outcome<Sample> {
    let gates = Gates::new()?;
    let (took, executor) = seconds(|| {
        let executor = pool(workers)?;
        gates.fill(&executor, workers)?;
        Ok(executor)
    })?;
    drop(executor);
    Ok(Sample::from(took * 1e6 / workers as f64))
}

/// The limit on descriptors, raised to its maximum; restored when this is dropped.
struct Descriptors {
    soft: u64,
    hard: u64,
}

impl Descriptors {
    fn raised() -> Outcome<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        Ok(Self { soft, hard })
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        // Lowering a soft limit cannot fail.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, self.soft, self.hard);
    }
}
