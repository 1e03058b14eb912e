//! The adapter's process: the two commands, clients, steps, and lines.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::unistd::dup2_stdout;
use procpool_contract::{
    Client, ErrorClass, EventKind, Line, Moment, Outcome, Scenario, Step, UNSUPPORTED, now,
};
use serde_json::{Value, json};

use crate::adapted::{Adapted, nest};
use crate::adapter::{Adapter, Tells};
use crate::library::{Future, Library, Map, Pool, Stop};
use crate::{body, trace};

/// The main function of every adapter: `[START_METHOD] describe|run`. It must come first in `main`, of
/// workers too, in which it does not return for some libraries.
pub fn main<M, P, F, E>(adapter: Adapter<M, P, F, E>) -> ExitCode
where
    M: Copy + Send + Sync + 'static,
    P: Send + Sync + 'static,
    F: Send + Sync + 'static,
    E: Tells,
{
    begin(adapter);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let start_method = arguments.len().checked_sub(2).map(|place| arguments[place].as_str());
    match Adapted::new(adapter, start_method) {
        Some(library) => serve(&library),
        None => {
            eprintln!("the argument before the last must be one of {adapter:?}");
            ExitCode::from(2)
        }
    }
}

/// Prepares this process for starting workers of the library, or runs as a worker.
pub fn begin<M, P, F, E>(adapter: Adapter<M, P, F, E>)
where
    M: Copy + Send + Sync + 'static,
    P: 'static,
    F: 'static,
    E: Tells,
{
    body::set_nest(Box::new(move |call| nest(&adapter, call)));
    (adapter.init)();
}

/// Carries out the command in the last argument, for a library.
pub fn serve(library: &dyn Library) -> ExitCode {
    match std::env::args().next_back().as_deref() {
        Some("describe") => {
            println!("{}", library.describe().to_json());
            ExitCode::SUCCESS
        }
        Some("run") => match run(library) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("the last argument must be `describe` or `run`");
            ExitCode::from(2)
        }
    }
}

fn run(library: &dyn Library) -> Result<(), String> {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).map_err(|error| error.to_string())?;
    let scenario = Scenario::from_json(&text)
        .map_err(|error| format!("standard input is no scenario: {error}"))?;
    let capabilities = library.describe().with_contained().capabilities;
    if let Some(missing) = scenario.needs().difference(&capabilities).next() {
        unsupported(&missing.word());
    }
    let lines = Lines::take_stdout()?;
    let run = Run { library, lines, names: Names::default() };
    let (first, others) = scenario.clients.split_first().ok_or("the scenario has no client")?;
    std::thread::scope(|scope| {
        for client in others {
            scope.spawn(|| run.follow(client));
        }
        run.follow(first);
    });
    Ok(())
}

/// Ends the program because the pool has no function for a step.
fn unsupported(what: &str) -> ! {
    eprintln!("this adapter cannot express: {what}");
    std::process::exit(UNSUPPORTED)
}

/// The duplicate of standard output for the lines; the output of workers goes to standard error.
struct Lines(Mutex<std::fs::File>);

impl Lines {
    fn take_stdout() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("standard output: {error}");
        let copy: OwnedFd = std::io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
        dup2_stdout(std::io::stderr()).map_err(|error| failed(error.into()))?;
        Ok(Self(Mutex::new(copy.into())))
    }

    fn write(&self, line: &Line) {
        let text = line.to_json() + "\n";
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if file.write_all(text.as_bytes()).is_err() {
            // The reader has closed the pipe.
            std::process::exit(1);
        }
    }
}

/// The objects that clients have named.
#[derive(Default)]
struct Names {
    pools: Mutex<HashMap<String, Arc<dyn Pool>>>,
    futures: Mutex<HashMap<String, Arc<dyn Future>>>,
    maps: Mutex<HashMap<String, Map>>,
}

struct Run<'a> {
    library: &'a dyn Library,
    lines: Lines,
    names: Names,
}

fn named<T>(found: Option<T>, name: &str) -> Result<T, Stop> {
    found.ok_or_else(|| {
        let text =
            format!("{name} does not exist: the step that should have created it has failed");
        Stop::failed(ErrorClass::Invalid, text)
    })
}

fn find<T: Clone>(names: &Mutex<HashMap<String, T>>, name: &str) -> Result<T, Stop> {
    let names = names.lock().unwrap_or_else(PoisonError::into_inner);
    named(names.get(name).cloned(), name)
}

