//! `database`: a connection per worker, and databases that fail.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::{User, getuid};
use postgres::{Client, NoTls};
use procpool_testkit::os;
use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, Server, below, folder, free_port, recipe};

/// What `database` prints for a line.
#[derive(Debug, PartialEq)]
struct Round {
    rows: u64,
    connections: usize,
    errors: u64,
    text: String,
}

fn round(program: &mut Program, tasks: u64) -> Round {
    program.say(&tasks.to_string());
    let text = program.line();
    let (rows, rest) = text.split_once(" rows by ").expect("it counts rows");
    let connections = rest.split_once(' ').expect("it counts connections").0;
    let rows = rows.parse().expect("it is a number");
    let connections = connections.parse().expect("it is a number");
    Round { rows, connections, errors: tasks - rows, text }
}

/// Kills one idle worker and waits for its end.
fn kill_a_worker(program: &Program) -> u32 {
    let victim = program.workers()[0];
    let watched = os::Watched::new(victim);
    assert!(watched.signal(Signal::SIGKILL));
    assert!(watched.ended_within(HANG));
    victim
}

/// How many descriptors of `pid` lead to `path`.
fn opened(pid: u32, path: &str) -> usize {
    os::descriptors_of(pid).iter().filter(|(_, target)| target == path).count()
}

