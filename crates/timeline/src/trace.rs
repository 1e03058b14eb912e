//! A timeline in the Trace Event Format, as JSON: `ui.perfetto.dev` and `chrome://tracing` open it.
//!
//! The process is the pool; each worker process has a track, named by its number. Within a track, slices
//! follow each other. Each task is once an asynchronous slice, from its submission to its outcome, so a
//! task that never ran is there, too. Times are in microseconds since the pool was built.
//!
//! The format: <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>. Perfetto
//! supports no slices of one track that overlap (<https://perfetto.dev/docs/faq>), so there are none.

use std::collections::BTreeMap;
use std::io::{self, Write};

use procpool::ExitReason;
use serde::Serialize;
use serde_json::{Value, json};

use crate::timeline::{Attempt, Ended, Incident, Life, Stage, Task, Timeline, What};

/// An event of the format.
#[derive(Serialize)]
struct Record {
    name: String,
    /// The phase: what kind of event it is.
    ph: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    pid: u32,
    tid: u32,
    /// Joins the events of an asynchronous slice.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    /// The scope of an instant: its track, or the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "Value::is_null")]
    args: Value,
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// An entry of the trace, before it is written: a place in the timeline.
#[derive(Clone, Copy)]
enum Entry<'a> {
    Name(Track<'a>),
    Stage(&'a Life, &'a Stage),
    Exit(&'a Life, ExitReason),
    Submitted(usize, &'a Task),
    Ended(usize, &'a Task),
    Incident(&'a Incident),
    /// How many tasks wait and run.
    Tasks(i64, i64),
    Workers(i64),
}

/// The owner of a name or of a place in the order.
#[derive(Clone, Copy)]
enum Track<'a> {
    Process,
    Pool,
    PoolPlace,
    Worker(&'a Life),
    WorkerPlace(&'a Life),
}

impl Timeline {
    /// Writes the trace.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_trace(&self, mut out: impl Write) -> io::Result<()> {
        let mut entries = Vec::new();
        for life in &self.lives {
            entries
                .extend(life.stages.iter().map(|stage| (stage.begin, Entry::Stage(life, stage))));
            entries.extend(life.exit.map(|reason| (life.ended, Entry::Exit(life, reason))));
        }
        for (number, task) in self.tasks.iter().enumerate() {
            entries.push((task.submitted, Entry::Submitted(number, task)));
            entries.push((task.ended, Entry::Ended(number, task)));
        }
        entries.extend(self.incidents.iter().map(|it| (it.at, Entry::Incident(it))));
        self.add_counters(&mut entries);
        // Stable: events of one track and time stay in their order.
        entries.sort_by_key(|(at, _)| *at);
        write!(out, "{{\"displayTimeUnit\":\"ms\",\"otherData\":")?;
        let other = json!({ "summary": self.summary(), "left out": self.left_out });
        serde_json::to_writer(&mut out, &other)?;
        write!(out, ",\"traceEvents\":[")?;
        let mut separator = "\n";
        let names = self.tracks().into_iter().map(|track| (0, Entry::Name(track)));
        for (at, entry) in names.chain(entries) {
            write!(out, "{separator}")?;
            serde_json::to_writer(&mut out, &self.record_of(at, entry))?;
            separator = ",\n";
        }
        writeln!(out, "\n]}}")
    }

    fn record_of(&self, at: u64, entry: Entry<'_>) -> Record {
        match entry {
            Entry::Name(track) => self.named(track),
            Entry::Stage(life, stage) => self.slice(life, stage),
            Entry::Exit(life, reason) => {
                let name = match reason {
                    ExitReason::Finished | ExitReason::Idle => "exit",
                    ExitReason::Recycled => "recycling",
                    ExitReason::Died(_) => "death",
                    ExitReason::InitializerFailed | ExitReason::StartTimeout => "failed start",
                    _ => "kill",
                };
                let (tid, worker) = (life.worker.pid, life.worker.to_string());
                let args = json!({ "worker": worker, "reason": reason.to_string() });
                let record = self.record(name, "i", tid, at);
                Record { cat: Some("worker"), s: Some("t"), args, ..record }
            }
            Entry::Submitted(number, task) => {
                let args = described(number, task, None);
                let record = self.record(task.name(), "b", self.program, at);
                Record { cat: Some("task"), id: Some(number), args, ..record }
            }
            Entry::Ended(number, task) => {
                let record = self.record(task.name(), "e", self.program, at);
                Record { cat: Some("task"), id: Some(number), ..record }
            }
            Entry::Incident(incident) => {
                let args = json!({ "what": incident.title });
                let record = self.record(incident.name, "i", self.program, at);
                Record { cat: Some("pool"), s: Some("p"), args, ..record }
            }
            Entry::Tasks(queued, running) => {
                let args = json!({ "queued": queued, "running": running });
                Record { args, ..self.record("tasks", "C", self.program, at) }
            }
            Entry::Workers(workers) => {
                let args = json!({ "workers": workers });
                Record { args, ..self.record("workers", "C", self.program, at) }
            }
        }
    }

    fn record(&self, name: impl Into<String>, ph: &'static str, tid: u32, at: u64) -> Record {
        let (name, ts, pid) = (name.into(), micros(at), self.program);
        Record {
            name,
            ph,
            cat: None,
            ts,
            dur: None,
            pid,
            tid,
            id: None,
            s: None,
            args: Value::Null,
        }
    }

    /// The process and its tracks, which have names and an order: the pool, then workers by number.
    fn tracks(&self) -> Vec<Track<'_>> {
        // The system may give a pid again: then the track has the name of the last.
        let workers: BTreeMap<u32, &Life> =
            self.lives.iter().map(|life| (life.worker.pid, life)).collect();
        let workers = workers.into_values();
        let workers = workers.flat_map(|life| [Track::Worker(life), Track::WorkerPlace(life)]);
        [Track::Process, Track::Pool, Track::PoolPlace].into_iter().chain(workers).collect()
    }

    fn named(&self, track: Track<'_>) -> Record {
        let (what, tid, args) = match track {
            Track::Process => {
                let name = format!("procpool of process {}", self.program);
                ("process_name", self.program, json!({ "name": name }))
            }
            Track::Pool => ("thread_name", self.program, json!({ "name": "pool" })),
            Track::PoolPlace => ("thread_sort_index", self.program, json!({ "sort_index": -1 })),
            Track::Worker(Life { worker, .. }) => {
                ("thread_name", worker.pid, json!({ "name": worker.to_string() }))
            }
            Track::WorkerPlace(Life { worker, .. }) => {
                ("thread_sort_index", worker.pid, json!({ "sort_index": worker.id }))
            }
        };
        Record { args, ..self.record(what, "M", tid, 0) }
    }

    fn slice(&self, life: &Life, stage: &Stage) -> Record {
        let (name, cat, args) = match stage.what {
            What::Start => ("start".to_owned(), "worker", Value::Null),
            What::Initializer => ("initializer".to_owned(), "worker", Value::Null),
            What::Finalizer => ("finalizer and exit".to_owned(), "worker", Value::Null),
            What::Attempt(number, ended) => {
                let task = &self.tasks[number];
                let ended = match ended {
                    Ended::Returned => "returned",
                    Ended::Panicked => "panicked",
                    Ended::WithWorker => "with its worker",
                };
                (task.name(), "attempt", described(number, task, Some(ended)))
            }
        };
        let dur = Some(micros(stage.end - stage.begin));
        let record = self.record(name, "X", life.worker.pid, stage.begin);
        Record { cat: Some(cat), dur, args, ..record }
    }

    /// How many tasks wait and run, and how many workers there are.
    fn add_counters(&self, entries: &mut Vec<(u64, Entry<'_>)>) {
        let mut changes: BTreeMap<u64, [i64; 3]> = BTreeMap::new();
        let mut span = |counter: usize, begin: u64, end: u64| {
            changes.entry(begin).or_default()[counter] += 1;
            changes.entry(end).or_default()[counter] -= 1;
        };
        for task in &self.tasks {
            let mut queued_since = task.submitted;
            for Attempt { begin, end, .. } in task.attempts.iter().copied() {
                span(0, queued_since.min(begin), begin);
                span(1, begin, end);
                queued_since = end;
            }
            if task.attempts.is_empty() {
                span(0, task.submitted, task.ended);
            }
        }
        self.lives.iter().for_each(|life| span(2, life.started, life.ended));
        let (mut last, mut now) = ([0; 3], [0; 3]);
        for (at, change) in changes {
            now = std::array::from_fn(|counter| now[counter] + change[counter]);
            let [queued, running, workers] = now;
            if now[..2] != last[..2] {
                entries.push((at, Entry::Tasks(queued, running)));
            }
            if workers != last[2] {
                entries.push((at, Entry::Workers(workers)));
            }
            last = now;
        }
    }
}

fn described(number: usize, task: &Task, ended: Option<&str>) -> Value {
    let mut args = json!({ "task": number, "function": task.submission.name });
    if let Some(ended) = ended {
        args["ended"] = json!(ended);
    } else {
        args["outcome"] = json!(task.outcome);
        args["attempts"] = json!(task.attempts.len());
    }
    if let Some((map, index)) = task.submission.item {
        (args["map"], args["item"]) = (json!(map), json!(index));
    }
    if let Some(work_item) = task.submission.work_item {
        args["work item"] = json!(work_item);
    }
    if let Some(error) = &task.error {
        args["error"] = json!(error);
    }
    args
}
