//! The server of the page: real requests, and what its stream says when the file changes.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::Predicate as _;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use procpool_conformance::report::Results;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::results;

/// A running `conformance serve`, and its folder.
struct Served {
    folder: TempDir,
    address: SocketAddr,
    process: Child,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_conformance"))
}

impl Served {
    /// Serves `kept/results.json` at a free port.
    fn with(results: &Results, options: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("kept")).expect("the folder is ours");
        fs::write(file(&folder), results.to_json()).expect("the folder is ours");
        let mut serve = program();
        serve.current_dir(folder.path()).args(["serve", "kept/results.json", "--port", "0"]);
        serve.args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = serve.spawn().expect("it was built");
        let mut said = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut said).expect("it is readable");
        let address = said
            .strip_prefix("kept/results.json is at http://")
            .and_then(|rest| rest.strip_suffix("/ until Ctrl-C\n"));
        let address = address.and_then(|it| it.parse().ok());
        Self { folder, address: address.unwrap_or_else(|| panic!("it said {said:?}")), process }
    }

    fn file(&self) -> PathBuf {
        file(&self.folder)
    }

    /// Returns the answer to a request: its head and its body.
    fn answer(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        // With this version the answer ends with the connection.
        write!(stream, "{request} HTTP/1.0\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer is text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        (head.to_owned(), body.to_owned())
    }

    fn page(&self) -> String {
        let (head, page) = self.answer("GET /");
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
        page
    }

    fn events(&self) -> Events {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        // Only a broken server stays silent that long.
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it is more than nothing");
        write!(stream, "GET /events HTTP/1.1\r\nHost: here\r\n\r\n").expect("it reads");
        let mut events = Events(BufReader::new(stream));
        let head: Vec<String> = events.lines().take_while(|line| !line.is_empty()).collect();
        assert!(head.contains(&"Content-Type: text/event-stream".to_owned()), "{head:?}");
        events
    }

    fn end(&mut self) -> (ExitStatus, String) {
        let status = self.process.wait().expect("it is ours");
        let stderr = self.process.stderr.as_mut().expect("it is piped");
        (status, std::io::read_to_string(stderr).expect("it is text"))
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("kept/results.json")
}

struct Events(BufReader<TcpStream>);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    page: String,
    notice: String,
}

impl Events {
    fn lines(&mut self) -> impl Iterator<Item = String> {
        (&mut self.0).lines().map(|line| line.expect("a stream is text"))
    }

    /// Waits for the next event. None: the stream has ended.
    fn next(&mut self) -> Option<Event> {
        let data = self.lines().find_map(|line| line.strip_prefix("data: ").map(str::to_owned));
        data.map(|data| serde_json::from_str(&data).expect("the data are JSON"))
    }

    fn wait(&mut self) -> Event {
        self.next().expect("the stream goes on")
    }
}

/// Other results than those of the fixture.
fn newer() -> Results {
    let mut newer = results();
    newer.runs[0].cases[0].requirement = "The pool MUST be newer.".to_owned();
    newer
}

#[test]
fn the_page_is_served_and_nothing_else() {
    let served = Served::with(&results(), &[]);
    let (head, page) = served.answer("GET /?x=1");
    assert!(head.contains("Content-Type: text/html; charset=utf-8"), "{head}");
    let has = contains("connect-src 'self'").and(contains("data-events=\"events\""));
    assert!(has.eval(&page) && page.contains("init.passed"), "{page}");
    assert!(contains("\"link\":null").and(contains("\"link\":\"").not()).eval(&page));
    let (head, body) = served.answer("HEAD /");
    assert_eq!((head.split("\r\n").next(), body.as_str()), (Some("HTTP/1.0 200 OK"), ""));
    let wrong =
        ["GET /x", "GET //", "GET /events/x", "GET /../kept/results.json", "GET x", "POST /"];
    for wrong in wrong {
        let (head, _) = served.answer(wrong);
        assert!(head.starts_with("HTTP/1.0 404 Not Found\r\n"), "{wrong}: {head}");
    }
    let beside = Served::with(&results(), &["--book", "https://example.org/book/"]);
    assert!(beside.page().contains("\"link\":\"https://example.org/book/catalogue.html#"));
}

#[test]
fn new_results_reach_browsers() {
    let served = Served::with(&results(), &[]);
    let (mut one, mut other) = (served.events(), served.events());
    let first = one.wait();
    assert_eq!(other.wait(), first);
    assert_eq!(first.notice, "");
    assert!(served.page().contains(&format!("data-page=\"{}\"", first.page)));

    fs::write(served.file(), newer().to_json()).expect("the folder is ours");
    let second = one.wait();
    assert_eq!(other.wait(), second);
    assert_ne!(second.page, first.page);
    let page = served.page();
    assert!(page.contains(&format!("data-page=\"{}\"", second.page)));
    assert!(page.contains("The pool MUST be newer."));
    assert_eq!(served.events().wait(), second);

    // A file that takes the place of the other, and one beside it, which changes nothing.
    let replaced = served.folder.path().join("kept/other");
    fs::write(&replaced, results().to_json()).expect("the folder is ours");
    fs::rename(&replaced, served.file()).expect("the folder is ours");
    assert_eq!(one.wait(), first);
}

