//! What an adapter is to do: `ADAPTER run`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::Call;

/// What an adapter carries out in one fresh process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The version of the contract.
    pub contract: u32,
    /// The case that it belongs to, for people.
    pub case: String,
    /// Who does what. They run at the same time, each in a thread of its own; the first one may run in
    /// the main thread. There is more than one only with the capability `threads`. The process ends,
    /// as a program in its language normally does, when all have come to their end.
    pub clients: Vec<Client>,
}

/// A thread that carries out steps, one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// What it does. Pools, futures and maps are named, and all clients see the same names. A step on a
    /// name that stands for nothing fails with the class `invalid`. A step that makes something takes
    /// its name over from what had it.
    pub steps: Vec<Step>,
}

/// One call of the pool's interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Makes a pool. Returns null.
    New {
        /// Its name.
        pool: String,
        /// How.
        #[serde(default)]
        options: PoolOptions,
    },
    /// Submits a call. Returns null.
    Submit {
        /// To which pool.
        pool: String,
        /// The name of its future.
        future: String,
        /// What.
        call: Call,
    },
    /// Waits for a future. Returns what the call returned.
    Result {
        /// Which.
        future: String,
        /// Milliseconds, after which it fails with the class `timeout`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Maps over calls, and takes everything there is. Returns a list with an outcome for each item
    /// that the map gave, errors among them; a map that ends early gives a shorter list.
    Map {
        /// With which pool.
        pool: String,
        /// Over what.
        calls: Vec<Call>,
        /// How.
        #[serde(default)]
        options: MapOptions,
    },
    /// Begins a map. Returns null.
    MapOpen {
        /// With which pool.
        pool: String,
        /// Its name.
        map: String,
        /// Over what. Each one that is pulled is an event `pull`.
        calls: Vec<Call>,
        /// How.
        #[serde(default)]
        options: MapOptions,
    },
    /// Takes one item. Returns a list: with its outcome, or empty at the end.
    MapNext {
        /// Of which map.
        map: String,
    },
    /// Drops the map. Returns null.
    MapClose {
        /// Which.
        map: String,
    },
    /// Shuts a pool down. Returns null.
    Shutdown {
        /// Which.
        pool: String,
        /// Whether it waits for all tasks and workers.
        wait: bool,
        /// Whether tasks that have not begun are cancelled.
        cancel: bool,
    },
    /// Kills the workers of a pool, and with it the pool. Returns null.
    KillWorkers {
        /// Of which.
        pool: String,
    },
    /// Lets go of the pool without shutting it down. Returns null.
    Drop {
        /// Which.
        pool: String,
    },
    /// Cancels. Returns whether that succeeded.
    Cancel {
        /// What.
        future: String,
    },
    /// Returns `pending`, `running`, `done` (with an error, too) or `cancelled`.
    State {
        /// Of which future.
        future: String,
    },
    /// Adds a callback that writes the event `callback` with the tag `label`. Returns null.
    Callback {
        /// To which future.
        future: String,
        /// Its name.
        label: String,
        /// Whether it fails after that, with an ordinary error.
        #[serde(default)]
        fails: bool,
    },
    /// Waits for futures. Returns `{"done": […], "not_done": […]}` with their names.
    Wait {
        /// For which.
        futures: Vec<String>,
        /// Until when.
        until: Until,
        /// Milliseconds, after which it returns what there is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Takes futures as they complete. Returns `{"order": […], "timed_out": …}` with their names.
    AsCompleted {
        /// Which.
        futures: Vec<String>,
        /// Milliseconds, after which it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Opens the file `opened` in the folder for writing, as a program of the language opens its files, and
    /// keeps it open until the process ends. Does nothing else about it, in workers neither. Returns null.
    OpenFile {},
    /// Waits until a gate is open. Returns null.
    Gate {
        /// Which.
        gate: String,
    },
}

impl Step {
    /// Returns the calls in it, an initializer among them.
    pub fn calls(&self) -> Vec<&Call> {
        match self {
            Self::New { options, .. } => options.initializer.iter().collect(),
            Self::Submit { call, .. } => vec![call],
            Self::Map { calls, .. } | Self::MapOpen { calls, .. } => calls.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// How a pool is made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolOptions {
    /// The most workers; may make no sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<i64>,
    /// What each worker runs before its first task. Without it, no initializer is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initializer: Option<Call>,
    /// The most tasks of a worker; may make no sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tasks_per_child: Option<i64>,
    /// Milliseconds without a task, after which a worker leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<u64>,
    /// Milliseconds that a task may take before it is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_timeout: Option<u64>,
    /// Variables of the workers' environment, besides those of the client.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// How a map is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapOptions {
    /// How many items travel together; may make no sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunksize: Option<i64>,
    /// Milliseconds from the beginning of the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// How many items may be submitted and not taken; may make no sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffersize: Option<i64>,
    /// Whether results may come in any order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unordered: bool,
}

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// All are done.
    AllCompleted,
    /// One is done.
    FirstCompleted,
    /// One has failed, or all are done.
    FirstException,
}
