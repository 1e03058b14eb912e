//! `web_server`: load, deadlines, clients that leave, crashes, and the end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use nix::sys::signal::Signal;
use procpool_testkit::os;
use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, free_port, recipe};

/// How many requests there may be at once.
const PLACES: usize = 32;
/// Work for longer than any test takes.
const ENDLESS: &str = "/primes?below=4000000000";

/// A server that listens.
struct Listening {
    program: Program,
    address: String,
}

impl Listening {
    fn start() -> Self {
        let mut program = recipe!("web_server");
        let line = program.line();
        let address = line.strip_prefix("listening at ").expect("it says where").to_owned();
        Self { program, address }
    }

    /// Sends a request.
    fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        stream
    }

    fn get(&self, path: &str) -> (u16, String) {
        answer(self.ask(path))
    }

    /// Waits until the pool's numbers are `wanted`.
    fn await_stats(&self, wanted: &[&str]) {
        while !wanted.iter().all(|text| self.get("/stats").1.contains(text)) {}
    }

    /// Ends it by SIGTERM and returns its last line.
    fn terminate(self) -> String {
        os::signal(self.program.pid(), Signal::SIGTERM);
        self.program.succeed()
    }
}

fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the answer is text");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_else(|| panic!("no answer: {text}")), body.to_owned())
}

#[test]
fn a_deadline_a_client_that_leaves_and_a_crash_end_their_own_request() {
    within(HANG, || {
        let server = Listening::start();
        assert_eq!(server.get("/primes?below=1000"), (200, "168\n".to_owned()));
        assert_eq!(server.get("/blocking?below=1000"), (200, "168\n".to_owned()));
        let (status, text) = server.get(&format!("{ENDLESS}&ms=20"));
        assert_eq!(status, 504, "{text}");
        server.await_stats(&["running: 0"]);
        let (status, text) = server.get("/crash");
        assert!(status == 500 && text.contains("was killed by SIGABRT"), "{status}: {text}");
        assert_eq!(server.get("/primes?below=1000").0, 200);

        // As many as there are places: some run, the others wait.
        let workers = std::thread::available_parallelism().expect("there are CPUs").get();
        let running = format!("running: {workers},");
        let run: Vec<TcpStream> = (0..workers).map(|_| server.ask(ENDLESS)).collect();
        server.await_stats(&[&running]);
        let wait: Vec<TcpStream> = (workers..PLACES).map(|_| server.ask(ENDLESS)).collect();
        server.await_stats(&[&running, &format!("queued: {},", PLACES - workers)]);
        assert_eq!(server.get("/primes?below=10").0, 503);
        // A request that waits is cancelled, one that runs is killed.
        drop(wait);
        server.await_stats(&[&running, "queued: 0"]);
        drop(run);
        server.await_stats(&["running: 0", "queued: 0"]);
        assert_eq!(server.get("/primes?below=1000").0, 200);
        let end = server.terminate();
        // The deadline, the crash, and those that ran when their clients left.
        assert!(end.contains(&format!("failed: {}, ", 2 + workers)), "{end}");
    });
}

#[test]
fn sigterm_finishes_what_has_begun() {
    within(HANG, || {
        let mut server = Listening::start();
        let slow = server.ask("/primes?below=400000");
        server.await_stats(&["running: 1"]);
        os::signal(server.program.pid(), Signal::SIGTERM);
        assert_eq!(server.program.line(), "draining");
        let (status, text) = answer(slow);
        assert_eq!((status, &*text), (200, "33860\n"));
        assert!(TcpStream::connect(&server.address).is_err(), "nobody listens any more");
        let end = server.program.succeed();
        assert!(end.contains("failed: 0"), "{end}");
    });
}

/// Asks `count` times, 16 at once. Returns how many requests there were per second.
fn load(address: &str, path: &str, count: usize) -> String {
    let mut ab = Command::new("ab");
    ab.args(["-q", "-c", "16", "-n", &count.to_string(), &format!("http://{address}{path}")]);
    let output = ab.output().expect("apache2-utils is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|line| line.split_whitespace().next().unwrap_or_default().to_owned())
    };
    assert_eq!(value("Complete requests:"), Some(count.to_string()), "{text}");
    assert_eq!(value("Failed requests:").as_deref(), Some("0"), "{text}");
    assert_eq!(value("Non-2xx responses:"), None, "{text}");
    value("Requests per second:").expect("it measures")
}

#[test]
#[ignore = "needs Debian's apache2-utils"]
fn a_crash_under_load_loses_no_other_request() {
    within(HANG, || {
        let server = Listening::start();
        let count = 2_000;
        let in_pool = std::thread::scope(|scope| {
            let load = scope.spawn(|| load(&server.address, "/primes?below=2000", count));
            for _ in 0..5 {
                assert_eq!(server.get("/crash").0, 500);
            }
            load.join().expect("no request was lost")
        });
        let blocking = load(&server.address, "/blocking?below=2000", count);
        println!(
            "requests per second: {in_pool} in the pool with 5 crashes, {blocking} on threads"
        );
        let end = server.terminate();
        assert!(end.contains(&format!("done: {count}, failed: 5, ")), "{end}");
    });
}

#[test]
#[ignore = "needs Debian's apache2-utils"]
fn the_twin_serves_too() {
    within(HANG, || {
        let port = free_port();
        let mut twin = Program::twin("web_server", &[&port.to_string()]);
        let address = format!("127.0.0.1:{port}");
        assert_eq!(twin.line(), format!("listening at {address}"));
        load(&address, "/primes?below=2000", 200);
        os::signal(twin.pid(), Signal::SIGTERM);
        twin.succeed();
    });
}
