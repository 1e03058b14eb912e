//! The crate procspawn as a contender: answers the lines of procpool-bench with its pool.
//!
//! One request per line on stdin, one answer per line on stdout, both JSON; the request's text is in
//! `procpool-bench`'s `peers::protocol`. The pool is used as its documentation shows. If it fails (it
//! panics when descriptors run out), the answer has the reason.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{dup2_stdin, dup2_stdout};
use procspawn::{JoinHandle, Pool, ProcConfig, SpawnError};
use serde::Deserialize;
use serde_json::{Value, json};

/// The version in Cargo.toml.
const VERSION: &str = "1.0.2";

/// A request.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Request {
    Hello,
    Open {
        workers: usize,
    },
    RoundTrips {
        count: usize,
        pause_us: u64,
    },
    Clients {
        clients: usize,
        count: usize,
    },
    SubmitAll {
        count: usize,
    },
    Map {
        count: u64,
        chunksize: Option<u64>,
    },
    Echo {
        bytes: usize,
        count: usize,
    },
    ColdStart {
        workers: usize,
    },
    Close,
    #[serde(other)]
    Unknown,
}

/// The reason why there is no figure.
#[derive(Debug)]
enum Refusal {
    Unsupported(&'static str),
    Failed(String),
}

impl From<SpawnError> for Refusal {
    fn from(error: SpawnError) -> Self {
        Self::Failed(error.to_string())
    }
}

fn noop((): ()) {}

fn main() {
    // Every queued task has descriptors of its own.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // With fewer it can queue fewer, and reports that.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    // The nearest to an initializer: called in every process, before all other code.
    ProcConfig::new().config_callback(|| {}).init();
    let mut pool = None;
    let Ok((input, mut output)) = take_streams() else {
        eprintln!("the protocol's streams cannot be kept from the workers");
        return;
    };
    for line in BufReader::new(input).lines().map_while(Result::ok) {
        let answer = match serde_json::from_str(&line) {
            Ok(request) => guarded(&mut pool, request),
            Err(error) => json!({"error": error.to_string()}),
        };
        if writeln!(output, "{answer}").and_then(|()| output.flush()).is_err() {
            // The reader has closed the pipe.
            break;
        }
    }
}

/// Takes the protocol's streams for this process alone: workers inherit the replacements.
fn take_streams() -> std::io::Result<(File, File)> {
    let input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(std::io::stderr())?;
    Ok((input, output))
}

/// Turns every outcome into an answer.
fn guarded(pool: &mut Option<Pool>, request: Request) -> Value {
    match catch_unwind(AssertUnwindSafe(|| serve(pool, request))) {
        Ok(Ok(answer)) => answer,
        Ok(Err(Refusal::Unsupported(why))) => json!({"unsupported": why}),
        Ok(Err(Refusal::Failed(why))) => json!({"error": why}),
        Err(panic) => {
            // The pool may wait forever: the next request gets a new one.
            let size = pool.take().map(|pool| pool.size());
            *pool = size.and_then(|workers| warm(workers).ok());
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            json!({"error": format!("panicked: {}", text.unwrap_or_default())})
        }
    }
}

fn serve(open: &mut Option<Pool>, request: Request) -> Result<Value, Refusal> {
    let pool = || open.as_ref().ok_or(Refusal::Failed("no pool is open".to_owned()));
    Ok(match request {
        Request::Hello => {
            json!({"name": "procspawn", "version": VERSION, "runtime": "native"})
        }
        Request::Open { workers } => {
            *open = Some(warm(workers)?);
            json!({"ok": true})
        }
        Request::RoundTrips { count, pause_us } => {
            json!({"nanos": round_trips(pool()?, count, pause_us)?})
        }
        Request::Clients { clients, count } => {
            let started = Instant::now();
            let nanos = from_clients(pool()?, clients, count)?;
            json!({"seconds": started.elapsed().as_secs_f64(), "nanos": nanos})
        }
        Request::SubmitAll { count } => {
            let pool = pool()?;
            let started = Instant::now();
            join_all((0..count).map(|_| pool.spawn((), noop)).collect())?;
            json!({"seconds": started.elapsed().as_secs_f64()})
        }
        Request::Map { chunksize: None, .. } => {
            return Err(Refusal::Unsupported("it has no map, so no chunk size of its own"));
        }
        Request::Map { count, chunksize: Some(chunksize) } => {
            let started = Instant::now();
            let sum = map(pool()?, count, chunksize)?;
            json!({"seconds": started.elapsed().as_secs_f64(), "sum": sum, "by_hand": true})
        }
        Request::Echo { bytes, count } => json!({"nanos": echo(pool()?, bytes, count)?}),
        Request::ColdStart { workers } => {
            let started = Instant::now();
            let pool = Pool::new(workers)?;
            let (first, second) = (pool.spawn((), noop), pool.spawn((), noop));
            first.join()?;
            let nanos = nanos_of(started.elapsed());
            second.join()?;
            json!({"nanos": nanos})
        }
        Request::Unknown => return Err(Refusal::Unsupported("there is no such operation")),
        Request::Close => {
            *open = None;
            json!({"ok": true})
        }
    })
}

/// A pool whose workers have all run a task: as many tasks as workers, each long enough that no worker
/// gets two.
fn warm(workers: usize) -> Result<Pool, Refusal> {
    let pool = Pool::new(workers)?;
    let pause = |()| thread::sleep(Duration::from_millis(50));
    join_all((0..workers).map(|_| pool.spawn((), pause)).collect())?;
    Ok(pool)
}

fn join_all(handles: Vec<JoinHandle<()>>) -> Result<(), Refusal> {
    for handle in handles {
        handle.join()?;
    }
    Ok(())
}

fn round_trips(pool: &Pool, count: usize, pause_us: u64) -> Result<Vec<u64>, SpawnError> {
    let mut nanos = Vec::with_capacity(count);
    for _ in 0..count {
        if pause_us > 0 {
            thread::sleep(Duration::from_micros(pause_us));
        }
        let started = Instant::now();
        pool.spawn((), noop).join()?;
        nanos.push(nanos_of(started.elapsed()));
    }
    Ok(nanos)
}

fn from_clients(pool: &Pool, clients: usize, count: usize) -> Result<Vec<u64>, Refusal> {
    // The first ones start one more each, until all have started.
    let share = |client| count / clients + usize::from(client < count % clients);
    thread::scope(|scope| {
        let client = |client| scope.spawn(move || round_trips(pool, share(client), 0));
        let threads: Vec<_> = (0..clients).map(client).collect();
        let mut all = Vec::with_capacity(count);
        for thread in threads {
            let joined = thread.join();
            all.extend(joined.map_err(|_| Refusal::Failed("a client panicked".to_owned()))??);
        }
        Ok(all)
    })
}

/// It has no `map`: chunks as a user would write them.
fn map(pool: &Pool, count: u64, chunksize: u64) -> Result<u64, SpawnError> {
    let add = |items: Vec<u64>| items.into_iter().map(|x| x + 1).collect::<Vec<u64>>();
    let starts = (0..count).step_by(usize::try_from(chunksize.max(1)).unwrap_or(usize::MAX));
    let handles: Vec<_> = starts
        .map(|start| pool.spawn((start..count.min(start + chunksize.max(1))).collect(), add))
        .collect();
    let mut sum = 0;
    for handle in handles {
        sum += handle.join()?.into_iter().sum::<u64>();
    }
    Ok(sum)
}

fn echo(pool: &Pool, bytes: usize, count: usize) -> Result<Vec<u64>, SpawnError> {
    let mut value = vec![7_u8; bytes];
    let mut nanos = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        value = pool.spawn(value, |bytes: Vec<u8>| bytes).join()?;
        nanos.push(nanos_of(started.elapsed()));
    }
    Ok(nanos)
}

fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reported_version_is_the_one_that_is_built() {
        let manifest = include_str!("../../../Cargo.toml");
        assert!(manifest.contains(&format!("procspawn = \"={VERSION}\"")));
    }

    #[test]
    fn a_request_without_a_pool_is_answered_with_an_error() {
        let mut pool = None;
        let answer = |pool: &mut _, line| guarded(pool, serde_json::from_str(line).unwrap());
        let error = answer(&mut pool, r#"{"op":"submit_all","count":1}"#);
        assert_eq!(error, json!({"error": "no pool is open"}));
        let unsupported = answer(&mut pool, r#"{"op":"map","count":1,"chunksize":null}"#);
        assert!(unsupported["unsupported"].is_string());
        assert_eq!(answer(&mut pool, r#"{"op":"hello"}"#)["version"], VERSION);
    }
}
