//! The records of all workers in the program's one log, and a bar for what a task has done so far.
//!
//! `one_log [TASKS]` runs some tasks. Each has a span and writes records with `tracing`, as any code
//! does; its worker formats those that RUST_LOG (`info`) lets pass, and reports them. The program
//! writes them to its own log, with the worker and the work item; none is lost, also if the worker
//! dies next, as the worker of every tenth task does. What is below the level costs a worker nothing.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use procpool::{DeathPolicy, ProcessPoolExecutor, Report};
use serde::{Deserialize, Serialize};
use tracing::metadata::{LevelFilter, Metadata};
use tracing::{Level, debug, error, info, info_span, warn};
use tracing_subscriber::fmt::MakeWriter;

/// What tasks report.
#[derive(Serialize, Deserialize)]
enum News {
    Record { level: String, text: String },
    Steps(u64),
}

/// Where a worker's log goes: each record is a report.
struct Reports;

struct OneRecord(Level);

impl<'a> MakeWriter<'a> for Reports {
    type Writer = OneRecord;

    fn make_writer(&'a self) -> OneRecord {
        OneRecord(Level::INFO)
    }

    fn make_writer_for(&'a self, record: &Metadata<'_>) -> OneRecord {
        OneRecord(*record.level())
    }
}

impl Write for OneRecord {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let length = text.len();
        let text = String::from_utf8_lossy(text).trim_end().to_owned();
        let record = News::Record { level: self.0.to_string(), text };
        procpool::report(&record).map(|()| length).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn level() -> LevelFilter {
    let wanted = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok());
    wanted.unwrap_or(LevelFilter::INFO)
}

fn open_log() -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    let log = tracing_subscriber::fmt().with_max_level(level()).with_writer(Reports);
    let log = log.without_time().with_level(false).with_ansi(false).with_target(false).finish();
    tracing::subscriber::set_global_default(log)?;
    info!("the worker's log is open");
    Ok(())
}

fn task(item: u64) -> u64 {
    let _span = info_span!("task", item).entered();
    debug!("starts");
    for step in 0..10 {
        if let Err(error) = procpool::report(&News::Steps(1)) {
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

fn handle(report: Report<News>, bar: &ProgressBar) {
    let span = info_span!("worker", id = report.worker.id, item = report.work_item).entered();
    match report.value {
        Ok(News::Steps(steps)) => bar.inc(steps),
        Ok(News::Record { level, text }) => bar.suspend(|| match level.parse() {
            // A level is part of the place in the code, so there is a place for each.
            Ok(Level::ERROR) => error!("{text}"),
            Ok(Level::WARN) => warn!("{text}"),
            Ok(Level::INFO) => info!("{text}"),
            _ => debug!("{text}"),
        }),
        Err(error) => error!("{error}"),
    }
    drop(span);
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let tasks: u64 = std::env::args().nth(1).map_or(Ok(30), |text| text.parse())?;
    let log = tracing_subscriber::fmt().with_max_level(level()).with_writer(io::stdout);
    log.without_time().with_ansi(io::stdout().is_terminal()).with_target(false).init();
    let bar = ProgressBar::with_draw_target(Some(10 * tasks), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} steps, {eta} to go")?);
    let shown = bar.clone();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(2)
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .initializer(open_log)
        .on_report(move |report| handle(report, &shown))
        .build()?;
    let results: Vec<_> = executor.map_options().chunksize(1).map(task, 0..tasks).collect();
    executor.shutdown();
    bar.finish_and_clear();
    let failed = results.iter().filter(|result| result.is_err()).count();
    println!("{tasks} tasks, {failed} failed, {} steps", bar.position());
    Ok(())
}
