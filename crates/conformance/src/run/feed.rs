//! The output of an adapter and its workers so far, read as it grows.
//!
//! A line counts once its line feed has arrived, in however many writes.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use procpool_contract::{Event, EventKind, Line, Moment, Scenario, TRACE_FILE, now};

use super::adapter::{STDERR, STDOUT, flood};
use super::fault::Fault;

/// The longest line that is read. A result of some megabytes fits; an adapter that writes more is at
/// fault.
const LONGEST: usize = 64 << 20;

/// By how much a time may be outside the run: a cheap clock may stand still for some milliseconds. A wrong
/// clock is off by more.
const COARSE: u64 = 20_000_000;

/// Both files, as far as they have been read.
#[derive(Debug)]
pub(super) struct Feed<'a> {
    scenario: &'a Scenario,
    scratch: &'a Path,
    /// When the run began.
    began: u64,
    stdout: Tail,
    trace: Tail,
    /// The current step of each client, and whether it has begun.
    places: HashMap<String, (usize, bool)>,
    pub(super) lines: Vec<Line>,
    pub(super) events: Vec<Event>,
    /// The events that have happened at least once.
    happened: HashSet<(EventKind, String)>,
}

/// A file that grows.
#[derive(Debug)]
struct Tail {
    path: std::path::PathBuf,
    file: Option<File>,
    read: u64,
    rest: Vec<u8>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(scratch: &'a Path, scenario: &'a Scenario) -> Self {
        let tail = |name| Tail { path: scratch.join(name), file: None, read: 0, rest: Vec::new() };
        let clients = scenario.clients.iter();
        let places = clients.map(|client| (client.name.clone(), (0, false))).collect();
        let (stdout, trace) = (tail(STDOUT), tail(TRACE_FILE));
        let (lines, events, happened) = (Vec::new(), Vec::new(), HashSet::new());
        Self { scenario, scratch, began: now(), stdout, trace, places, lines, events, happened }
    }

    /// Returns a number that grows with each step forward: a line, or the first event of a kind for a tag.
    /// A scenario has a finite number of these.
    pub(super) fn progress(&self) -> usize {
        self.lines.len() + self.happened.len()
    }

    /// Names the file that is too long.
    pub(super) fn check_lengths(&self) -> Result<(), Fault> {
        let flood = [STDERR, TRACE_FILE].iter().find_map(|name| flood(self.scratch, name));
        flood.map_or(Ok(()), |text| Err(Fault(text)))
    }

    /// Reads the new part.
    pub(super) fn read(&mut self) -> Result<(), Fault> {
        self.check_lengths()?;
        for text in self.trace.lines()? {
            let number = self.events.len() + 1;
            let at = |error: String| Fault(format!("line {number} of the trace: {error}"));
            let event = Event::from_json(&text).map_err(at)?;
            self.check_clock(event.at).map_err(at)?;
            self.happened.insert((event.event, event.tag.clone()));
            self.events.push(event);
        }
        for text in self.stdout.lines()? {
            let number = self.lines.len() + 1;
            let at = |error: String| Fault(format!("line {number} of standard output: {error}"));
            let line = Line::from_json(&text).map_err(at)?;
            self.check(&line).and_then(|()| self.check_clock(line.at)).map_err(at)?;
            self.lines.push(line);
        }
        Ok(())
    }

    /// Returns the text after the last complete line, at the end.
    pub(super) fn check_end(&self) -> Result<(), Fault> {
        for (tail, name) in [(&self.stdout, "standard output"), (&self.trace, "the trace")] {
            if !tail.rest.is_empty() {
                let text =
                    String::from_utf8_lossy(&tail.rest[..tail.rest.len().min(200)]).into_owned();
                return Err(Fault(format!("the last line of {name} has no end: {text:?}")));
            }
        }
        Ok(())
    }

    /// Returns whether every client has carried out all its steps.
    pub(super) fn is_complete(&self) -> bool {
        let mut clients = self.scenario.clients.iter();
        clients.all(|client| self.places[&client.name] == (client.steps.len(), false))
    }

    /// Returns the fault of a time: judges compare the times of all processes.
    fn check_clock(&self, at: u64) -> Result<(), String> {
        let (began, now) = (self.began, now());
        if at.saturating_add(COARSE) >= began && at <= now.saturating_add(COARSE) {
            return Ok(());
        }
        Err(format!(
            "`at` is {at}, but the run has lasted from {began} to {now}: is it CLOCK_MONOTONIC, in nanoseconds?"
        ))
    }

    fn check(&mut self, line: &Line) -> Result<(), String> {
        let client = self.scenario.clients.iter().find(|client| client.name == line.client);
        let client =
            client.ok_or_else(|| format!("the scenario has no client {:?}", line.client))?;
        let place = self.places.get_mut(&client.name).ok_or("a client without a place")?;
        let (step, has_begun) = *place;
        if step >= client.steps.len() {
            return Err(format!("the client {:?} has carried out all its steps", client.name));
        }
        match (line.is, has_begun) {
            _ if line.step != step => Err(format!(
                "the client {:?} is at step {step}, but the line is about step {}",
                client.name, line.step
            )),
            (Moment::Begin, true) => Err(format!("step {step} begins a second time")),
            (Moment::End, false) => Err(format!("step {step} ends and has not begun")),
            (Moment::Begin, false) if line.outcome.is_some() => {
                Err("a beginning has no outcome".to_owned())
            }
            (Moment::End, true) if line.outcome.is_none() => {
                Err("an end must have an outcome".to_owned())
            }
            (Moment::Begin, false) => {
                *place = (step, true);
                Ok(())
            }
            (Moment::End, true) => {
                *place = (step + 1, false);
                Ok(())
            }
        }
    }
}

impl Tail {
    /// Returns the lines that were completed since the last call.
    fn lines(&mut self) -> Result<Vec<Vec<u8>>, Fault> {
        let failed = |path: &Path, error| Fault(format!("{}: {error}", path.display()));
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(failed(&self.path, error)),
            }
        }
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        let mut read = || {
            file.seek(SeekFrom::Start(self.read))?;
            file.take(LONGEST as u64).read_to_end(&mut self.rest)
        };
        self.read += read().map_err(|error| failed(&self.path, error))? as u64;
        let Some(last) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            if self.rest.len() >= LONGEST {
                return Err(Fault(format!("a line of {} is too long", self.path.display())));
            }
            return Ok(Vec::new());
        };
        let rest = self.rest.split_off(last + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        let lines = BufRead::split(whole.as_slice(), b'\n').collect::<Result<Vec<_>, _>>();
        let mut lines = lines.map_err(|error| failed(&self.path, error))?;
        lines.retain(|line| !line.is_empty());
        Ok(lines)
    }
}
