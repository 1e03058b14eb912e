//! The records of all workers in the program's one log, and a bar for what a task has done so far.
//!
//! `one_log [TASKS]` runs some tasks. Each has a span and writes records with `tracing`, as any code
//! does. `procpool-tracing` sends those that RUST_LOG (`info`) lets pass to the program's log, with the
//! worker and the work item; none is lost, also if the worker dies next, as the worker of every tenth
//! task does. Records below the level cost a worker nothing. The steps on the bar are reports.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use procpool::{DeathPolicy, ProcessPoolExecutor, Report};
use procpool_tracing::{Tracing, WorkerTracing};
use tracing::level_filters::LevelFilter;
use tracing::{debug, error, info, info_span, warn};

/// One step of a task.
#[derive(serde::Serialize, serde::Deserialize)]
struct Step;

fn open_log(tracing: WorkerTracing) {
    tracing.install();
    info!("the worker's log is open");
}

fn task(item: u64) -> u64 {
    let _span = info_span!("task", item).entered();
    debug!("starts");
    for step in 0..10 {
        if let Err(error) = procpool::report(&Step) {
            warn!("step {step} is not on the bar: {error}");
        }
    }
    if item % 10 == 9 {
        warn!("its worker dies next");
        std::process::abort();
    }
    info!("done");
    item * item
}

/// The log beside the bar, which makes room for each record.
struct Log(ProgressBar);

impl Write for Log {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stdout().write(record))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let tasks: u64 = std::env::args().nth(1).map_or(Ok(30), |text| text.parse())?;
    let bar = ProgressBar::with_draw_target(Some(10 * tasks), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} steps, {eta} to go")?);
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok());
    let beside = bar.clone();
    let log = tracing_subscriber::fmt().with_max_level(level.unwrap_or(LevelFilter::INFO));
    let log = log.without_time().with_ansi(io::stdout().is_terminal()).with_target(false);
    log.with_writer(move || Log(beside.clone())).init();
    let (tracing, shown) = (Tracing::new(), bar.clone());
    let executor = tracing
        .attach(ProcessPoolExecutor::builder().max_workers(2))
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .initializer_with_args(open_log, tracing.worker())
        .on_report(move |report: Report<Step>| match report.value {
            Ok(Step) => shown.inc(1),
            Err(error) => error!("{error}"),
        })
        .build()?;
    let results: Vec<_> = executor.map_options().chunksize(1).map(task, 0..tasks).collect();
    executor.shutdown();
    bar.finish_and_clear();
    let failed = results.iter().filter(|result| result.is_err()).count();
    println!("{tasks} tasks, {failed} failed, {} steps", bar.position());
    Ok(())
}
