//! Saboteurs of the surroundings: folders, umasks, environments, signals, output.

use std::collections::BTreeMap;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::stat::{Mode, umask};
use procpool_contract::{Body, Call, ErrorClass, FOLDER_VARIABLE, PoolOptions};
use serde_json::Value;

use super::init::run_changed;
use super::ours::Procpool;
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body::{exit_at_once, run};
use crate::library::{Future, Library, Pool, Stop};
use crate::wire::Wire;

macro_rules! making {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Making($change)) }
    };
}

macro_rules! working {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur {
            name: $name,
            does: $does,
            make: |ours| {
                let working = |argument: Wire| {
                    $change();
                    run(argument)
                };
                Twisted::new(Procpool { run: working, ..ours }, Honest)
            },
        }
    };
}

macro_rules! printing {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur {
            name: $name,
            does: $does,
            make: |ours| {
                let printing = |argument| {
                    run_changed(&argument, |call| {
                        if call.run == Body::Print {
                            $change(call);
                        }
                    })
                };
                Twisted::new(Procpool { run: printing, ..ours }, Honest)
            },
        }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    making!("changes-the-programs-folder", "Makes its program work in the root folder.", |_| {
        to_the_root()
    }),
    making!("changes-the-programs-umask", "Makes the new files of its program private.", |_| {
        umask(Mode::S_IRWXG | Mode::S_IRWXO);
    }),
    making!(
        "changes-the-programs-signals",
        "Restores the default action of SIGPIPE in its program.",
        |_| {
            // SAFETY: the default action installs no handler.
            let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
        }
    ),
    Saboteur {
        name: "cancelling-changes-the-umask",
        does: "Makes the new files of its program private in a shutdown that cancels.",
        make: |ours| {
            Twisted::new(
                ours,
                Ending(|_, cancel| {
                    if cancel {
                        umask(Mode::S_IRWXG | Mode::S_IRWXO);
                    }
                }),
            )
        },
    },
    Saboteur {
        name: "shutdown-without-waiting-blocks-a-signal",
        does: "Blocks SIGINT in a shutdown that does not wait.",
        make: |ours| {
            Twisted::new(
                ours,
                Ending(|wait, _| {
                    if !wait {
                        // It may only fail for signals that no system has.
                        let _ = SigSet::from(Signal::SIGINT).thread_block();
                    }
                }),
            )
        },
    },
    Saboteur {
        name: "second-worker-works-in-the-root",
        does: "Makes every worker but the first work in the root folder.",
        make: |ours| {
            let working = |argument: Wire| {
                static PLACE: Once = Once::new();
                PLACE.call_once(|| {
                    if !is_the_first_worker() {
                        to_the_root();
                    }
                });
                run(argument)
            };
            Twisted::new(Procpool { run: working, ..ours }, Honest)
        },
    },
    Saboteur {
        name: "changes-the-umask-after-a-death",
        does: "Makes the new files of its program private when a worker has died.",
        make: |ours| Twisted::new(ours, Frightened),
    },
    making!(
        "changes-a-variable-of-workers",
        "Adds a folder to the PATH of its workers.",
        |options| {
            let path = std::env::var("PATH").unwrap_or_default();
            options.env.insert("PATH".to_owned(), path + ":/nowhere");
        }
    ),
    making!("empties-a-variable-of-workers", "Empties the PATH of its workers.", |options| {
        options.env.insert("PATH".to_owned(), String::new());
    }),
    working!(
        "fills-standard-input",
        "Fills the standard input of its workers with something of its own.",
        || {
            if let Ok(file) = File::open("/proc/self/cmdline") {
                let _ = nix::unistd::dup2_stdin(file);
            }
        }
    ),
    printing!(
        "exits-after-long-output",
        "Lets a worker exit whose task prints more than 64 KiB.",
        |call: &mut Call| {
            if whole_text(call).len() > 1 << 16 {
                exit_at_once(1);
            }
        }
    ),
    Saboteur {
        name: "keeps-the-environment-of-a-pool",
        does: "Gives the variables of earlier pools to the workers of later ones.",
        make: |ours| Twisted::new(ours, KeepsEnvironment::default()),
    },
    working!("works-in-another-folder", "Makes its workers work in the root folder.", to_the_root),
    working!(
        "works-with-another-umask",
        "Makes the new files of its workers writable for everybody.",
        || {
            umask(Mode::empty());
        }
    ),
    working!(
        "loses-the-status-of-a-tasks-process",
        "Ignores SIGCHLD in its workers, so that tasks cannot learn how their processes exit.",
        || {
            // SAFETY: ignoring a signal installs no handler.
            let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) };
        }
    ),
    Saboteur {
        name: "a-nested-pool-takes-later-statuses",
        does: "Ignores SIGCHLD in a worker from the first task that has a pool.",
        make: |ours| {
            let ignoring = |argument: Wire| {
                let nests = argument.call().run == Body::Nest;
                let done = run(argument);
                if nests {
                    // SAFETY: ignoring a signal installs no handler.
                    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) };
                }
                done
            };
            Twisted::new(Procpool { run: ignoring, ..ours }, Honest)
        },
    },
    printing!(
        "prints-lose-an-unfinished-line",
        "Loses the output of a task after its last end of line.",
        |call: &mut Call| {
            let text = whole_text(call);
            let end = text.rfind('\n').map_or(0, |last| last + 1);
            (call.text, call.count) = (Some(text[..end].to_owned()), Some(1));
        }
    ),
    printing!(
        "prints-unify-ends-of-lines",
        "Ends every line of a task's output with a line feed only.",
        |call: &mut Call| {
            call.text = Some(whole_text(call).replace("\r\n", "\n"));
            call.count = Some(1);
        }
    ),
    printing!(
        "prints-letters-by-halves",
        "Splits output after 4,096 bytes, and replaces the halves of a letter there.",
        |call: &mut Call| {
            let blocks = whole_text(call);
            let blocks = blocks.as_bytes().chunks(4_096).map(String::from_utf8_lossy);
            (call.text, call.count) = (Some(blocks.collect()), Some(1));
        }
    ),
    printing!(
        "prints-nothing-with-a-bad-result",
        "Loses the output of a task whose result cannot be encoded.",
        |call: &mut Call| {
            if call.poison.is_some() {
                call.count = Some(0);
            }
        }
    ),
    printing!(
        "prints-last-line-first",
        "Writes the lines of each task in the reverse order.",
        |call: &mut Call| {
            let text = whole_text(call);
            let reversed = text.split_inclusive('\n').rev().collect();
            (call.text, call.count) = (Some(reversed), Some(1));
        }
    ),
    printing!(
        "prints-at-the-exit-of-a-worker",
        "Writes the output of all tasks of a worker when it exits, unless it is killed.",
        |call: &mut Call| {
            print_at_exit(&whole_text(call));
            call.count = Some(0);
        }
    ),
];

