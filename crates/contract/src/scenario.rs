//! The input of an adapter: `ADAPTER run`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::Call;

/// The steps that an adapter carries out in one fresh process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The version of the contract.
    pub contract: u32,
    /// The id of its case, for readers.
    pub case: String,
    /// The clients. They run in parallel, each in a thread of its own; the first one may run in the main
    /// thread. Several exist only with the capability `threads`. The process exits, as a program in its
    /// language normally does, when all clients have finished.
    pub clients: Vec<Client>,
}

/// A thread that carries out steps, one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its steps. Pools, futures and maps are named, and all clients see the same names. A step on an
    /// unknown name fails with the class `invalid`. A step that creates an object replaces the previous
    /// owner of its name.
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
        /// Its options.
        #[serde(default)]
        options: PoolOptions,
    },
    /// Submits a call. Returns null.
    Submit {
        /// The pool.
        pool: String,
        /// The name of its future.
        future: String,
        /// The call.
        call: Call,
    },
    /// Waits for a future. Returns the result of the call.
    Result {
        /// The future.
        future: String,
        /// Milliseconds after which it fails with the class `timeout`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Maps over calls, and takes every result. Returns a list with an outcome for each item that the map
    /// returned, errors included; the list of a map that ends early is shorter.
    Map {
        /// The pool.
        pool: String,
        /// The calls.
        calls: Vec<Call>,
        /// Its options.
        #[serde(default)]
        options: MapOptions,
    },
    /// Begins a map. Returns null.
    MapOpen {
        /// The pool.
        pool: String,
        /// Its name.
        map: String,
        /// The calls. Each one that is pulled is an event `pull`.
        calls: Vec<Call>,
        /// Its options.
        #[serde(default)]
        options: MapOptions,
    },
    /// Takes one item. Returns a list with its outcome, empty at the end.
    MapNext {
        /// The map.
        map: String,
    },
    /// Drops the map. Returns null.
    MapClose {
        /// The map.
        map: String,
    },
    /// Shuts a pool down. Returns null.
    Shutdown {
        /// The pool.
        pool: String,
        /// Whether it waits for all tasks and workers.
        wait: bool,
        /// Whether tasks that have not begun are cancelled.
        cancel: bool,
    },
    /// Kills the workers of a pool, and with it the pool. Returns null.
    KillWorkers {
        /// The pool.
        pool: String,
    },
    /// Drops the pool without shutting it down. Returns null.
    Drop {
        /// The pool.
        pool: String,
    },
    /// Cancels. Returns whether that succeeded.
    Cancel {
        /// The future.
        future: String,
    },
    /// Returns `pending`, `running`, `done` (with an error, too) or `cancelled`.
    State {
        /// The future.
        future: String,
    },
    /// Adds a callback that writes the event `callback` with the tag `label`. Returns null.
    Callback {
        /// The future.
        future: String,
        /// The label of the callback.
        label: String,
        /// Whether the callback fails after that, with an ordinary error.
        #[serde(default)]
        fails: bool,
        /// Whether the callback first reads the state of its future. Then a space and the state follow the
        /// label in the tag.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reads: bool,
    },
    /// Waits for futures. Returns `{"done": […], "not_done": […]}` with their names.
    Wait {
        /// The futures.
        futures: Vec<String>,
        /// The condition that ends it.
        until: Until,
        /// Milliseconds after which it returns in any case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Takes futures as they complete. Returns `{"order": […], "timed_out": …}` with their names.
    AsCompleted {
        /// The futures.
        futures: Vec<String>,
        /// Milliseconds, after which it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Opens the file `opened` in the folder for writing, as a program of the language opens its files,
    /// and keeps it open until the process exits. It takes no other precautions, in workers neither.
    /// Returns null.
    OpenFile {},
    /// Waits until a gate is open. Returns null.
    Gate {
        /// The gate.
        gate: String,
    },
}

impl Step {
    /// Returns its calls, including an initializer.
    pub fn calls(&self) -> Vec<&Call> {
        match self {
            Self::New { options, .. } => options.initializer.iter().collect(),
            Self::Submit { call, .. } => vec![call],
            Self::Map { calls, .. } | Self::MapOpen { calls, .. } => calls.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// The options of a pool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolOptions {
    /// The maximum of workers; may be invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<i64>,
    /// The call that each worker runs before its first task. Without it, no initializer is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initializer: Option<Call>,
    /// The maximum of tasks of a worker; may be invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tasks_per_child: Option<i64>,
    /// Milliseconds without a task after which a worker exits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<u64>,
    /// Milliseconds after which a task is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_timeout: Option<u64>,
    /// Environment variables of the workers, besides those of the client.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// The options of a map.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapOptions {
    /// The number of items in a chunk; may be invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunksize: Option<i64>,
    /// Milliseconds from the beginning of the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// The number of items that may be submitted and not taken; may be invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffersize: Option<i64>,
    /// Whether results may come in any order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unordered: bool,
}

/// The condition that ends a `wait`.
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
