//! A connection per worker: opened by the initializer, reused by all tasks, closed at the end.
//!
//! `database` writes to a new SQLite file, `database FILE` to that one,
//! `database postgres://user@host:port/name` and `database redis://host:port` to a server. Each
//! line of stdin is a number of tasks; each task writes one row. The program prints how many rows
//! were written, what failed, and how many connections wrote. Between two lines, kill a worker or
//! restart the server: the next line shows how the pool recovers. After the database's place one may
//! say how many seconds a task waits for it (60).

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::io::stdin;
use std::time::Duration;

use procpool::{DeathPolicy, ProcessPoolExecutor};

const WORKERS: usize = 4;

enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Client, postgres::Statement),
    Redis(redis::Connection),
}

/// Where the database is, and how long a task waits when it does not answer.
type Place = (String, Duration);
/// The state of a worker. A connection that has failed is not kept.
type Session = (Place, Option<Connection>);

fn initializer(place: Place) -> Result<Session, String> {
    let connection = connect(&place).map_err(|error| error.to_string())?;
    Ok((place, Some(connection)))
}

fn connect((url, patience): &Place) -> Result<Connection, Box<dyn Error>> {
    if url.starts_with("postgres://") {
        let mut config: postgres::Config = url.parse()?;
        config.application_name("procpool-recipe").connect_timeout(*patience);
        let mut client = config.connect(postgres::NoTls)?;
        client.batch_execute(&format!(
            "SET statement_timeout = {}; BEGIN; SELECT pg_advisory_xact_lock(1);
             CREATE TABLE IF NOT EXISTS written (worker BIGINT, item BIGINT); COMMIT",
            patience.as_millis()
        ))?;
        let insert = client
            .prepare("INSERT INTO written VALUES ($1, $2) RETURNING pg_backend_pid()::bigint")?;
        return Ok(Connection::Postgres(client, insert));
    }
    if url.starts_with("redis://") {
        let connection = redis::Client::open(&**url)?.get_connection_with_timeout(*patience)?;
        connection.set_read_timeout(Some(*patience))?;
        return Ok(Connection::Redis(connection));
    }
    let connection = rusqlite::Connection::open(url)?;
    connection.busy_timeout(*patience)?;
    connection.execute_batch(
        "PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS written (worker, item)",
    )?;
    Ok(Connection::Sqlite(connection))
}

/// Writes a row and returns which connection it used. One that fails is not used again.
fn write((place, kept): &mut Session, item: i64) -> Result<i64, String> {
    let mut written = || -> Result<i64, Box<dyn Error>> {
        let connection = match &mut *kept {
            Some(connection) => connection,
            none => none.insert(connect(place)?),
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
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or(new);
    let patience = Duration::from_secs(arguments.next().map_or(Ok(60), |text| text.parse())?);
    let executor = ProcessPoolExecutor::builder()
        .max_workers(WORKERS)
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .initializer_with_args(initializer, (url.clone(), patience))
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
    Ok(())
}
