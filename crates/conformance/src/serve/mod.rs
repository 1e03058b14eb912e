//! The page of a file of results, in browsers that follow the file.
//!
//! ```text
//! file ── inotify ──▶ Watch ──▶ Shown ──▶ a page, and a stream of events ──▶ browsers
//! SIGINT, SIGTERM ──▶ Watch ──▶ the end
//! ```
//!
//! One thread waits for changes, one for requests, and each request is answered by its own, so a slow reader
//! delays nobody. Knows neither command lines nor the content of pages.

mod shown;
mod watch;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use tiny_http::{Header, Method, Request, Response, Server as Http};

use self::shown::Shown;
use self::watch::{Event, Watch};
use crate::report::EVENTS;

/// A server of one page, which listens.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    listener: TcpListener,
    shown: Arc<Shown>,
    watch: Watch,
}

impl Server {
    /// Reads `file` and listens at `address`; port 0 is any free one. Links into the book lead below `book`,
    /// and without it there are none.
    ///
    /// From here on, SIGINT and SIGTERM do not end this thread or those that it starts.
    ///
    /// # Errors
    ///
    /// The file cannot be read or watched or is no file of results, `book` is an address of a kind to which a
    /// page must not link, or the address cannot be used.
    pub fn open(file: &Path, book: Option<&str>, address: SocketAddr) -> Result<Self, String> {
        // A change after the file was read is seen.
        let watch = Watch::of(file)?;
        let shown = Arc::new(Shown::of(file, book)?);
        let bound = TcpListener::bind(address).and_then(|it| Ok((it.local_addr()?, it)));
        let (address, listener) =
            bound.map_err(|error| format!("{address} cannot be served: {error}"))?;
        Ok(Self { address, listener, shown, watch })
    }

    /// Returns the address that it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGINT or SIGTERM arrives.
    ///
    /// # Errors
    ///
    /// The file's folder is gone, or no more connections can be accepted.
    pub fn run(self) -> Result<(), String> {
        let Self { listener, shown, watch, .. } = self;
        let http = Http::from_listener(listener, None).map_err(|error| error.to_string())?;
        let (ends, end) = mpsc::channel();
        let (answers, answered) = (ends.clone(), Arc::clone(&shown));
        // Nobody waits for what is sent after the first end.
        start(move || drop(answers.send(Err(answer_all(&http, &answered)))))?;
        start(move || drop(ends.send(follow(&watch, &shown))))?;
        end.recv().unwrap_or_else(|_| Err("the server has panicked".to_owned()))
    }
}

fn start(what: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let started = thread::Builder::new().spawn(what);
    started.map(drop).map_err(|error| format!("no thread can be started: {error}"))
}

/// Shows each change, until a signal arrives.
fn follow(watch: &Watch, shown: &Shown) -> Result<(), String> {
    loop {
        match watch.next()? {
            Event::Changed => shown.update(),
            Event::Signal => return Ok(()),
        }
    }
}

/// Answers requests. Returns the reason why there are no more.
fn answer_all(http: &Http, shown: &Arc<Shown>) -> String {
    loop {
        match http.recv() {
            Ok(request) => {
                let shown = Arc::clone(shown);
                // If there can be no thread, the request is dropped, which answers that the server failed.
                let _ = start(move || drop(answer(request, &shown)));
            }
            Err(error) => return format!("no connection can be accepted: {error}"),
        }
    }
}

fn answer(request: Request, shown: &Shown) -> io::Result<()> {
    let path = request.url().split_once('?').map_or(request.url(), |(path, _)| path);
    match (request.method(), path.strip_prefix('/')) {
        (Method::Get | Method::Head, Some("")) => request.respond(
            Response::from_string(shown.page())
                .with_header(header("Content-Type", "text/html; charset=utf-8"))
                .with_header(header("Cache-Control", "no-store")),
        ),
        (Method::Get, Some(EVENTS)) => {
            shown.follow(request.into_writer());
            Ok(())
        }
        _ => {
            let text = "There is no such page. The results are at /\n";
            request.respond(Response::from_string(text).with_status_code(404))
        }
    }
}

fn header(name: &str, value: &str) -> Header {
    match Header::from_bytes(name, value) {
        Ok(header) => header,
        Err(()) => unreachable!("{name} is a header, and its value is ASCII"),
    }
}
