//! Saboteurs of the initializer.

use std::fs::OpenOptions;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use procpool_contract::{Call, FOLDER_VARIABLE, PoolOptions};
use serde_json::Value;

use super::ours::Procpool;
use super::twist::{is_broken, locked};
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body;
use crate::body::{initialize, run};
use crate::library::{Future, Library, Pool, Stop};
use crate::wire::Wire;

pub(super) const ALL: &[Saboteur] = &[
    Saboteur {
        name: "initializes-twice",
        does: "Calls the initializer twice in every worker.",
        make: |ours| {
            let twice = |call: String| initialize(call.clone()).and_then(|()| initialize(call));
            Twisted::new(Procpool { initialize: twice, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "initializes-only-with-true-initargs",
        does: "Calls no initializer if Python takes its initargs for false.",
        make: |ours| Twisted::new(ours, OnlyWithTrue),
    },
    Saboteur {
        name: "initializes-per-task",
        does: "Calls the initializer again before each task.",
        make: |ours| {
            let each = |argument| {
                initialize_again();
                run(argument)
            };
            Twisted::new(Procpool { initialize: remembering, run: each, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "initializes-after-the-first-task",
        does: "Calls the initializer when a worker has run its first task.",
        make: |ours| {
            let later = |argument| {
                let result = run(argument);
                initialize_again();
                *remembered() = None;
                result
            };
            let not_yet = |call: String| {
                *remembered() = Some(call);
                Ok(())
            };
            Twisted::new(Procpool { initialize: not_yet, run: later, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "initializes-in-the-parent",
        does: "Calls the initializer in the program's own process, and in no worker.",
        make: |ours| Twisted::new(ours, InTheParent),
    },
    Saboteur {
        name: "initializes-not-in-replacements",
        does: "Calls the initializer in the first workers only, not in their replacements.",
        make: |ours| Twisted::new(Procpool { initialize: first_ones_only, ..ours }, Honest),
    },
    Saboteur {
        name: "initializes-again-after-an-error",
        does: "Calls the initializer again when a task has failed.",
        make: |ours| {
            let again = |argument| {
                panic::catch_unwind(AssertUnwindSafe(|| run(argument))).unwrap_or_else(|error| {
                    initialize_again();
                    panic::resume_unwind(error)
                })
            };
            Twisted::new(Procpool { initialize: remembering, run: again, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "initializes-without-an-initializer",
        does: "Calls an initializer of its own if it was given none.",
        make: |ours| Twisted::new(ours, HasItsOwn),
    },
    Saboteur {
        name: "shares-the-first-initializer",
        does: "Calls the initializer of the program's first pool in the workers of all.",
        make: |ours| Twisted::new(ours, Shares(Mutex::default())),
    },
    Saboteur {
        name: "restarts-after-a-failed-initializer",
        does: "Starts six more workers, one after another, when an initializer fails.",
        make: |ours| Twisted::new(ours, Restarts { ours, options: Mutex::default() }),
    },
    Saboteur {
        name: "drops-initargs",
        does: "Calls the initializer without its arguments.",
        make: |ours| Twisted::new(ours, DropsInitargs),
    },
    Saboteur {
        name: "swallows-the-initializers-error",
        does: "Keeps a worker whose initializer has failed.",
        make: |ours| {
            let swallowing = |call: String| {
                let _ = initialize(call);
                Ok(())
            };
            Twisted::new(Procpool { initialize: swallowing, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "hides-the-initializers-error",
        does: "Breaks when an initializer fails, without the initializer's message.",
        make: |ours| {
            let hiding = |call: String| initialize(call).map_err(|_| "something".to_owned());
            Twisted::new(Procpool { initialize: hiding, ..ours }, Honest)
        },
    },
];

/// The call of the initializer, in a worker.
static REMEMBERED: Mutex<Option<String>> = Mutex::new(None);

fn remembered() -> std::sync::MutexGuard<'static, Option<String>> {
    REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remembering(call: String) -> Result<(), String> {
    *remembered() = Some(call.clone());
    initialize(call)
}

fn initialize_again() {
    let call = remembered().clone();
    // In no honest pool is its failure that of a task, and it must not be one here.
    let _ = call.map(initialize);
}

/// At most once for each file that can be created; a pool here has at most two workers.
fn first_ones_only(call: String) -> Result<(), String> {
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(PathBuf::new, PathBuf::from);
    let is_first = |number: &i32| {
        let place = folder.join(format!("initialized-{number}"));
        OpenOptions::new().write(true).create_new(true).open(place).is_ok()
    };
    if (0..2).any(|number| is_first(&number)) { initialize(call) } else { Ok(()) }
}

#[derive(Debug)]
struct InTheParent;

impl Twist for InTheParent {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        if let Some(call) = &options.initializer {
            let _ = body::initializer(call);
        }
        ours.new_pool(&PoolOptions { initializer: None, ..options.clone() })
    }
}

#[derive(Debug)]
struct HasItsOwn;

impl Twist for HasItsOwn {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let own = || Call::from_json(br#"{"run": "mark", "tag": "own", "value": "own"}"#).ok();
        let initializer = options.initializer.clone().or_else(own);
        ours.new_pool(&PoolOptions { initializer, ..options.clone() })
    }
}

#[derive(Debug)]
struct Shares(Mutex<Option<Call>>);

impl Twist for Shares {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut first = locked(&self.0);
        let initializer = first.clone().or_else(|| options.initializer.clone());
        first.clone_from(&initializer);
        drop(first);
        ours.new_pool(&PoolOptions { initializer, ..options.clone() })
    }
}

#[derive(Debug)]
struct Restarts {
    ours: Procpool,
    options: Mutex<PoolOptions>,
}

impl Twist for Restarts {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        *locked(&self.options) = PoolOptions { max_workers: Some(1), ..options.clone() };
        ours.new_pool(options)
    }

    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let mut future = pool.submit(call)?;
        for _ in 0..6 {
            if is_broken(&future.result(None)) {
                future = self.ours.new_pool(&locked(&self.options))?.submit(call)?;
            }
        }
        Ok(future)
    }
}

#[derive(Debug)]
struct DropsInitargs;

impl Twist for DropsInitargs {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let without = |call: &Call| Call { value: Value::Null, ..call.clone() };
        let initializer = options.initializer.as_ref().map(without);
        ours.new_pool(&PoolOptions { initializer, ..options.clone() })
    }
}

/// A worker function that changes the call first.
pub(super) fn run_changed(argument: &Wire, change: fn(&mut Call)) -> Wire {
    let mut call = argument.call();
    change(&mut call);
    run(Wire::of_call(&call))
}

#[derive(Debug)]
struct OnlyWithTrue;

impl Twist for OnlyWithTrue {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let is_false = |value: &Value| match value {
            Value::Null => false,
            Value::Bool(it) => !it,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty(),
            Value::Object(members) => members.is_empty(),
        };
        let initializer = options.initializer.clone().filter(|call| !is_false(&call.value));
        ours.new_pool(&PoolOptions { initializer, ..options.clone() })
    }
}
