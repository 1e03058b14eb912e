//! Runs out of descriptors or processes, with no worker alive or with one, as the environment variable
//! MODE says; prints the outcome of the tasks.

use std::collections::BTreeSet;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, setgid, setuid};
use procpool::{Error, ProcessPoolExecutor};
use procpool_testkit::{os, trace};

/// Records that it runs.
fn task((path, number): (String, u32)) -> (u32, u32) {
    trace::append(&path, number);
    (std::process::id(), number)
}

pub(crate) fn main(_: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    procpool::init();
    let mode = std::env::var("MODE")?;
    let (what, alive) = mode.split_once(", ").ok_or("MODE is WHAT, WHO alive")?;
    if what == "processes" && Uid::effective().is_root() {
        // The limit on processes does not bind root.
        setgid(Gid::from_raw(65534))?;
        setuid(Uid::from_raw(65534))?;
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("trace").to_str().ok_or("a plain name")?.to_owned();
    let executor = ProcessPoolExecutor::builder().max_workers(4).build()?;
    if alive == "one alive" {
        executor.submit(|()| (), ()).result()?;
    }
    let room = exhaust(what)?;

    let futures: Vec<_> =
        (0..100).map(|number| executor.submit(task, (path.clone(), number))).collect();
    let results: Result<Vec<_>, Error> = futures.iter().map(|future| future.result()).collect();
    let (resource, soft, hard) = room;
    setrlimit(resource, soft, hard)?;
    match results {
        Ok(results) => {
            let workers: BTreeSet<u32> = results.iter().map(|(pid, _)| *pid).collect();
            let numbers = results.iter().map(|(_, number)| *number);
            assert!(numbers.eq(0..100), "every future has its own result");
            let mut runs: Vec<u32> =
                trace::read::<u32>(path.as_ref()).iter().map(|record| record.event).collect();
            runs.sort_unstable();
            assert!(runs.iter().copied().eq(0..100), "every task ran once: {runs:?}");
            println!("{} results, {} runs, {} worker", results.len(), runs.len(), workers.len());
        }
        Err(Error::BrokenProcessPool(broken)) => println!("{:?}", broken.cause()),
        Err(error) => println!("{error}"),
    }
    Ok(())
}

/// Sets a limit that leaves no room for one more. Returns the previous one.
fn exhaust(what: &str) -> Result<(Resource, u64, u64), Box<dyn std::error::Error>> {
    let (resource, limit) = match what {
        "descriptors" => {
            let open = os::descriptors_of(std::process::id());
            let lowest_free = (0..).zip(&open).take_while(|(n, (fd, _))| n == fd).count();
            (Resource::RLIMIT_NOFILE, lowest_free as u64)
        }
        "processes" => (Resource::RLIMIT_NPROC, 0),
        other => return Err(format!("no limit is called {other}").into()),
    };
    let (soft, hard) = getrlimit(resource)?;
    setrlimit(resource, limit, hard)?;
    Ok((resource, soft, hard))
}
