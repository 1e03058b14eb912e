//! A connection per worker: opened by the initializer, reused by all tasks, closed at the end.
//!
//! `database` writes to a new SQLite file, `database FILE` to that one,
//! `database postgres://user@host:port/name` and `database redis://host:port` to a server. Each
//! line of stdin is a number of tasks; each task writes one row. The program prints how many rows
//! were written, what failed, and how many connections wrote. Between two lines, kill a worker or
//! restart the server: the next line shows how the pool recovers.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::io::stdin;
use std::time::Duration;

use procpool::{DeathPolicy, ProcessPoolExecutor};

const WORKERS: usize = 4;
/// How long a task waits for a database that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Client, postgres::Statement),
    Redis(redis::Connection),
}

/// What a worker keeps: where its database is, and the connection, unless that has failed.
type Session = (String, Option<Connection>);

fn initializer(url: String) -> Result<Session, String> {
    let connection = connect(&url).map_err(|error| error.to_string())?;
    Ok((url, Some(connection)))
}

fn connect(url: &str) -> Result<Connection, Box<dyn Error>> {
    if url.starts_with("postgres://") {
        let mut config: postgres::Config = url.parse()?;
        config.application_name("procpool-recipe").connect_timeout(PATIENCE);
        let mut client = config.connect(postgres::NoTls)?;
        client.batch_execute(&format!(
            "SET statement_timeout = {}; BEGIN; SELECT pg_advisory_xact_lock(1);
             CREATE TABLE IF NOT EXISTS written (worker BIGINT, item BIGINT); COMMIT",
            PATIENCE.as_millis()
        ))?;
        let insert = client
            .prepare("INSERT INTO written VALUES ($1, $2) RETURNING pg_backend_pid()::bigint")?;
        return Ok(Connection::Postgres(client, insert));
    }
    if url.starts_with("redis://") {
        let connection = redis::Client::open(url)?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        return Ok(Connection::Redis(connection));
    }
    let connection = rusqlite::Connection::open(url)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch(
        "PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS written (worker, item)",
    )?;
    Ok(Connection::Sqlite(connection))
}

/// Writes a row and returns which connection it used. One that fails is not used again.
fn write((url, kept): &mut Session, item: i64) -> Result<i64, String> {
    let mut written = || -> Result<i64, Box<dyn Error>> {
        let connection = match &mut *kept {
            Some(connection) => connection,
            none => none.insert(connect(url)?),
        };
        let worker = std::process::id().into();
        match connection {
            Connection::Sqlite(connection) => {
                let insert = "INSERT INTO written VALUES (?, ?)";
                connection.prepare_cached(insert)?.execute([worker, item])?;
                Ok(worker)
            }
            Connection::Postgres(client, insert) => {
                Ok(client.query_one(&*insert, &[&worker, &item])?.get(0))
            }
            Connection::Redis(connection) => {
                // Two commands and two answers in one round trip.
                let mut pipeline = redis::pipe();
                pipeline.rpush("written", item).ignore().cmd("CLIENT").arg("ID");
                Ok(pipeline.query::<(i64,)>(connection)?.0)
            }
        }
    };
    written().map_err(|error| {
        *kept = None;
        error.to_string()
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let new = format!("{}/procpool-{}.db", std::env::temp_dir().display(), std::process::id());
    let url = std::env::args().nth(1).unwrap_or(new);
    let executor = ProcessPoolExecutor::builder()
        .max_workers(WORKERS)
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .initializer_with_args(initializer, url.clone())
        .build()?;
    executor.start_workers(WORKERS).result()?;
    println!("{WORKERS} workers are connected to {url}");
    let mut next = 0;
    for line in stdin().lines() {
        let end = next + line?.trim().parse::<i64>()?;
        let (mut rows, mut connections, mut errors) = (0, HashSet::new(), BTreeMap::new());
        for written in executor.map_options().chunksize(1).map_with(write, next..end) {
            match written.map_err(|error| error.to_string()).and_then(|written| written) {
                Ok(connection) => (rows, _) = (rows + 1, connections.insert(connection)),
                Err(error) => *errors.entry(error).or_insert(0) += 1,
            }
        }
        println!("{rows} rows by {} connections, errors: {errors:?}", connections.len());
        next = end;
    }
    executor.shutdown();
    println!("closed");
    Ok(())
}
