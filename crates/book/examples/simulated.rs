//! Records a run for the simulator: the real pool, with the numbers of one of
//! its states.
//!
//! The environment variable `STATE` is the fragment of the simulator's
//! address, with `s` for a pause before `init`. Writes the run to the file that
//! `RUN` names, and nothing else. The pool's timeline has the lives of its
//! workers; the start of `main` and the results are noted here.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use std::{env, fs};

use procpool::{EventKind, Events, ProcessPoolExecutor, as_completed};
use procpool_book::timeline::Event;
use procpool_testkit::trace;
use procpool_timeline::Record;
use serde_json::{Value, json};

/// How much later each worker is ready than the one before, in ms: if two are
/// ready at the same time, chance decides which gets the first task.
const APART: u64 = 15;

/// The numbers of a state, by their letters.
struct State(BTreeMap<String, String>);

impl State {
    fn new() -> Self {
        let text = env::var("STATE").expect("STATE is a fragment");
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Self(
            pairs
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }

    fn number(&self, letter: &str) -> u64 {
        self.0[letter].parse().unwrap_or(0)
    }

    fn tasks(&self) -> Vec<(u32, u64)> {
        let millis =
            self.0["t"].split(',').map(|it| it.parse().unwrap_or(0));
        let millis: Vec<u64> = millis.collect();
        let all = millis.iter().copied().cycle();
        (0..).zip(all.take(self.number("n") as usize)).collect()
    }
}

/// The longest that a pause may take too long, in ms.
const LATE: u64 = 5;

/// Sleeps. If the machine is too busy to end that in time, the run shows the
/// machine rather than the pool, which is noted.
fn pause(millis: u64) {
    let begin = Instant::now();
    sleep(Duration::from_millis(millis));
    if begin.elapsed() > Duration::from_millis(millis + LATE) {
        fs::write(notes().with_extension("late"), "")
            .expect("it is written");
    }
}

/// What the program itself sees, with the times in ns.
struct Seen {
    called: u64,
    results: Vec<(u32, u64)>,
    error: Option<u64>,
}

// ANCHOR: run
fn task((identifier, millis): (u32, u64)) -> u32 {
    pause(millis);
    identifier
}

/// Runs the state in the pool, and writes the pool's timeline.
fn run(state: &State, path: &Path) -> Result<Seen, Box<dyn Error>> {
    let mut builder = ProcessPoolExecutor::builder()
        .max_workers(state.number("w") as usize);
    if state.number("c") > 0 {
        builder = builder.max_tasks_per_child(state.number("c"));
    }
    if state.number("i") > 0 {
        builder = builder.initializer_with_args(pause, state.number("i"));
    }
    let executor = builder.record(path)?;
    if state.number("d") > 0 {
        let (began, events) = (Instant::now(), executor.events());
        let at = Duration::from_millis(state.number("d"));
        thread::spawn(move || kill_second(events, at, began));
    }
    let mut called = None;
    let tasks = state.tasks().into_iter();
    let tasks =
        tasks.inspect(|_| _ = called.get_or_insert_with(trace::now));
    let mut results = Vec::new();
    let give = |result: Result<u32, procpool::Error>| {
        result.map(|identifier| results.push((identifier, trace::now())))
    };
    let given = if state.0["o"] == "map" {
        executor.map(task, tasks).try_for_each(give)
    } else {
        let futures: Vec<_> =
            tasks.map(|it| executor.submit(task, it)).collect();
        as_completed(&futures)
            .map(|it| it.result())
            .try_for_each(give)
    };
    let error = given.is_err().then(trace::now);
    executor.finish()?;
    Ok(Seen { called: called.ok_or("there is no task")?, results, error })
}

/// Kills the second worker that is started.
fn kill_second(events: Events, at: Duration, began: Instant) {
    let started = events.filter_map(|event| match event.kind {
        EventKind::WorkerStarted(worker) => Some(worker.pid),
        _ => None,
    });
    let Some(pid) = { started }.nth(1) else { return };
    sleep(at.saturating_sub(began.elapsed()));
    let kill = Command::new("kill")
        .arg("-KILL")
        .arg(pid.to_string())
        .status();
    assert!(kill.is_ok_and(|status| status.success()), "it is there");
}
// ANCHOR_END: run

fn notes() -> PathBuf {
    let run = env::var_os("RUN").expect("RUN names the file to write to");
    PathBuf::from(run).with_extension("notes")
}

fn main() -> Result<(), Box<dyn Error>> {
    let state = State::new();
    // In every process of this program, before it is a worker.
    pause(state.number("s") + APART * earlier()?);
    trace::append(&notes().to_string_lossy(), Event::Started);
    procpool::init();
    let path = notes().with_extension("timeline");
    // As the pool's manager would be, it is late if this process is held up.
    thread::spawn(|| {
        loop {
            pause(1)
        }
    });
    let seen = run(&state, &path)?;
    let timeline = fs::read_to_string(path.with_extension("json"))?;
    let run = together(&serde_json::from_str(&timeline)?, &seen)?;
    fs::write(notes().with_extension("json"), run)?;
    Ok(())
}

/// How many processes of this run have reached this point before.
fn earlier() -> std::io::Result<u64> {
    let mut number = 0;
    while let Err(error) =
        File::create_new(notes().with_extension(number.to_string()))
    {
        if error.kind() != ErrorKind::AlreadyExists {
            return Err(error);
        }
        number += 1;
    }
    Ok(number)
}

/// Puts the pool's timeline and the notes together: a line for each worker.
fn together(
    timeline: &Value,
    seen: &Seen,
) -> Result<String, Box<dyn Error>> {
    let events = timeline["traceEvents"].as_array().ok_or("no events")?;
    let micros =
        |event: &Value, key: &str| event[key].as_f64().unwrap_or(0.0);
    // The moment at which the first task is submitted, by either clock.
    let submitted = events.iter().filter(|event| event["ph"] == "b");
    let zero = submitted
        .map(|it| micros(it, "ts"))
        .fold(f64::MAX, f64::min);
    let millis = |micros: f64| ((micros - zero) / 10.0).round() / 100.0;
    let since = |nanos: u64| {
        ((nanos as f64 - seen.called as f64) / 1e4).round() / 100.0
    };
    let notes = trace::read::<Event>(&notes());
    let is_start =
        |name: &Value| name["name"] == "start" && name["ph"] == "X";
    let mut lines = Vec::new();
    for start in events.iter().filter(|event| is_start(event)) {
        let pid = &start["tid"];
        let own = || events.iter().filter(|event| event["tid"] == *pid);
        let ended = own().find(|it| it["ph"] == "i").ok_or("no end")?;
        let reached = notes.iter().find(|it| {
            it.event == Event::Started
                && Some(it.pid.into()) == pid.as_u64()
        });
        let slices = own().filter(|event| event["ph"] == "X");
        let span = |it: &Value| {
            let begin = micros(it, "ts");
            json!([millis(begin), millis(begin + micros(it, "dur"))])
        };
        let (mut tasks, mut initializer, mut exiting) =
            (Vec::new(), Value::Null, Value::Null);
        for slice in slices {
            let number = &slice["args"]["task"];
            match slice["name"].as_str() {
                Some("initializer") => initializer = span(slice),
                Some("finalizer and exit") => {
                    exiting = span(slice)[0].clone()
                }
                _ if !number.is_null() => tasks.push(json!({
                    "task": number, "span": span(slice),
                    "lost": slice["args"]["ended"] == "with its worker",
                })),
                _ => {}
            }
        }
        lines.push(json!({
            "slot": slot(ended), "start": millis(micros(start, "ts")),
            "reached": reached.map(|it| since(it.nanos)),
            "admitted": span(start)[1], "initializer": initializer,
            "tasks": tasks, "exiting": exiting,
            "exit": millis(micros(ended, "ts")), "reason": ended["name"],
        }));
    }
    let results = seen
        .results
        .iter()
        .map(|(task, at)| json!([task, since(*at)]));
    let results: Vec<Value> = results.collect();
    let workers: Vec<String> = lines.iter().map(Value::to_string).collect();
    Ok(format!(
        "{{\"state\": {},\n\"workers\": [\n{}\n],\n\"results\": {},\n\"error\": {}}}\n",
        json!(env::var("STATE")?),
        workers.join(",\n"),
        json!(results),
        json!(seen.error.map(since)),
    ))
}

/// The number of a worker, from its name.
fn slot(ended: &Value) -> Option<u64> {
    let name = ended["args"]["worker"].as_str()?;
    name.split(' ').find_map(|word| word.parse().ok())
}
