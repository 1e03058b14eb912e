//! The plan of a case: the scenario for the adapter, and the script that the suite follows at the same
//! time.
//!
//! Owns the vocabulary of cases. Nothing here is an expectation: those belong to the judge.

use std::time::Duration;

use procpool_contract::{
    Body, Call, Client, EventKind, MapOptions, PoolOptions, Scenario, Step, Until, VERSION, word,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A scenario and a script under construction.
#[derive(Debug, Clone)]
pub struct Plan {
    clients: Vec<Client>,
    script: Vec<Stage>,
}

/// An action of the suite while the adapter carries out the scenario; they run one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waits until an event has happened, which it must.
    Until(Condition),
    /// Opens a gate.
    Open(String),
    /// Sends a signal.
    Signal(Who, i32),
    /// Looks at the system.
    Sample(String),
    /// Looks until there is no more than at another look, for as long as processes may take to exit.
    Settle {
        /// The name of the look; the last one is kept.
        name: String,
        /// The look to compare with.
        like: String,
    },
    /// Waits for a short time in which an event must not happen.
    Quiet,
    /// Waits for a time that the pool was given.
    Pause(Duration),
}

/// A process of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The process that has the pool.
    Owner,
    /// The process in which a task or an initializer of this tag last began.
    WorkerOf(String),
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The trace has `count` events of the kind, of one tag or of any.
    Traced(EventKind, Option<String>, usize),
    /// A step has begun, by its summary.
    Called(String),
    /// A step has ended, by its summary.
    Returned(String),
    /// A step has ended, or the second one has begun and not ended, which precedes it.
    ReturnedUnlessOpen(String, String),
    /// A process has exited, or is a zombie.
    Gone(Who),
    /// Every process in which a body began has exited.
    WorkersGone,
    /// The adapter's process has exited.
    OwnerEnded,
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Traced(kind, Some(tag), 1) => write!(f, "\"{}\" of \"{tag}\"", word(kind)),
            Self::Traced(kind, Some(tag), count) => {
                write!(f, "{count} times \"{}\" of \"{tag}\"", word(kind))
            }
            Self::Traced(kind, None, count) => write!(f, "{count} times \"{}\"", word(kind)),
            Self::Called(step) => write!(f, "the beginning of \"{step}\""),
            Self::Returned(step) | Self::ReturnedUnlessOpen(step, _) => {
                write!(f, "the end of \"{step}\"")
            }
            Self::Gone(Who::Owner) => write!(f, "the end of the program"),
            Self::Gone(Who::WorkerOf(tag)) => {
                write!(f, "the end of the worker of \"{tag}\"")
            }
            Self::WorkersGone => write!(f, "the end of every worker"),
            Self::OwnerEnded => write!(f, "the end of the program"),
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        let main = Client { name: "main".to_owned(), steps: Vec::new() };
        Self { clients: vec![main], script: Vec::new() }
    }
}

impl Plan {
    /// Returns the scenario of the case `id`.
    pub fn scenario(&self, id: &str) -> Scenario {
        Scenario { contract: VERSION, case: id.to_owned(), clients: self.clients.clone() }
    }

    /// Returns the script.
    pub fn script(&self) -> &[Stage] {
        &self.script
    }

    // ---- the scenario ----

    /// Adds a client: the following steps are its own, in parallel.
    pub fn client(&mut self, name: &str) -> &mut Self {
        self.clients.push(Client { name: name.to_owned(), steps: Vec::new() });
        self
    }

    /// Adds a step to the last client.
    pub fn step(&mut self, step: Step) -> &mut Self {
        self.clients.last_mut().expect("there is a first").steps.push(step);
        self
    }

    /// Makes a pool.
    pub fn new_pool(&mut self, pool: &str, options: PoolOptions) -> &mut Self {
        self.step(Step::New { pool: pool.to_owned(), options })
    }

    /// Submits a call; its tag is the name of its future.
    pub fn submit(&mut self, pool: &str, call: Call) -> &mut Self {
        self.submit_as(&call.tag.clone(), pool, call)
    }

    /// Submits a call whose future has another name than its tag.
    pub fn submit_as(&mut self, future: &str, pool: &str, call: Call) -> &mut Self {
        self.step(Step::Submit { pool: pool.to_owned(), future: future.to_owned(), call })
    }

    /// Waits for a future.
    pub fn result(&mut self, future: &str) -> &mut Self {
        self.step(Step::Result { future: future.to_owned(), timeout: None })
    }

    /// Waits for a future, at most `millis` milliseconds.
    pub fn result_within(&mut self, future: &str, timeout: u64) -> &mut Self {
        self.step(Step::Result { future: future.to_owned(), timeout: Some(timeout) })
    }

