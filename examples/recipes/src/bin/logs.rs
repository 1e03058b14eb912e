//! A log per worker: opened by the initializer, named by the worker's number, closed by the
//! finalizer.
//!
//! `logs FOLDER [TASKS]` runs some tasks, of which every hundredth panics, and prints each file's
//! name, its number of records and its last one. Every record is written at once, so the log of a
//! worker that is killed has all of them but the last; its replacement continues the file.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead};

use procpool::{DeathPolicy, ProcessPoolExecutor, worker_id};
use tracing::subscriber::DefaultGuard;
use tracing::{debug, info, info_span};
use tracing_appender::rolling::{RollingFileAppender, Rotation};

/// The state of a worker. The log is open as long as it is the subscriber of the worker's thread.
struct Log {
    subscribed: DefaultGuard,
    tasks: u32,
}

fn open(folder: String) -> Result<Log, tracing_appender::rolling::InitError> {
    let id = worker_id().map_or_else(String::new, |id| id.to_string());
    let file = RollingFileAppender::builder()
        .rotation(Rotation::NEVER)
        .filename_prefix(format!("worker-{id}"))
        .filename_suffix("log")
        .build(folder)?;
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_target(false)
        .with_writer(file)
        .finish();
    let subscribed = tracing::subscriber::set_default(subscriber);
    info!(pid = std::process::id(), "opened");
    Ok(Log { subscribed, tasks: 0 })
}

fn task(log: &mut Log, item: u64) -> u64 {
    let _span = info_span!("task", item).entered();
    log.tasks += 1;
    debug!("below the level of the log");
    // A panic unwinds through the span; the log goes on.
    assert!(item % 100 != 99, "item {item} is a hundredth");
    info!("done");
    item * item
}

fn close(log: Log) {
    info!(tasks = log.tasks, "closed");
    drop(log.subscribed);
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: logs FOLDER [TASKS]")?;
    let tasks: u64 = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let executor = ProcessPoolExecutor::builder()
        .max_workers(3)
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .initializer_with_args(open, folder.clone())
        .finalizer(close)
        .build()?;
    executor.start_workers(3).result()?;
    println!("3 logs are open");
    // Enter starts the tasks, so that there is time to look.
    io::stdin().lock().read_line(&mut String::new())?;
    let mut panics = 0;
    for (item, square) in (0..).zip(executor.map_with(task, 0..tasks)) {
        match square {
            Ok(square) => assert_eq!(square, item * item),
            Err(_) => panics += 1,
        }
    }
    println!("{tasks} tasks, {panics} failed");
    executor.shutdown();
    let mut files = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(|file| file.file_name());
    for file in files.iter().filter(|file| file.path().is_file()) {
        let text = fs::read_to_string(file.path())?;
        let last = text.lines().last().unwrap_or_default();
        println!("{}: {} records: {last}", file.file_name().display(), text.lines().count());
    }
    Ok(())
}