#[test]
fn a_run_reaches_browsers() {
    let served = Served::with(&results(), &[]);
    let mut events = served.events();
    let first = events.wait();
    let mut run = program();
    run.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile"));
    run.args(["run", "sh plain.sh", "submit.", "--results"]).arg(served.file());
    // It can carry out one scenario only.
    assert_eq!(run.output().expect("it was built").status.code(), Some(1));
    let second = events.wait();
    assert_eq!(second.notice, "");
    assert_ne!(second.page, first.page);
    assert!(served.page().contains("sh (fork)"));
}

#[test]
fn the_last_good_page_stays_while_the_file_is_not_good() {
    let served = Served::with(&results(), &[]);
    let (page, mut events) = (served.page(), served.events());
    let good = events.wait();
    let whole = newer().to_json();
    fs::write(served.file(), &whole[..whole.len() / 2]).expect("the folder is ours");
    let half = events.wait();
    assert_eq!(half.page, good.page);
    let notice = &half.notice;
    let says = contains("kept/results.json is no file of results: at ").and(contains("EOF"));
    assert!(says.eval(notice), "{notice}");
    assert!(notice.ends_with("The results before that are shown."), "{notice}");
    assert_eq!(served.page(), page);
    assert_eq!(served.events().wait(), half);

    fs::remove_file(served.file()).expect("the folder is ours");
    let gone = events.wait();
    assert_eq!(gone.page, good.page);
    assert!(gone.notice.contains("kept/results.json cannot be read: "), "{gone:?}");
    fs::write(served.file(), whole).expect("the folder is ours");
    let next = events.wait();
    assert_eq!(next.notice, "");
    assert_ne!(next.page, good.page);
}

#[test]
fn only_the_requested_address_is_served() {
    let served = Served::with(&results(), &[]);
    assert_eq!(served.address.ip().to_string(), "127.0.0.1");
    // Another address of this machine, which a server of all addresses would answer at.
    let other = |served: &Served| TcpStream::connect(("127.0.0.2", served.address.port())).is_ok();
    assert!(!other(&served));
    let served = Served::with(&results(), &["--bind", "127.0.0.2"]);
    assert_eq!(served.address.ip().to_string(), "127.0.0.2");
    assert!(other(&served));
}

#[test]
fn signals_end_the_server_with_code_0() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut served = Served::with(&results(), &[]);
        let mut events = served.events();
        events.wait();
        kill(Pid::from_raw(served.process.id() as i32), signal).expect("it runs");
        let (status, stderr) = served.end();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{signal}: {status}");
        assert_eq!(events.next(), None);
    }
}

#[test]
fn the_end_of_the_folder_is_an_error() {
    let mut served = Served::with(&results(), &[]);
    fs::remove_dir_all(served.folder.path().join("kept")).expect("the folder is ours");
    let (status, stderr) = served.end();
    assert_eq!(status.code(), Some(2));
    assert_eq!(stderr, "error: the folder of the results was removed or renamed\n");
}

#[test]
fn streams_without_a_reader_are_closed() {
    let served = Served::with(&results(), &[]);
    let open = || {
        let folder = format!("/proc/{}/fd", served.process.id());
        fs::read_dir(folder).expect("it runs").count()
    };
    let before = open();
    for _ in 0..50 {
        served.events().wait();
    }
    // The last few are closed when the next one is opened.
    assert!(open() < before + 25, "{before} descriptors became {}", open());
}

#[test]
fn results_that_cannot_be_served_exit_with_code_2() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("all.json"), results().to_json()).expect("the folder is ours");
    fs::write(folder.path().join("half.json"), "{").expect("the folder is ours");
    let taken = TcpListener::bind("127.0.0.1:0").and_then(|it| Ok((it.local_addr()?.port(), it)));
    let (port, _taken) = taken.expect("there is a free port");
    let port = port.to_string();
    let wrong: [(&[&str], &str); 9] = [
        (&["none.json"], "there is no none.json; a whole `conformance run` writes it"),
        (&[], "there is no conformance/results.json; a whole `conformance run` writes it"),
        (&["half.json"], "half.json is no file of results: "),
        (&["."], "cannot be watched: it is a folder"),
        (&["all.json", "--port", &port], "cannot be served: Address already in use"),
        (&["all.json", "--port", "70000"], "70000 is not in 0..=65535"),
        (&["all.json", "--bind", "here"], "invalid IP address"),
        (&["all.json", "--bind", "192.0.2.1"], "192.0.2.1:7878 cannot be served: "),
        (&["all.json", "--book", "javascript:x"], "is neither a folder nor an address"),
    ];
    for (arguments, fault) in wrong {
        let serve = program().current_dir(&folder).arg("serve").args(arguments).output();
        let serve = serve.expect("it was built");
        let stderr = String::from_utf8_lossy(&serve.stderr);
        assert_eq!(serve.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(fault), "{arguments:?}: {stderr}");
    }
}

#[test]
#[ignore = "needs Node, Chromium: .ci/run installs them"]
fn a_browser_follows_the_file() {
    let mut served = Served::with(&results(), &[]);
    let wanted = json!({
        "address": format!("http://{}/", served.address),
        "file": served.file(),
        "broken": "{",
        "newer": newer().to_json(),
        "shows": "The pool MUST be newer.",
        "process": served.process.id(),
        // How long an event may take that must happen, in milliseconds.
        "patience": 10_000,
    });
    let follow = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/follow.mjs");
    let mut node = assert_cmd::Command::new("node");
    node.arg(follow).write_stdin(wanted.to_string()).assert().success().stdout("[]\n");
    assert_eq!(served.end().0.code(), Some(0));
}