    /// Maps over calls.
    pub fn map(&mut self, pool: &str, calls: Vec<Call>) -> &mut Self {
        self.map_with(pool, calls, MapOptions::default())
    }

    /// Maps over calls with options.
    pub fn map_with(&mut self, pool: &str, calls: Vec<Call>, options: MapOptions) -> &mut Self {
        self.step(Step::Map { pool: pool.to_owned(), calls, options })
    }

    /// Begins a map.
    pub fn map_open(
        &mut self,
        pool: &str,
        map: &str,
        calls: Vec<Call>,
        options: MapOptions,
    ) -> &mut Self {
        self.step(Step::MapOpen { pool: pool.to_owned(), map: map.to_owned(), calls, options })
    }

    /// Takes an item.
    pub fn map_next(&mut self, map: &str) -> &mut Self {
        self.step(Step::MapNext { map: map.to_owned() })
    }

    /// Drops a map.
    pub fn map_close(&mut self, map: &str) -> &mut Self {
        self.step(Step::MapClose { map: map.to_owned() })
    }

    /// Shuts a pool down and waits.
    pub fn shutdown(&mut self, pool: &str) -> &mut Self {
        self.shutdown_with(pool, true, false)
    }

    /// Shuts a pool down with options.
    pub fn shutdown_with(&mut self, pool: &str, wait: bool, cancel: bool) -> &mut Self {
        self.step(Step::Shutdown { pool: pool.to_owned(), wait, cancel })
    }

    /// Kills a pool's workers.
    pub fn kill_workers(&mut self, pool: &str) -> &mut Self {
        self.step(Step::KillWorkers { pool: pool.to_owned() })
    }

    /// Drops a pool.
    pub fn drop_pool(&mut self, pool: &str) -> &mut Self {
        self.step(Step::Drop { pool: pool.to_owned() })
    }

    /// Cancels.
    pub fn cancel(&mut self, future: &str) -> &mut Self {
        self.step(Step::Cancel { future: future.to_owned() })
    }

    /// Asks for the state.
    pub fn state(&mut self, future: &str) -> &mut Self {
        self.step(Step::State { future: future.to_owned() })
    }

    /// Adds a callback.
    pub fn callback(&mut self, future: &str, label: &str) -> &mut Self {
        let (future, label) = (future.to_owned(), label.to_owned());
        self.step(Step::Callback { future, label, fails: false, reads: false })
    }

    /// Adds a callback that reads the state of its future.
    pub fn reading_callback(&mut self, future: &str, label: &str) -> &mut Self {
        let (future, label) = (future.to_owned(), label.to_owned());
        self.step(Step::Callback { future, label, fails: false, reads: true })
    }

    /// Adds a callback that fails.
    pub fn failing_callback(&mut self, future: &str, label: &str) -> &mut Self {
        let (future, label) = (future.to_owned(), label.to_owned());
        self.step(Step::Callback { future, label, fails: true, reads: false })
    }

    /// Waits for futures.
    pub fn wait(&mut self, futures: &[&str], until: Until, timeout: Option<u64>) -> &mut Self {
        let futures = futures.iter().map(|future| (*future).to_owned()).collect();
        self.step(Step::Wait { futures, until, timeout })
    }

    /// Takes futures as they complete.
    pub fn as_completed(&mut self, futures: &[&str], timeout: Option<u64>) -> &mut Self {
        let futures = futures.iter().map(|future| (*future).to_owned()).collect();
        self.step(Step::AsCompleted { futures, timeout })
    }

    /// The program opens a file.
    pub fn open_file(&mut self) -> &mut Self {
        self.step(Step::OpenFile {})
    }

    /// The client waits for a gate.
    pub fn hold(&mut self, gate: &str) -> &mut Self {
        self.step(Step::Gate { gate: gate.to_owned() })
    }

    // ---- the script ----

    /// The suite waits.
    pub fn until(&mut self, condition: Condition) -> &mut Self {
        self.stage(Stage::Until(condition))
    }

    /// The suite opens a gate.
    pub fn open(&mut self, gate: &str) -> &mut Self {
        self.stage(Stage::Open(gate.to_owned()))
    }

    /// The suite sends a signal.
    pub fn signal(&mut self, who: Who, signal: i32) -> &mut Self {
        self.stage(Stage::Signal(who, signal))
    }

    /// The suite looks.
    pub fn sample(&mut self, name: &str) -> &mut Self {
        self.stage(Stage::Sample(name.to_owned()))
    }

