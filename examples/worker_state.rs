//! State that lives in a worker: made by the initializer, given to each task as
//! `&mut`, dropped when the worker exits.
//!
//! Prints `task 1: 1 use(s) of this connection` up to `task 4: …`, where the
//! numbers of uses count up, because the only worker reuses its connection;
//! then `connection closed after 4 use(s)`.

// ANCHOR: program
use std::convert::Infallible;

use procpool::ProcessPoolExecutor;

// ANCHOR: state
/// Stands for a connection that is expensive to open and cannot be sent to
/// another process.
struct Connection {
    uses: u32,
}

fn connect() -> Result<Connection, Infallible> {
    Ok(Connection { uses: 0 })
}

fn task(connection: &mut Connection, identifier: u32) -> String {
    connection.uses += 1;
    let uses = connection.uses;
    format!("task {identifier}: {uses} use(s) of this connection")
}

impl Drop for Connection {
    /// Runs in the worker, when the pool has no more work for it.
    fn drop(&mut self) {
        println!("connection closed after {} use(s)", self.uses);
    }
}
// ANCHOR_END: state

// ANCHOR: main
fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .initializer(connect)
        .build()?;
    for line in executor.map_with(task, 1..=4) {
        println!("{}", line?);
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: program
