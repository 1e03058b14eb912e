//! Saboteurs of their program: its pools, its threads, its output and its end.

use std::collections::BTreeSet;
use std::fs::read_dir;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread::ThreadId;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::unistd::{ForkResult, fork, getppid};
use procpool_contract::{Call, ErrorClass, PoolOptions};
use serde_json::Value;

use super::futures::key;
use super::ours::Procpool;
use super::twist::locked;
use super::{Saboteur, Twist, Twisted};
use crate::body::{exit_at_once, task};
use crate::library::{Future, Library, Pool, Stop};

macro_rules! opening {
    ($name:literal, $does:literal, $refuses:expr) => {
        Saboteur {
            name: $name,
            does: $does,
            make: |ours| {
                let opening = Opening { made: AtomicUsize::new(0), thread: Mutex::default() };
                Twisted::new(ours, Refusing { opening, refuses: $refuses })
            },
        }
    };
}

macro_rules! twist {
    ($name:literal, $does:literal, $twist:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, $twist) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    opening!(
        "needs-a-number-of-workers",
        "Refuses to make a pool if no number of workers is given.",
        |_, options| options.max_workers.is_none()
    ),
    opening!(
        "makes-only-five-pools",
        "Refuses to make the sixth pool of a program.",
        |opening, _| opening.made.fetch_add(1, Ordering::Relaxed) >= 5
    ),
    opening!(
        "serves-only-one-thread",
        "Refuses to make a pool in another thread than that of the first one.",
        |opening, _| {
            let own = std::thread::current().id();
            *locked(&opening.thread).get_or_insert(own) != own
        }
    ),
    opening!("announces-its-pools", "Prints a line when it makes a pool.", |_, _| {
        eprintln!("a pool was made");
        false
    }),
    opening!(
        "passes-files-to-workers",
        "Makes the open files of its program inheritable when it makes a pool.",
        |_, _| {
            make_files_inheritable();
            false
        }
    ),
    twist!(
        "prints-errors-of-tasks",
        "Prints the errors of the tasks that have failed when a result is read.",
        Fails { ends: false, all: Mutex::default() }
    ),
    twist!(
        "ends-with-a-failing-task",
        "Ends the program when a result is read and a task has failed.",
        Fails { ends: true, all: Mutex::default() }
    ),
    twist!(
        "ends-badly-with-unread-results",
        "Makes the program exit with an error if a result was not read.",
        CountsUnread
    ),
    twist!(
        "outlives-its-program",
        "Leaves its second task to a process that runs it when the program was killed.",
        Outlives(AtomicUsize::new(0))
    ),
];

/// The state of the program when a pool is made.
#[derive(Debug)]
struct Opening {
    made: AtomicUsize,
    /// The thread that made the first one.
    thread: Mutex<Option<ThreadId>>,
}

/// Refuses to make some pools.
#[derive(Debug)]
struct Refusing {
    opening: Opening,
    refuses: fn(&Opening, &PoolOptions) -> bool,
}

impl Twist for Refusing {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        if (self.refuses)(&self.opening, options) {
            return Err(Stop::failed(ErrorClass::Other, "no pool can be made"));
        }
        ours.new_pool(options)
    }
}

fn make_files_inheritable() {
    for entry in read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let is_file = std::fs::metadata(entry.path()).is_ok_and(|file| file.is_file());
        if let Some(number) = number.filter(|_| is_file) {
            // SAFETY: nothing closes the files of the program while it makes a pool.
            let file = unsafe { BorrowedFd::borrow_raw(number) };
            // One that was closed is not inherited.
            let _ = fcntl(file, FcntlArg::F_SETFD(FdFlag::empty()));
        }
    }
}

/// Reports errors of tasks to the user of the program.
struct Fails {
    /// By its end, or by a line.
    ends: bool,
    all: Mutex<Vec<Arc<dyn Future>>>,
}

impl std::fmt::Debug for Fails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fails")
    }
}

impl Twist for Fails {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        let future = pool.submit(call)?;
        locked(&self.all).push(Arc::clone(&future));
        Ok(future)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let result = future.result(timeout);
        for other in locked(&self.all).iter() {
            match other.result(Some(Duration::ZERO)) {
                Err(Stop::Failed(failure)) if failure.class == ErrorClass::Task => {
                    if self.ends {
                        exit_at_once(1);
                    }
                    eprintln!("a task failed: {}", failure.message);
                }
                _ => {}
            }
        }
        result
    }
}

/// The futures whose results nobody has read.
static UNREAD: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

extern "C" fn end_badly() {
    if !locked(&UNREAD).is_empty() {
        exit_at_once(1);
    }
}

#[derive(Debug)]
struct CountsUnread;

impl Twist for CountsUnread {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        static REGISTERED: Once = Once::new();
        // SAFETY: the function lives as long as the program, and does not unwind.
        REGISTERED.call_once(|| unsafe {
            nix::libc::atexit(end_badly);
        });
        let future = pool.submit(call)?;
        locked(&UNREAD).insert(key(future.as_ref()));
        Ok(future)
    }

    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        locked(&UNREAD).remove(&key(future));
        future.result(timeout)
    }
}

/// Counts tasks.
#[derive(Debug)]
struct Outlives(AtomicUsize);

impl Twist for Outlives {
    fn submit(&self, pool: &dyn Pool, call: &Call) -> Result<Arc<dyn Future>, Stop> {
        if self.0.fetch_add(1, Ordering::Relaxed) == 1 {
            leave_behind(call);
        }
        pool.submit(call)
    }
}

/// Starts a process that runs a task when this one has ended.
fn leave_behind(call: &Call) {
    let program = std::process::id();
    // SAFETY: the child uses no lock of other threads but that of the allocator, which fork prepares.
    let Ok(ForkResult::Child) = (unsafe { fork() }) else { return };
    while getppid().as_raw().cast_unsigned() == program {
        std::thread::sleep(Duration::from_millis(5));
    }
    task(call);
    exit_at_once(0)
}
