//! An adapter's description of itself and of its pool: `ADAPTER describe`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VERSION;

/// The answer to `ADAPTER describe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The version of the contract that the adapter was written for.
    pub contract: u32,
    /// The name of the pool, as its users know it: `concurrent.futures`.
    pub implementation: String,
    /// The version of the pool.
    pub version: String,
    /// The language and its version: `CPython 3.11.7`.
    pub language: String,
    /// The start method of this adapter: `spawn`. Each start method has its own adapter, because
    /// capabilities and policies depend on it.
    pub start_method: String,
    /// The capabilities beyond the core tier.
    pub capabilities: BTreeSet<Capability>,
    /// The policies, where pools may differ.
    #[serde(default)]
    pub policies: Policies,
}

impl Description {
    /// Adds the capabilities that others contain: `initargs` contains `initializer`.
    #[must_use]
    pub fn with_contained(mut self) -> Self {
        if self.capabilities.contains(&Capability::Initargs) {
            self.capabilities.insert(Capability::Initializer);
        }
        self
    }

    /// Checks the rules that the types do not express.
    ///
    /// # Errors
    ///
    /// The version is another one, or a policy that a capability needs is missing.
    pub fn check(&self) -> Result<(), String> {
        use Capability as Has;

        if self.contract != VERSION {
            return Err(format!(
                "it speaks version {} of the contract, this suite version {VERSION}",
                self.contract
            ));
        }
        if self.implementation.trim().is_empty() || self.start_method.trim().is_empty() {
            return Err("`implementation` and `start_method` must be names".to_owned());
        }
        if !self.capabilities.contains(&Has::Submit) && !self.capabilities.contains(&Has::Map) {
            let core = "`submit` and `map` are words of `capabilities`, though they are core";
            return Err(format!("{core}: declare those that the pool has, at least one"));
        }
        let policies = &self.policies;
        let needed = [
            (Some(Has::Map), "map_error", policies.map_error.is_some()),
            (Some(Has::Drop), "drop", policies.drop.is_some()),
            (Some(Has::WorkerDeath), "worker_death", policies.worker_death.is_some()),
            (Some(Has::Cancel), "cancel_running", policies.cancel_running.is_some()),
            (Some(Has::PoisonDecodeArgument), "bad_argument", policies.bad_argument.is_some()),
            (Some(Has::PoisonDecodeResult), "bad_result", policies.bad_result.is_some()),
            (Some(Has::ShutdownCancel), "second_shutdown", policies.second_shutdown.is_some()),
            (Some(Has::Callbacks), "callback_thread", policies.callback_thread.is_some()),
            (None, "start", policies.start.is_some()),
            (None, "program_end", policies.program_end.is_some()),
        ];
        for (capability, policy, is_there) in needed {
            if is_there {
                continue;
            }
            match capability {
                None => {
                    return Err(format!("the policy `{policy}` is missing, which every pool has"));
                }
                Some(capability) if self.capabilities.contains(&capability) => {
                    let word = capability.word();
                    return Err(format!("the capability `{word}` needs the policy `{policy}`"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// A capability that not every pool has. The core tier (`new`, `submit`, `result`, `map`, `shutdown`; the
/// bodies `echo`, `square`, `whoami`, `gate`, `sleep`, `fail`) needs none.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    // ---- creating a pool ----
    /// `new` takes `initializer`, which each worker calls before its first task. [`Initargs`](Self::Initargs)
    /// contains it.
    Initializer,
    /// `new` passes `initializer.value` to the initializer, which keeps it for `whoami`.
    Initargs,
    /// `new` without `max_workers` chooses a number.
    DefaultMaxWorkers,
    /// `new` refuses invalid numbers of workers.
    ChecksMaxWorkers,
    /// `new` takes `max_tasks_per_child`.
    MaxTasksPerChild,
    /// `new` takes `idle_timeout`.
    IdleTimeout,
    /// `new` takes `task_timeout`.
    TaskTimeout,
    /// `new` takes `env`.
    Env,

    // ---- operations of a pool ----
    /// `submit` and `result` for single tasks, unlike a pool that has only maps. Core; named so that an
    /// adapter without it can leave it out.
    Submit,
    /// `map`, which returns results in the order of the inputs. Core, as [`Submit`](Self::Submit).
    Map,
    /// `map` takes `chunksize`.
    Chunksize,
    /// `map` takes `timeout`.
    MapTimeout,
    /// `map` and `map_open` take `buffersize`.
    Buffersize,
    /// `map` takes `unordered`.
    Unordered,
    /// `map_open`, `map_next`, `map_close`: results one by one, inputs as they are pulled.
    LazyMap,
    /// `shutdown` takes `wait: false`.
    ShutdownNowait,
    /// `shutdown` takes `cancel: true`.
    ShutdownCancel,
    /// `kill_workers`.
    KillWorkers,
    /// `drop`: the last handle is dropped without `shutdown`.
    Drop,

    // ---- operations of a future ----
    /// `result` takes `timeout`.
    ResultTimeout,
    /// `cancel`.
    Cancel,
    /// `state`.
    State,
    /// `callback`.
    Callbacks,
    /// `wait`.
    Wait,
    /// `as_completed`.
    AsCompleted,
    /// Several clients may use one pool at the same time.
    Threads,
    /// A second pool may exist beside the first.
    SeveralPools,

    // ---- other operations of the program ----
    /// `open_file`.
    OpenFile,

    // ---- contents of errors ----
    /// An error of a task contains the message of the body.
    ErrorMessage,
    /// A broken pool's error contains how the worker ended, as `status`.
    ExitStatus,
    /// The errors of tasks that waited for a failed initializer contain its message.
    InitializerCause,
    /// An error of a task contains the place where it was raised, as `trace`.
    RemoteTrace,

    // ---- capabilities of bodies ----
    /// The body and the initializer `die`; the pool notices workers that are killed.
    WorkerDeath,
    /// `encode_argument` as a `poison`.
    PoisonEncodeArgument,
    /// `decode_argument` as a `poison`.
    PoisonDecodeArgument,
    /// `encode_result` as a `poison`.
    PoisonEncodeResult,
    /// `decode_result` as a `poison`.
    PoisonDecodeResult,
    /// The body `blob`.
    Blob,
    /// The bodies `print` and `read_stdin`.
    Stdio,
    /// The body `child`.
    ChildProcess,
    /// The body `nest`.
    Nested,
    /// The body `ignore_term`.
    IgnoreTerm,
    /// The body `getenv`.
    Getenv,
}

impl Capability {
    /// Returns its word in the contract.
    pub fn word(self) -> String {
        crate::word(self)
    }
}

/// Choices for which the contract allows several values, and a pool declares its own. A policy may be left
/// out only together with the capability that it belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// The effect of a worker's death on its pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_death: Option<policy::WorkerDeath>,
    /// The behaviour of a map after the error of one of its items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_error: Option<policy::MapError>,
    /// The outcome of tasks whose pool is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop: Option<policy::Drop>,
    /// The outcome of tasks when the program ends without `shutdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_end: Option<policy::ProgramEnd>,
    /// The outcome of tasks when the program ends after a `shutdown` that did not wait for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nowait_end: Option<policy::ProgramEnd>,
    /// The time at which workers are started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<policy::Start>,
    /// The effect of `cancel` on a running task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_running: Option<policy::CancelRunning>,
    /// The effect of an argument that cannot be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_argument: Option<policy::Undecodable>,
    /// The effect of a result that cannot be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_result: Option<policy::Undecodable>,
    /// The effect of a stronger second `shutdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_shutdown: Option<policy::SecondShutdown>,
    /// The effect of SIGINT in a worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigint: Option<policy::Sigint>,
    /// The thread that runs callbacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_thread: Option<policy::CallbackThread>,
}

/// The values of each policy.
pub mod policy {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    macro_rules! policy {
        ($(#[$about:meta])* $name:ident { $($(#[$choice_about:meta])* $choice:ident,)+ }) => {
            $(#[$about])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all = "snake_case")]
            pub enum $name { $($(#[$choice_about])* $choice,)+ }
        };
    }

    policy! {
        /// The effect of a worker's death.
        WorkerDeath {
            /// Every unfinished task of the pool fails, and later ones are refused.
            Break,
            /// The task that it ran fails; another worker replaces it.
            Replace,
        }
    }
    policy! {
        /// The behaviour of a map after the error of an item.
        MapError {
            /// It ends.
            Stop,
            /// It continues with the next item.
            Continue,
        }
    }
    policy! {
        /// The outcome of tasks whose pool is dropped.
        Drop {
            /// They finish, and dropping waits for that.
            DrainAndWait,
            /// They finish, and dropping does not wait.
            Drain,
            /// They end with their workers.
            Kill,
        }
    }
    policy! {
        /// The outcome of tasks when the program ends.
        ProgramEnd {
            /// They finish first.
            Drain,
            /// They do not finish.
            Abandon,
        }
    }
    policy! {
        /// The time at which workers are started.
        Start {
            /// When there is a task that no idle worker can take.
            OnDemand,
            /// All with the first task.
            AtFirstSubmit,
            /// All when the pool is created.
            AtConstruction,
        }
    }
    policy! {
        /// The effect of `cancel` on a running task.
        CancelRunning {
            /// None: it returns false.
            Refuse,
            /// Kills its worker.
            Kill,
        }
    }
    policy! {
        /// The outcome of a task with a value that cannot be decoded.
        Undecodable {
            /// It fails; its pool continues.
            TaskError,
            /// Its pool breaks, or its worker dies, with the consequences of a death.
            Broken,
        }
    }
    policy! {
        /// The effect of a stronger second `shutdown`.
        SecondShutdown {
            /// The requested one.
            Honoured,
            /// None.
            Ignored,
        }
    }
    policy! {
        /// The effect of SIGINT in a worker.
        Sigint {
            /// None.
            Ignored,
            /// It interrupts the task, or kills the worker.
            Delivered,
        }
    }
    policy! {
        /// The thread that runs callbacks.
        CallbackThread {
            /// A thread of the pool that only runs callbacks.
            Own,
            /// A thread of the pool that also has other work.
            Pool,
            /// The thread that completes the future or adds the callback.
            Caller,
        }
    }
}