fn remove<T>(names: &Mutex<HashMap<String, T>>, name: &str) -> Result<T, Stop> {
    named(names.lock().unwrap_or_else(PoisonError::into_inner).remove(name), name)
}

fn keep<T>(names: &Mutex<HashMap<String, T>>, name: &str, value: T) {
    let before =
        names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
    // Only after the names are free for others: dropping a pool may take its time.
    drop(before);
}

fn millis(timeout: Option<u64>) -> Option<Duration> {
    timeout.map(Duration::from_millis)
}

impl Run<'_> {
    fn follow(&self, client: &Client) {
        for (step, what) in client.steps.iter().enumerate() {
            let line = |is, outcome| {
                let client = client.name.clone();
                self.lines.write(&Line { client, step, at: now(), is, outcome });
            };
            line(Moment::Begin, None);
            let outcome = match self.carry_out(what) {
                Ok(value) => Outcome::Ok(value),
                Err(Stop::Failed(failure)) => Outcome::Error(failure),
                Err(Stop::Unsupported(what)) => unsupported(&what),
            };
            line(Moment::End, Some(outcome));
        }
    }

    fn carry_out(&self, step: &Step) -> Result<Value, Stop> {
        let Names { pools, futures, maps } = &self.names;
        match step {
            Step::New { pool, options } => {
                keep(pools, pool, self.library.new_pool(options)?.into())
            }
            Step::Submit { pool, future, call } => {
                keep(futures, future, find(pools, pool)?.submit(call)?);
            }
            Step::Result { future, timeout } => {
                return find(futures, future)?.result(millis(*timeout));
            }
            Step::Map { pool, calls, options } => {
                let items = find(pools, pool)?.map(calls.clone(), options)?;
                let outcomes: Vec<Outcome> = items.take(calls.len() + 1).collect();
                return Ok(json!(outcomes));
            }
            Step::MapOpen { pool, map, calls, options } => {
                keep(maps, map, find(pools, pool)?.map(calls.clone(), options)?);
            }
            Step::MapNext { map } => {
                let mut items = remove(maps, map)?;
                let item: Vec<Outcome> = items.next().into_iter().collect();
                keep(maps, map, items);
                return Ok(json!(item));
            }
            Step::MapClose { map } => drop(remove(maps, map)?),
            Step::Shutdown { pool, wait, cancel } => find(pools, pool)?.shutdown(*wait, *cancel)?,
            Step::KillWorkers { pool } => find(pools, pool)?.kill_workers()?,
            Step::Drop { pool } => drop(remove(pools, pool)?),
            Step::Cancel { future } => return find(futures, future)?.cancel().map(Value::from),
            Step::State { future } => return find(futures, future)?.state().map(Value::from),
            Step::Callback { future, label, fails, reads } => {
                let (label, fails, reads) = (label.clone(), *fails, *reads);
                let future = find(futures, future)?;
                let its = reads.then(|| Arc::clone(&future));
                future.add_callback(Arc::new(move || {
                    let tag = match its.as_ref().map(|its| its.state()) {
                        Some(Ok(state)) => format!("{label} {state}"),
                        _ => label.clone(),
                    };
                    trace::write(EventKind::Callback, &tag);
                    assert!(!fails, "the callback {label} fails");
                }))?;
            }
            Step::Wait { futures: named, until, timeout } => {
                let all = self.all(named)?;
                let done = self.library.wait(&all, *until, millis(*timeout))?;
                let (done, not_done): (Vec<_>, Vec<_>) =
                    (0..named.len()).partition(|place| done.contains(place));
                let names = |places: Vec<usize>| -> Vec<&String> {
                    let mut names: Vec<_> = places.into_iter().map(|place| &named[place]).collect();
                    names.dedup();
                    names
                };
                return Ok(json!({"done": names(done), "not_done": names(not_done)}));
            }
            Step::AsCompleted { futures: named, timeout } => {
                let (order, timed_out) =
                    self.library.as_completed(&self.all(named)?, millis(*timeout))?;
                let order: Vec<_> = order.into_iter().map(|place| &named[place]).collect();
                return Ok(json!({"order": order, "timed_out": timed_out}));
            }
            Step::OpenFile {} => trace::open_file(),
            Step::Gate { gate } => trace::pass(gate),
        }
        Ok(Value::Null)
    }

    fn all(&self, names: &[String]) -> Result<Vec<Arc<dyn Future>>, Stop> {
        names.iter().map(|name| find(&self.names.futures, name)).collect()
    }
}