#[test]
fn sqlite_has_a_connection_per_worker_and_its_refusals_are_errors() {
    within(HANG, || {
        let folder = folder();
        let path = below(&folder, "written.db");
        let mut program = recipe!("database", &path);
        assert_eq!(program.line(), format!("4 workers are connected to {path}"));
        let ours = rusqlite::Connection::open(&path).expect("it is a database");
        let count = |what: &str| -> i64 {
            let query = format!("SELECT count({what}) FROM written");
            ours.query_row(&query, [], |row| row.get(0)).expect("the table exists")
        };

        let all = round(&mut program, 5_000);
        assert_eq!((all.rows, all.connections), (5_000, 4), "{}", all.text);
        assert_eq!(
            (count("*"), count("DISTINCT item"), count("DISTINCT worker")),
            (5_000, 5_000, 4)
        );
        let before = program.workers();
        assert_eq!(before.iter().map(|pid| opened(*pid, &path)).collect::<Vec<_>>(), [1; 4]);

        let victim = kill_a_worker(&program);
        // It may have been sent a task before the pool knew of its death.
        let after = round(&mut program, 1_000);
        assert!(after.errors <= 1, "{}", after.text);
        assert_eq!(count("*") as u64, 5_000 + after.rows);
        assert!(!program.workers().contains(&victim));

        assert_eq!(program.succeed(), "");
        let mut program = recipe!("database", &path, "1");
        assert_eq!(program.line(), format!("4 workers are connected to {path}"));
        ours.execute_batch("BEGIN EXCLUSIVE").expect("nobody writes");
        let locked = round(&mut program, 4);
        assert_eq!(locked.rows, 0, "{}", locked.text);
        assert!(locked.text.contains(r#"{"database is locked": 4}"#), "{}", locked.text);
        ours.execute_batch("COMMIT").expect("nothing was written");
        assert_eq!(round(&mut program, 4).rows, 4);

        assert_eq!(program.succeed(), "");
        let (code, _, complaint) = recipe!("database", "/nonexistent/written.db").end();
        assert_eq!(code, Some(1));
        assert!(complaint.contains("unable to open database file"), "{complaint}");

        let twin = below(&folder, "twin.db");
        let mut program = Program::twin("database", &[&twin]);
        assert_eq!(round(&mut program, 5_000).rows, 5_000);
        assert_eq!(program.succeed(), "");
    });
}

/// A PostgreSQL server in a folder of its own.
struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    fn new() -> Self {
        let folder = folder();
        let installed = fs::read_dir("/usr/lib/postgresql").expect("postgresql is installed");
        let newest = installed.flatten().map(|entry| entry.path()).max();
        let programs = newest.expect("there is a version").join("bin");
        let this = Self { folder, programs, port: free_port() };
        if let Some(user) = postgres_user() {
            let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
            chown(this.folder.path(), Some(uid), Some(gid)).expect("this is root");
        }
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(this.folder.path(), private).expect("it is ours");
        let mut initdb = this.command("initdb");
        initdb.args(["--auth=trust", "--username=postgres", "--no-sync", "-D"]).arg(this.data());
        let output = initdb.output().expect("it is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        this
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        if let Some(user) = postgres_user() {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    fn start(&self) -> Server {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        command.args(["-p", &self.port.to_string(), "-F", "-h", "127.0.0.1"]);
        // A fast shutdown: it ends its sessions.
        Server::start(&mut command, "ready to accept connections", Signal::SIGINT)
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn client(&self) -> Client {
        Client::connect(&self.url(), NoTls).expect("the server runs")
    }
}

/// The server refuses to run as root, and Debian's package makes a user for it.
fn postgres_user() -> Option<User> {
    let root = getuid().is_root();
    root.then(|| User::from_name("postgres").ok().flatten().expect("the package makes it"))
}

/// The server's sessions of the recipe.
fn sessions(client: &mut Client) -> BTreeSet<i32> {
    let sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'procpool-recipe'";
    let rows = client.query(sessions, &[]).expect("the server answers");
    rows.iter().map(|row| row.get(0)).collect()
}

fn written(client: &mut Client) -> (i64, i64) {
    let counts = "SELECT count(*), count(DISTINCT item) FROM written";
    let row = client.query_one(counts, &[]).expect("the server answers");
    (row.get(0), row.get(1))
}

#[test]
#[ignore = "needs Debian's postgresql and python3-psycopg2"]
fn postgresql_has_a_connection_per_worker_and_its_restart_heals() {
    within(HANG, || {
        let postgres = Postgres::new();
        let url = postgres.url();
        let (code, _, complaint) = recipe!("database", &url, "4").end();
        assert_eq!(code, Some(1), "the server is down at the start");
        assert!(complaint.contains("error connecting to server"), "{complaint}");

        let mut server = postgres.start();
        let mut client = postgres.client();
        let mut program = recipe!("database", &url, "4");
        assert_eq!(program.line(), format!("4 workers are connected to {url}"));
        let first = sessions(&mut client);
        assert_eq!(first.len(), 4);

        // All the while, the server counts.
        program.say("5000");
        let mut counts = BTreeSet::new();
        while written(&mut client).0 < 5_000 {
            counts.insert(sessions(&mut client));
        }
        let line = program.line();
        assert_eq!(line, "5000 rows by 4 connections, errors: {}");
        assert_eq!(written(&mut client), (5_000, 5_000));
        assert_eq!(counts, BTreeSet::from([first.clone()]), "the same four, all the while");

        let victim = kill_a_worker(&program);
        let after = round(&mut program, 1_000);
        assert!(after.errors <= 1, "{}", after.text);
        assert_eq!(written(&mut client).0 as u64, 5_000 + after.rows);
        assert!(!program.workers().contains(&victim));
        let second = sessions(&mut client);
        assert_eq!((second.len(), second.difference(&first).count()), (4, 1), "one is new");

        // Slow: somebody holds a lock on the table.
        let mut holder = client.transaction().expect("the server answers");
        holder.batch_execute("LOCK TABLE written").expect("nobody else has it");
        let slow = round(&mut program, 4);
        assert_eq!(slow.rows, 0, "{}", slow.text);
        assert!(slow.text.contains("db error"), "{}", slow.text);
        holder.rollback().expect("the server answers");
        assert_eq!(round(&mut program, 100).errors, 0);

        // Down in the middle.
        let log = server.stop();
        assert!(log.contains("canceling statement due to statement timeout"), "{log}");
        let workers = program.workers();
        let down = round(&mut program, 100);
        assert_eq!(down.rows, 0, "{}", down.text);
        let mut server = postgres.start();
        let healed = round(&mut program, 5_000);
        // A worker that had no task meanwhile finds out by an error.
        assert!(healed.errors <= 4, "{}", healed.text);
        assert_eq!(program.workers(), workers, "no worker died of it");
        let mut client = postgres.client();
        assert_eq!(sessions(&mut client).len(), 4);

        assert_eq!(program.succeed(), "");
        // The server learns of it by the end of a connection, which precedes the end of the session.
        while !sessions(&mut client).is_empty() {}
        let mut program = Program::twin("database", &[&url]);
        assert_eq!(round(&mut program, 5_000).text, "5000 rows by 4 connections, errors: {}");
        assert_eq!(program.succeed(), "");
        drop(client);
        server.stop();
    });
}

fn redis(folder: &Path, port: u16) -> Server {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"]);
    Server::start(command.arg(folder), "Ready to accept connections", Signal::SIGTERM)
}

#[test]
#[ignore = "needs Debian's redis-server and python3-redis"]
fn redis_has_a_connection_per_worker_and_its_restart_heals() {
    within(HANG, || {
        let folder = folder();
        let port = free_port();
        let url = format!("redis://127.0.0.1:{port}/");
        let (code, _, complaint) = recipe!("database", &url, "4").end();
        assert_eq!(code, Some(1), "the server is down at the start");
        assert!(complaint.contains("Connection refused"), "{complaint}");

        let mut server = redis(folder.path(), port);
        let connect = || {
            let client = redis::Client::open(&*url).expect("it is an address");
            client.get_connection().expect("the server runs")
        };
        let mut ours = connect();
        let clients = |ours: &mut redis::Connection| -> HashSet<String> {
            let list: String =
                redis::cmd("CLIENT").arg("LIST").query(ours).expect("the server answers");
            let others = list.lines().filter(|line| !line.contains("cmd=client|list"));
            others.map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
        };
        let mut program = recipe!("database", &url, "4");
        assert_eq!(program.line(), format!("4 workers are connected to {url}"));
        let first = clients(&mut ours);
        assert_eq!(first.len(), 4);
        let all = round(&mut program, 5_000);
        assert_eq!(all.text, "5000 rows by 4 connections, errors: {}");
        let items: Vec<u64> = redis::cmd("LRANGE")
            .arg(&["written", "0", "-1"])
            .query(&mut ours)
            .expect("the server answers");
        assert_eq!((items.len(), HashSet::<u64>::from_iter(items).len()), (5_000, 5_000));
        assert_eq!(clients(&mut ours), first);

        kill_a_worker(&program);
        let after = round(&mut program, 1_000);
        assert!(after.errors <= 1, "{}", after.text);
        let second = clients(&mut ours);
        assert_eq!((second.len(), second.difference(&first).count()), (4, 1), "one is new");

        // Slow: the server stands still.
        server.signal(Signal::SIGSTOP);
        assert_eq!(round(&mut program, 4).rows, 0);
        server.signal(Signal::SIGCONT);
        assert_eq!(round(&mut program, 1_000).errors, 0);

        // Down in the middle.
        drop(server.stop());
        let down = round(&mut program, 100);
        assert_eq!(down.rows, 0, "{}", down.text);
        let mut server = redis(folder.path(), port);
        let healed = round(&mut program, 5_000);
        assert!(healed.errors <= 4, "{}", healed.text);
        let mut ours = connect();
        assert_eq!(clients(&mut ours).len(), 4);

        assert_eq!(program.succeed(), "");
        while !clients(&mut ours).is_empty() {}
        let mut program = Program::twin("database", &[&url]);
        assert_eq!(round(&mut program, 5_000).text, "5000 rows by 4 connections, errors: {}");
        assert_eq!(program.succeed(), "");
        server.stop();
    });
}
