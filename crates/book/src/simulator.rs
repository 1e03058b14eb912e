//! Runs of the real pool, which the simulator is compared with.
//!
//! Owns their names and the state of each, and their recording. `crates/book/examples/simulated.rs` is the
//! program that runs; the simulator itself is in `book/simulator`.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::layout::Layout;

/// The runs by their names, and the state of each, as in the address of the simulator.
pub const RUNS: [(&str, &str); 16] = [
    ("map", "w=2&n=10&s=5&i=60&c=0&d=0&t=290,390,345,315&o=map"),
    ("as_completed", "w=2&n=10&s=5&i=60&c=0&d=0&t=265,220,100,375&o=as_completed"),
    ("no_initializer", "w=3&n=12&s=10&i=0&c=0&d=0&t=260,265,395,120,210,175,275,290&o=map"),
    ("one_worker", "w=1&n=6&s=5&i=40&c=0&d=0&t=30,80,20&o=as_completed"),
    ("fewer_tasks_than_workers", "w=6&n=3&s=20&i=50&c=0&d=0&t=100,60,140&o=as_completed"),
    ("slow_start", "w=4&n=8&s=150&i=0&c=0&d=0&t=345,115,240,135,95,260,275&o=map"),
    ("many_workers", "w=6&n=14&s=5&i=30&c=0&d=0&t=610,130,790,120,910,145,255&o=map"),
    ("one_task_each", "w=1&n=4&s=20&i=30&c=1&d=0&t=60,100&o=map"),
    ("recycled", "w=2&n=10&s=10&i=40&c=2&d=0&t=70,215,45,415,145&o=map"),
    ("recycled_as_completed", "w=3&n=11&s=30&i=25&c=3&d=0&t=360,235,365,225,70,280&o=as_completed"),
    ("free_slot", "w=3&n=5&s=5&i=30&c=1&d=0&t=400,300,60,120,200&o=map"),
    ("recycled_at_the_end", "w=2&n=5&s=5&i=20&c=2&d=0&t=90,30,150&o=as_completed"),
    ("death", "w=2&n=8&s=5&i=60&c=0&d=400&t=200,50,110,350&o=map"),
    ("death_as_completed", "w=3&n=9&s=5&i=40&c=0&d=380&t=400,60,150,90&o=as_completed"),
    ("death_in_initializer", "w=3&n=6&s=5&i=200&c=0&d=110&t=50&o=map"),
    ("death_at_start", "w=2&n=6&s=200&i=30&c=0&d=90&t=35,400,25,360,355,40&o=map"),
];

/// Runs states in the pool, all or those with these `names`, and writes what happened.
///
/// # Errors
///
/// When a name is unknown, a run fails or a file cannot be written.
pub fn record(layout: &Layout, names: &[&str]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| RUNS.iter().all(|(known, _)| known != *name)) {
        bail!(
            "there is no run {unknown:?}; there are: {}",
            RUNS.map(|(known, _)| known).join(", ")
        );
    }
    let folder = layout.simulator().join("runs");
    fs::create_dir_all(&folder)?;
    for (name, state) in RUNS.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        eprintln!("recording {name} …");
        fs::write(folder.join(name).with_extension("json"), run(layout, state)?)?;
    }
    Ok(())
}

/// The most by which a time may differ from that of a recorded run, in ms. The page states it.
pub const TOLERANCE: u32 = 6;

/// The programs that are checked in, compiled and run, by their names, and the state of each.
pub const PROGRAMS: [(&str, &str); 5] = [
    ("map", "w=2&n=10&s=5&i=60&c=0&d=0&t=180,40,120,60&o=map"),
    ("as_completed", "w=3&n=7&s=5&i=0&c=0&d=0&t=30,20,10&o=as_completed"),
    ("recycled", "w=2&n=9&s=5&i=20&c=2&d=0&t=15,40&o=map"),
    ("death", "w=2&n=12&s=5&i=0&c=0&d=1000&t=400&o=as_completed"),
    ("recycled_death", "w=2&n=12&s=5&i=20&c=9&d=1000&t=400,500&o=map"),
];

/// The programs of a state.
#[derive(Debug, Deserialize)]
pub struct Programs {
    /// The one in Rust.
    pub rust: String,
    /// The one in Python.
    pub python: String,
}

/// Writes the [`PROGRAMS`], as the simulator shows them.
///
/// # Errors
///
/// When Node is missing or a file cannot be written.
pub fn write_programs(layout: &Layout) -> Result<()> {
    let script = r#"
        const [folder, ...states] = process.argv.slice(1)
        const [{ parse }, { python, rust }] = await Promise.all(["state", "programs"].map((it) => import(`${folder}/${it}.mjs`)))
        console.log(JSON.stringify(states.map(parse).map((state) => ({ rust: rust(state), python: python(state) }))))
    "#;
    let output = Command::new("node")
        .args(["--input-type=module", "--eval", script])
        .arg(layout.simulator())
        .args(PROGRAMS.map(|(_, state)| state))
        .output()
        .context("node cannot be run")?;
    if !output.status.success() {
        bail!("node failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let programs: Vec<Programs> = serde_json::from_slice(&output.stdout)?;
    let folder = layout.simulator().join("programs");
    fs::create_dir_all(&folder)?;
    for ((name, _), Programs { rust, python }) in PROGRAMS.iter().zip(programs) {
        fs::write(folder.join(name).with_extension("rs"), rust)?;
        fs::write(folder.join(name).with_extension("py"), python)?;
    }
    Ok(())
}

/// How often a state is run until the machine is quiet enough.
const TRIES: usize = 10;

/// Runs a state in the pool, and returns what happened. A run in which the machine was too busy for any process
/// to continue in time does not count; that is known before anything is compared.
fn run(layout: &Layout, state: &str) -> Result<String> {
    for _ in 0..TRIES {
        match attempt(layout, state)? {
            (run, true) => return Ok(run),
            (_, false) => eprintln!("the machine was too busy: once more"),
        }
    }
    bail!("the machine is too busy to record {state}: run this under `chrt --fifo 10`")
}

/// Runs a state once. Returns what happened, and whether every process could continue in time.
///
/// # Errors
///
/// When the program does not build or fails.
pub fn attempt(layout: &Layout, state: &str) -> Result<(String, bool)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("run.json");
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--package", "procpool-book", "--example", "simulated"])
        .env("STATE", state)
        .env("RUN", &path)
        .current_dir(&layout.root)
        .stdin(Stdio::null())
        .output()
        .context("cargo cannot be run")?;
    if !output.status.success() {
        bail!("recording {state} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let run = fs::read_to_string(&path).context("the program wrote no run")?;
    Ok((run, !path.with_extension("late").exists()))
}
