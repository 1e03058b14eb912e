//! What an adapter says of itself and of its pool: `ADAPTER describe`.

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
    /// How this adapter starts workers: `spawn`. Another way is another adapter, because what a pool
    /// can do and what it promises depends on it.
    pub start_method: String,
    /// What the pool can do beyond the core tier.
    pub capabilities: BTreeSet<Capability>,
    /// What it has chosen where pools legitimately differ.
    #[serde(default)]
    pub policies: Policies,
}

impl Description {
    /// Checks what the types do not.
    ///
    /// # Errors
    ///
    /// The version is another, or a policy is missing that a capability needs.
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

/// Something that not every pool can do. The core tier (`new`, `submit`, `result`, `map`, `shutdown`;
/// the bodies `echo`, `square`, `whoami`, `gate`, `sleep`, `fail`; the initializers `mark` and `fail`)
/// needs none.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    // ---- how a pool is made ----
    /// `new` passes `initializer.value` to the initializer, which keeps it for `whoami`.
    Initargs,
    /// `new` without `max_workers` chooses a number.
    DefaultMaxWorkers,
    /// `new` refuses numbers of workers that make no sense.
    ChecksMaxWorkers,
    /// `new` takes `max_tasks_per_child`.
    MaxTasksPerChild,
    /// `new` takes `idle_timeout`.
    IdleTimeout,
    /// `new` takes `task_timeout`.
    TaskTimeout,
    /// `new` takes `env`.
    Env,

    // ---- what is done with a pool ----
    /// `submit` and `result` for one task at a time, apart from each other: the opposite of a pool
    /// that has only maps. Core; named so that an adapter without it can say so.
    Submit,
    /// `map`, which gives results in the order of the inputs. Core, as [`Submit`](Self::Submit).
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
    /// `drop`: the last handle goes, without `shutdown`.
    Drop,

    // ---- what is done with a future ----
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
    /// Several clients may use one pool at a time.
    Threads,
    /// There may be a second pool while there is a first.
    SeveralPools,

    // ---- what else the program does ----
    /// `open_file`.
    OpenFile,

    // ---- what errors say ----
    /// An error of a task carries the message that the body failed with.
    ErrorMessage,
    /// A broken pool's error says how the worker ended, as `status`.
    ExitStatus,
    /// A failed initializer's message is in the error of what waited for it.
    InitializerCause,
    /// An error of a task carries where it was raised, as `trace`.
    RemoteTrace,

    // ---- what bodies can do ----
    /// The body and the initializer `die`; workers that are killed are noticed.
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
    /// Returns the word for it in the contract.
    pub fn word(self) -> String {
        crate::word(self)
    }
}

/// Choices that are all right, where a pool must say which is its own. One is left out only where
/// the capability that it is about is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// What the death of a worker does to its pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_death: Option<policy::WorkerDeath>,
    /// What a map does after the error of one of its items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_error: Option<policy::MapError>,
    /// What becomes of tasks whose pool is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop: Option<policy::Drop>,
    /// What becomes of tasks when the program ends without `shutdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_end: Option<policy::ProgramEnd>,
    /// What becomes of tasks when the program ends that a `shutdown` did not wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nowait_end: Option<policy::ProgramEnd>,
    /// When workers are started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<policy::Start>,
    /// What `cancel` does to a running task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_running: Option<policy::CancelRunning>,
    /// What an argument does that cannot be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_argument: Option<policy::Undecodable>,
    /// What a result does that cannot be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_result: Option<policy::Undecodable>,
    /// What a stronger second `shutdown` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_shutdown: Option<policy::SecondShutdown>,
    /// What SIGINT does in a worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigint: Option<policy::Sigint>,
    /// Which thread runs callbacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_thread: Option<policy::CallbackThread>,
}

/// The choices of each policy.
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
        /// What the death of a worker does.
        WorkerDeath {
            /// Every unfinished task of the pool fails, and later ones are refused.
            Break,
            /// The task that it ran fails; another worker takes its place.
            Replace,
        }
    }
    policy! {
        /// What a map does after the error of an item.
        MapError {
            /// It ends there.
            Stop,
            /// It goes on with the next item.
            Continue,
        }
    }
    policy! {
        /// What becomes of tasks whose pool is dropped.
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
        /// What becomes of tasks when the program ends.
        ProgramEnd {
            /// They finish first.
            Drain,
            /// They do not.
            Abandon,
        }
    }
    policy! {
        /// When workers are started.
        Start {
            /// When there is a task that no idle worker can take.
            OnDemand,
            /// All with the first task.
            AtFirstSubmit,
            /// All with the pool.
            AtConstruction,
        }
    }
    policy! {
        /// What `cancel` does to a running task.
        CancelRunning {
            /// Nothing: it says no.
            Refuse,
            /// Kills its worker.
            Kill,
        }
    }
    policy! {
        /// What becomes of a task with something that cannot be decoded.
        Undecodable {
            /// It fails; its pool goes on.
            TaskError,
            /// Its pool breaks, or its worker dies, with what that does.
            Broken,
        }
    }
    policy! {
        /// What a stronger second `shutdown` does.
        SecondShutdown {
            /// What it says.
            Honoured,
            /// Nothing.
            Ignored,
        }
    }
    policy! {
        /// What SIGINT does in a worker.
        Sigint {
            /// Nothing.
            Ignored,
            /// Something: it interrupts the task, or kills the worker.
            Delivered,
        }
    }
    policy! {
        /// Which thread runs callbacks.
        CallbackThread {
            /// One of the pool's that has nothing else to do.
            Own,
            /// One of the pool's that it needs for other things.
            Pool,
            /// The one that completes the future or adds the callback.
            Caller,
        }
    }
}
