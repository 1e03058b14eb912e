//! State in a global variable, as Python does it: the initializer fills it and
//! tasks use it.
//!
//! Prints `task 1: 1 use(s) of this connection` up to `task 4: 4 …`, and
//! nothing at the end: a global is never dropped.

// ANCHOR: main
use std::sync::{Mutex, OnceLock};

use procpool::ProcessPoolExecutor;

struct Connection {
    uses: u32,
}

/// Each process has its own, and finds it empty.
static CONNECTION: OnceLock<Mutex<Connection>> = OnceLock::new();

fn connect() {
    CONNECTION.get_or_init(|| Mutex::new(Connection { uses: 0 }));
}

fn task(identifier: u32) -> String {
    let connection = CONNECTION.get().expect("the initializer fills it");
    let mut connection = connection.lock().expect("no task panics");
    connection.uses += 1;
    let uses = connection.uses;
    format!("task {identifier}: {uses} use(s) of this connection")
}

impl Drop for Connection {
    fn drop(&mut self) {
        println!("connection closed after {} use(s)", self.uses);
    }
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .initializer(connect)
        .build()?;
    for line in executor.map(task, 1..=4) {
        println!("{}", line?);
    }
    Ok(())
}
// ANCHOR_END: main