fn to_the_root() {
    // It exists, and every process may enter it.
    let _ = std::env::set_current_dir("/");
}

/// The output of a call of `print`.
fn whole_text(call: &Call) -> String {
    let times = call.count.unwrap_or(1) as usize;
    call.text.as_deref().unwrap_or_default().repeat(times)
}

/// The output that a worker has not written.
static HELD: Mutex<String> = Mutex::new(String::new());

fn print_at_exit(text: &str) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the function lives as long as the program, and does not unwind.
        unsafe { nix::libc::atexit(write_held) };
    });
    HELD.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
}

extern "C" fn write_held() {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = std::io::stdout().write_all(held.as_bytes()).and_then(|()| std::io::stdout().flush());
}

/// Performs another action when a pool is made.
#[derive(Debug)]
struct Making(fn(&mut PoolOptions));

impl Twist for Making {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut options = options.clone();
        (self.0)(&mut options);
        ours.new_pool(&options)
    }
}

#[derive(Debug)]
struct Frightened;

impl Twist for Frightened {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        if matches!(&result, Err(Stop::Failed(failure)) if failure.class == ErrorClass::Broken) {
            umask(Mode::S_IRWXG | Mode::S_IRWXO);
        }
        result
    }
}

#[derive(Debug, Default)]
struct KeepsEnvironment(Mutex<BTreeMap<String, String>>);

impl Twist for KeepsEnvironment {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(options.env.clone());
        ours.new_pool(&PoolOptions { env: kept.clone(), ..options.clone() })
    }
}

/// Does something before each shutdown, as it waits and cancels.
#[derive(Debug)]
struct Ending(fn(bool, bool));

impl Twist for Ending {
    fn shutdown(&self, pool: &dyn Pool, wait: bool, cancel: bool) -> Result<(), Stop> {
        (self.0)(wait, cancel);
        pool.shutdown(wait, cancel)
    }
}

/// The first one creates a file.
fn is_the_first_worker() -> bool {
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(PathBuf::new, PathBuf::from);
    OpenOptions::new().write(true).create_new(true).open(folder.join("first-worker")).is_ok()
}
