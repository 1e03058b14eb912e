//! Two ends that need a program of their own, by the environment variable MODE: a replacement that cannot
//! be started, and, built so that a panic aborts, a task that panics at a stop request. Prints the outcome
//! of the tasks.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use procpool::{Error, ProcessPoolExecutor};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::os;

pub(crate) fn main(_: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    match &*std::env::var("MODE")? {
        "no room" => replace_without_room(),
        "panic" => Ok(panic_when_stopped()?),
        other => Err(format!("no mode is called {other}").into()),
    }
}

/// A worker exits after its task, and there is no descriptor left for the next one.
fn replace_without_room() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let go = Gate::new(folder.path(), "go");
    let executor = ProcessPoolExecutor::builder().max_workers(1).max_tasks_per_child(1).build()?;
    let first = executor.submit(|go: String| gate::take(&go), go.path());
    while !first.running() {
        std::thread::yield_now();
    }
    let open = os::descriptors_of(std::process::id());
    let lowest_free = (0..).zip(&open).take_while(|(n, (fd, _))| n == fd).count();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, lowest_free as u64, hard)?;
    let others = [(); 3].map(|()| executor.submit(|()| (), ()));
    go.give(1);
    println!("first: {:?}", first.result());
    for other in &others {
        println!(
            "then: {}",
            other.error().map_or("no error".to_owned(), |error| error.to_string())
        );
    }
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
    Ok(())
}

/// A task exceeds its time limit, is asked to stop, and panics.
fn panic_when_stopped() -> Result<(), Error> {
    let executor =
        ProcessPoolExecutor::builder().max_workers(1).grace(Duration::from_secs(3600)).build()?;
    let mut events = executor.events();
    let stops = |()| {
        while !procpool::should_stop() {
            std::thread::yield_now();
        }
        panic!("stopped")
    };
    let late: Result<(), Error> =
        executor.submit_options().time_limit(Duration::from_millis(20)).submit(stops, ()).result();
    println!("{}", late.is_err_and(|error| matches!(error, Error::TimeLimitExceeded { .. })));
    // Where panics abort, its worker dies.
    let exited =
        |event: procpool::Event| matches!(event.kind, procpool::EventKind::WorkerExited(..));
    println!("{}", !cfg!(panic = "abort") || events.any(exited));
    println!("{:?}", executor.submit(|x: u32| x + 1, 1).result());
    Ok(())
}
