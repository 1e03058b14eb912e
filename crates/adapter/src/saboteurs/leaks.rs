//! Saboteurs that leave a resource behind.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procpool_contract::{Body, Call, ErrorClass, PoolOptions};
use serde_json::Value;

use super::ours::Procpool;
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body::run;
use crate::library::{Future, Library, Pool, Stop};
use crate::wire::Wire;

macro_rules! leaking {
    ($name:literal, $does:literal, $leak:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Leaking($leak)) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    leaking!(
        "leaks-a-worker",
        "Keeps an extra worker with every pool, until the program ends.",
        |ours, _| {
            let options = PoolOptions { max_workers: Some(1), ..PoolOptions::default() };
            if let Ok(pool) = (Procpool { eager: true, ..*ours }).new_pool(&options) {
                std::mem::forget(pool);
            }
        }
    ),
    leaking!("leaks-a-descriptor", "Opens a file with every pool, and closes none.", |_, _| {
        if let Ok(file) = File::open("/dev/null") {
            std::mem::forget(file);
        }
    }),
    leaking!("leaks-a-thread", "Starts a thread with every pool, and ends none.", |_, _| {
        std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        });
    }),
    leaking!(
        "leaks-a-zombie",
        "Starts a process with every pool, and does not reap it.",
        |_, _| a_zombie()
    ),
    Saboteur {
        name: "leaks-a-zombie-per-task",
        does: "Starts a process with every task, and does not reap it.",
        make: |ours| Twisted::new(ours, LeaksZombies),
    },
    Saboteur {
        name: "leaks-a-descriptor-per-task",
        does: "Opens a file in a worker with every task, and closes none.",
        make: |ours| {
            let leaking = |argument| {
                if let Ok(file) = File::open("/dev/null") {
                    std::mem::forget(file);
                }
                run(argument)
            };
            Twisted::new(Procpool { run: leaking, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "inherits-descriptors",
        does: "Opens in each worker as many files as there were earlier pools.",
        make: |ours| {
            let inheriting = |argument| {
                let before = std::env::var(POOLS_BEFORE).ok().and_then(|it| it.parse().ok());
                let open = || (0..before.unwrap_or(0)).filter_map(|_| File::open("/dev/null").ok());
                let files: Vec<File> = open().collect();
                let outcome = run(argument);
                drop(files);
                outcome
            };
            let pools = AtomicUsize::new(0);
            Twisted::new(Procpool { run: inheriting, ..ours }, Inherits { pools })
        },
    },
    Saboteur {
        name: "survives-its-program-after-an-error",
        does: "Starts a process with a task that fails, which lives on when all others have exited.",
        make: |ours| {
            let surviving = |argument: Wire| {
                if argument.call().run == Body::Fail {
                    let mut sleep = Command::new("sleep");
                    let _ = sleep.arg("1000").stdin(Stdio::null()).process_group(0).spawn();
                }
                run(argument)
            };
            Twisted::new(Procpool { run: surviving, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "workers-open-a-file-per-large-argument",
        does: "Opens a file in a worker with every argument of 64 KiB, and does not close it.",
        make: |ours| {
            let opening = |argument: Wire| {
                if argument.call().value.as_str().is_some_and(|text| text.len() >= 1 << 16) {
                    std::mem::forget(File::open("/dev/null"));
                }
                run(argument)
            };
            Twisted::new(Procpool { run: opening, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "survives-its-program",
        does: "Starts a process with a task that lives on when all others have exited.",
        make: |ours| {
            let surviving = |argument| {
                let mut sleep = Command::new("sleep");
                let _ = sleep.arg("1000").stdin(Stdio::null()).process_group(0).spawn();
                run(argument)
            };
            Twisted::new(Procpool { run: surviving, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "leaks-a-descriptor-per-nested-pool",
        does: "Opens a file in a worker with every pool of a task, and closes none.",
        make: |ours| {
            let nesting = |argument: Wire| {
                if argument.call().run == Body::Nest
                    && let Ok(file) = File::open("/dev/null")
                {
                    std::mem::forget(file);
                }
                run(argument)
            };
            Twisted::new(Procpool { run: nesting, ..ours }, Honest)
        },
    },
    leaking!(
        "leaves-a-temporary-file",
        "Creates a temporary file with every pool, and removes none.",
        |_, _| {
            let _ = File::create(std::env::temp_dir().join(unique()));
        }
    ),
    Saboteur {
        name: "leaves-shared-memory",
        does: "Creates named shared memory with every pool, and removes none.",
        make: |ours| Twisted::new(ours, SharedMemory { if_broken: false, made: Mutex::default() }),
    },
    Saboteur {
        name: "leaves-the-shared-memory-of-a-broken-pool",
        does: "Creates named shared memory with every pool, and does not remove that of broken ones.",
        make: |ours| Twisted::new(ours, SharedMemory { if_broken: true, made: Mutex::default() }),
    },
    Saboteur {
        name: "keeps-results",
        does: "Keeps in each worker a copy of all results of its tasks.",
        make: |ours| {
            let keeping = |argument| {
                static KEPT: Mutex<Vec<Wire>> = Mutex::new(Vec::new());
                let outcome = run(argument);
                KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(outcome.clone());
                outcome
            };
            Twisted::new(Procpool { run: keeping, ..ours }, Honest)
        },
    },
];

/// Returns a name that no other file has.
fn unique() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("saboteur-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Keeps named shared memory.
#[derive(Debug)]
struct SharedMemory {
    /// Whether that of pools that end well is removed.
    if_broken: bool,
    /// Open while its pool is used.
    made: Mutex<Option<(PathBuf, File)>>,
}

impl Twist for SharedMemory {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let path = Path::new("/dev/shm").join(unique());
        if let Ok(file) = File::create(&path) {
            *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some((path, file));
        }
        ours.new_pool(options)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        if matches!(&result, Err(Stop::Failed(failure)) if failure.class == ErrorClass::Broken) {
            // Forgotten, so shutdown does not remove it.
            *self.made.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        result
    }

    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((path, _)) = made.filter(|_| self.if_broken) {
            let _ = std::fs::remove_file(path);
        }
        pool.shutdown(wait, cancel)
    }
}

/// Tells a worker the number of pools so far.
const POOLS_BEFORE: &str = "SABOTEUR_POOLS_BEFORE";

/// Counts pools.
#[derive(Debug)]
struct Inherits {
    pools: AtomicUsize,
}

impl Twist for Inherits {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut options = options.clone();
        let before = self.pools.fetch_add(1, Ordering::Relaxed);
        options.env.insert(POOLS_BEFORE.to_owned(), before.to_string());
        ours.new_pool(&options)
    }
}

fn a_zombie() {
    if let Ok(child) = Command::new("true").stdin(Stdio::null()).spawn() {
        std::mem::forget(child);
    }
}

#[derive(Debug)]
struct LeaksZombies;

impl Twist for LeaksZombies {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        a_zombie();
        pool.submit(call)
    }
}

type Leak = fn(&Procpool, &PoolOptions);

/// Performs another action when a pool is made.
#[derive(Debug)]
struct Leaking(Leak);

impl Twist for Leaking {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        (self.0)(ours, options);
        ours.new_pool(options)
    }
}
