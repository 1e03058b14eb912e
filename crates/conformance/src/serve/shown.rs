//! The page that is shown: that of the last good results, and a notice if the file is not good now.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::report::{Live, Results};

/// The beginning of a stream of events. It has no length and ends with the connection.
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
                    Connection: close\r\n\r\n";

/// An event that says nothing.
const NOTHING: &str = ":\n\n";

type Stream = Box<dyn Write + Send>;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Shown {
    file: PathBuf,
    book: Option<String>,
    state: Mutex<State>,
}

struct State {
    page: Live,
    /// Empty if the page is that of the file.
    notice: String,
    streams: Vec<Stream>,
}

impl Shown {
    /// Reads the file.
    pub(super) fn of(file: &Path, book: Option<&str>) -> Result<Self, String> {
        let page = read(file, book)?;
        let state = State { page, notice: String::new(), streams: Vec::new() };
        let (file, book) = (file.to_owned(), book.map(str::to_owned));
        Ok(Self { file, book, state: Mutex::new(state) })
    }

    /// Reads the file again, and sends the browsers an event about it.
    pub(super) fn update(&self) {
        let read = read(&self.file, self.book.as_deref());
        let mut state = self.lock();
        match read {
            Ok(page) => {
                state.page = page;
                state.notice.clear();
            }
            Err(fault) => state.notice = format!("{fault}. The results before that are shown."),
        }
        let event = state.event();
        state.send(&event);
    }

    /// Returns the page.
    pub(super) fn page(&self) -> String {
        self.lock().page.text.clone()
    }

    /// Sends a browser an event now, and with each change.
    pub(super) fn follow(&self, stream: Stream) {
        let mut state = self.lock();
        // Only a write shows which browsers have gone. Without this, each page that is loaded again would
        // leave a stream until the file changes.
        state.send(NOTHING);
        let beginning = HEAD.to_owned() + &state.event();
        state.streams.extend(sent(stream, &beginning));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn event(&self) -> String {
        self.page.event(&self.notice)
    }

    fn send(&mut self, text: &str) {
        let streams = std::mem::take(&mut self.streams);
        self.streams = streams.into_iter().filter_map(|stream| sent(stream, text)).collect();
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut state = f.debug_struct("State");
        state.field("page", &self.page).field("notice", &self.notice);
        state.field("streams", &self.streams.len()).finish()
    }
}

fn read(file: &Path, book: Option<&str>) -> Result<Live, String> {
    Live::of(&Results::read(file)?, book)
}

/// Returns the stream if its browser is still there.
fn sent(mut stream: Stream, text: &str) -> Option<Stream> {
    let sent = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    sent.is_ok().then_some(stream)
}