    /// The suite looks until there is no more than at the look `like`, or gives up.
    pub fn settle(&mut self, name: &str, like: &str) -> &mut Self {
        self.stage(Stage::Settle { name: name.to_owned(), like: like.to_owned() })
    }

    /// The suite waits for a short time.
    pub fn quiet(&mut self) -> &mut Self {
        self.stage(Stage::Quiet)
    }

    /// The suite waits for a time.
    pub fn pause(&mut self, time: Duration) -> &mut Self {
        self.stage(Stage::Pause(time))
    }

    fn stage(&mut self, stage: Stage) -> &mut Self {
        self.script.push(stage);
        self
    }
}

// ---- conditions ----

/// A task has begun.
pub fn begun(tag: &str) -> Condition {
    Condition::Traced(EventKind::Begin, Some(tag.to_owned()), 1)
}

/// A task has ended.
pub fn ended(tag: &str) -> Condition {
    Condition::Traced(EventKind::End, Some(tag.to_owned()), 1)
}

/// `count` tasks have begun.
pub fn tasks_begun(count: usize) -> Condition {
    Condition::Traced(EventKind::Begin, None, count)
}

/// An event has happened `count` times.
pub fn traced(kind: EventKind, count: usize) -> Condition {
    Condition::Traced(kind, None, count)
}

/// A step has begun.
pub fn called(step: &str) -> Condition {
    Condition::Called(step.to_owned())
}

/// A step has ended.
pub fn returned(step: &str) -> Condition {
    Condition::Returned(step.to_owned())
}

/// A step has ended, or `before` has begun and not ended.
pub fn returned_unless_open(step: &str, before: &str) -> Condition {
    Condition::ReturnedUnlessOpen(step.to_owned(), before.to_owned())
}

/// The worker in which a task began has exited.
pub fn worker_gone(tag: &str) -> Condition {
    Condition::Gone(worker_of(tag))
}

/// The worker in which a task or an initializer began.
pub fn worker_of(tag: &str) -> Who {
    Who::WorkerOf(tag.to_owned())
}

// ---- pools and calls ----

/// A pool of `count` workers.
pub fn workers(count: i64) -> PoolOptions {
    PoolOptions { max_workers: Some(count), ..PoolOptions::default() }
}

/// A pool of `count` workers, each of which first keeps `value`, under the tag `init`.
pub fn marked(count: i64, value: impl Into<Value>) -> PoolOptions {
    let initializer = Some(Call { value: value.into(), ..call(Body::Mark, "init") });
    PoolOptions { initializer, ..workers(count) }
}

/// A call of a body without further arguments.
pub fn call(run: Body, tag: &str) -> Call {
    Call {
        run,
        tag: tag.to_owned(),
        value: Value::Null,
        gate: None,
        ms: None,
        text: None,
        count: None,
        code: None,
        signal: None,
        poison: None,
    }
}

/// Returns a value.
pub fn echo(tag: &str, value: impl Into<Value>) -> Call {
    Call { value: value.into(), ..call(Body::Echo, tag) }
}

/// Squares a number.
pub fn square(tag: &str, value: i64) -> Call {
    Call { value: value.into(), ..call(Body::Square, tag) }
}

/// Squares of 0 up to `count`, tagged `PREFIX0`, `PREFIX1` …
pub fn squares(prefix: &str, count: i64) -> Vec<Call> {
    (0..count).map(|number| square(&format!("{prefix}{number}"), number)).collect()
}

/// The results of [`squares`].
pub fn squared(count: i64) -> Vec<Value> {
    (0..count).map(|number| Value::from(number * number)).collect()
}

/// Returns its pid.
pub fn whoami(tag: &str) -> Call {
    call(Body::Whoami, tag)
}

/// Waits for a gate and returns its own tag.
pub fn gated(tag: &str, gate: &str) -> Call {
    Call { gate: Some(gate.to_owned()), value: tag.into(), ..call(Body::Gate, tag) }
}

/// Sleeps and returns its own tag.
pub fn sleep(tag: &str, ms: u64) -> Call {
    Call { ms: Some(ms), value: tag.into(), ..call(Body::Sleep, tag) }
}

/// Fails with a message.
pub fn fail(tag: &str, text: &str) -> Call {
    Call { text: Some(text.to_owned()), ..call(Body::Fail, tag) }
}

/// Ends its worker by an exit code.
pub fn die(tag: &str, code: i32) -> Call {
    Call { code: Some(code), ..call(Body::Die, tag) }
}

/// Ends its worker by a signal.
pub fn die_by(tag: &str, signal: i32) -> Call {
    Call { signal: Some(signal), ..call(Body::Die, tag) }
}
