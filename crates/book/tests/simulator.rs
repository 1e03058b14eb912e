//! The simulator of a pool: it does as the real pool in recorded runs, its programs compile and run, and every
//! text of an address is a state. `simulator_page` uses its page.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use procpool_book::layout::{Layout, files_below};
use procpool_book::simulator::{self, PROGRAMS, RUNS, TOLERANCE};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    differences: BTreeMap<String, Vec<String>>,
    programs: Vec<simulator::Programs>,
    states: Vec<String>,
}

/// Asks the simulator in `folder`.
fn ask(folder: &Path, states: &[&str], texts: &[&str]) -> Answer {
    let runs: BTreeMap<&str, Value> =
        RUNS.iter().map(|(name, _)| (*name, recorded(name))).collect();
    let wanted = json!({"folder": folder, "runs": runs, "states": states, "texts": texts, "tolerance": TOLERANCE});
    let mut node = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulator.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node is installed");
    let mut input = node.stdin.take().expect("it is a pipe");
    input.write_all(wanted.to_string().as_bytes()).expect("it reads what is wanted");
    drop(input);
    let output = node.wait_with_output().expect("it can be waited for");
    assert!(output.status.success(), "the simulator does not answer: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("it answers in JSON")
}

fn recorded(name: &str) -> Value {
    let path = Layout::procpool().simulator().join("runs").join(name).with_extension("json");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("a run is JSON")
}

#[test]
fn every_recorded_run_is_that_of_its_state() {
    for (name, state) in RUNS {
        assert_eq!(recorded(name)["state"], state, "record {name} again");
    }
    let files =
        files_below(&Layout::procpool().simulator().join("runs")).expect("they can be read");
    assert_eq!(files.len(), RUNS.len(), "a run without a state: {files:?}");
}

#[test]
fn a_new_recording_has_the_workers_of_its_state() {
    let (_, state) = RUNS.iter().find(|(name, _)| *name == "one_task_each").expect("there is one");
    // Whether the machine is quiet matters for times only.
    let (run, _) = simulator::attempt(&Layout::procpool(), state).expect("it runs");
    let run: Value = serde_json::from_str(&run).expect("a run is JSON");
    let tasks = run["workers"].as_array().expect("there are workers").iter();
    let tasks: Vec<&Value> = tasks.map(|worker| &worker["tasks"][0]["task"]).collect();
    assert_eq!(tasks, [0, 1, 2, 3]);
    assert_eq!(run["results"].as_array().map(Vec::len), Some(4));
    assert_eq!(run["error"], Value::Null);
}

#[test]
#[ignore = "needs Node: .ci/run installs it"]
fn the_simulator_does_as_the_pool_did_in_every_recorded_run() {
    let answer = ask(&Layout::procpool().simulator(), &[], &[]);
    let differences: Vec<_> =
        answer.differences.iter().filter(|(_, found)| !found.is_empty()).collect();
    assert_eq!(differences, [] as [(&String, &Vec<String>); 0]);
    assert_eq!(answer.differences.len(), RUNS.len());
}

/// Mistakes in the engine: a part of it, what stands there instead, and a run that shows it.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("this.queue.shift()", "this.queue.pop()", "one_worker"),
    ("this.input.maxTasksPerChild || Infinity", "Infinity", "recycled"),
    ("(free < 0 || slots[worker.slot].length === 1)", "true", "free_slot"),
    ("slot.length === 1 && !staying(slot)", "false", "one_task_each"),
    ("if (this.alive.some(", "if (false && this.alive.some(", "one_task_each"),
    ("> this.alive.filter(counts).length", "> 0", "fewer_tasks_than_workers"),
    (
        "this.finished.has(this.results.length)",
        "this.finished.has(task) && !this.results.some((it) => it.task === task)",
        "no_initializer",
    ),
    ("this.noStartBefore = this.now + START_RETRY", "this.noStartBefore = 0", "death_at_start"),
    ("            this.noStartBefore = 0\n", "", "death_at_start"),
    (
        "(stage === \"starting\" || stage === \"waiting\")",
        "stage !== \"ready\"",
        "death_in_initializer",
    ),
    (
        "this.end(other, other.stage === \"exiting\" ? other.reason : \"killed\")",
        "void other",
        "death",
    ),
    ("this.error = this.now", "this.error = this.now + 10", "death_as_completed"),
    (
        "this.later(worker, duration, becomeReady)",
        "this.later(worker, duration + 7, becomeReady)",
        "map",
    ),
];

#[test]
#[ignore = "needs Node: .ci/run installs it"]
fn the_comparison_finds_mistakes_in_the_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let simulator = Layout::procpool().simulator();
    for name in ["engine.mjs", "state.mjs", "programs.mjs"] {
        fs::copy(simulator.join(name), folder.path().join(name)).expect("it is copied");
    }
    let engine = fs::read_to_string(simulator.join("engine.mjs")).expect("it can be read");
    for (part, instead, run) in MISTAKES {
        assert_eq!(engine.matches(part).count(), 1, "the engine has {part:?} once");
        fs::write(folder.path().join("engine.mjs"), engine.replace(part, instead))
            .expect("it is written");
        let answer = ask(folder.path(), &[], &[]);
        assert_ne!(
            answer.differences[*run], [""; 0],
            "{instead:?} in place of {part:?} goes unnoticed"
        );
    }
}

#[test]
#[ignore = "needs Node: .ci/run installs it"]
fn every_text_of_an_address_is_a_state() {
    const USUAL: &str = "w=2&n=10&s=5&i=60&c=0&d=0&t=180,40,120,60&o=map";
    let texts = [
        ("", USUAL),
        ("#", USUAL),
        ("#what-to-look-for", USUAL),
        ("#w=&n=x&s=-1&i=1e9&c=0x10&t=,,&o=zip", USUAL),
        ("%E0%A4%A&w=%zz&&&=", USUAL),
        (
            "w=99&n=0&s=1&i=99999&c=31&d=99999999999999999999999&t=1,9999&o=as_completed",
            "w=8&n=1&s=1&i=2000&c=30&d=60000&t=5,2000&o=as_completed",
        ),
        ("w=3.6&t=10;20 30ms&n= 7 ", "w=4&n=7&s=5&i=60&c=0&d=0&t=10,20,30&o=map"),
        (
            "t=11,12,13,14,15,16,17,18,19,20",
            "w=2&n=10&s=5&i=60&c=0&d=0&t=11,12,13,14,15,16,17,18&o=map",
        ),
        ("w=3&w=4&o=as_completed", "w=3&n=10&s=5&i=60&c=0&d=0&t=180,40,120,60&o=as_completed"),
        ("w=1&t=<b>7</b>", "w=1&n=10&s=5&i=60&c=0&d=0&t=7&o=map"),
    ];
    let asked: Vec<&str> = texts.iter().map(|(text, _)| *text).collect();
    let answer = ask(&Layout::procpool().simulator(), &[], &asked);
    for ((text, expected), state) in texts.iter().zip(&answer.states) {
        assert_eq!(state, expected, "{text:?}");
    }
    // A state that is written is read as it was: those of the runs, and those that the page links to.
    let page =
        fs::read_to_string(Layout::procpool().pages().join("simulator.md")).expect("it is there");
    let links = page.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
    let mut states: Vec<&str> = links.filter(|link| link.contains('=')).collect();
    assert!(states.len() > 5, "the page links to states");
    states.extend(RUNS.iter().map(|(_, state)| *state));
    assert_eq!(ask(&Layout::procpool().simulator(), &[], &states).states, states);
    for stated in [format!("within {TOLERANCE} ms"), format!("{} recorded runs", RUNS.len())] {
        assert!(page.contains(&stated), "the page does not state: {stated}");
    }
}

#[test]
#[ignore = "needs Node: .ci/run installs it"]
fn the_checked_in_programs_are_those_of_their_states() {
    let states = PROGRAMS.map(|(_, state)| state);
    let answer = ask(&Layout::procpool().simulator(), &states, &[]);
    for ((name, _), programs) in PROGRAMS.iter().zip(answer.programs) {
        let path = Layout::procpool().simulator().join("programs").join(name);
        let text =
            |extension| fs::read_to_string(path.with_extension(extension)).unwrap_or_default();
        assert_eq!(text("rs"), programs.rust, "`just bless` writes {name}.rs");
        assert_eq!(text("py"), programs.python, "`just bless` writes {name}.py");
    }
}

/// What a program of a state prints: all results, or an error after those that came before.
fn assert_runs(mut command: Command, state: &str) {
    let output = command.stdin(Stdio::null()).output().expect("it can be run");
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut results: Vec<u32> =
        printed.lines().map(|line| line.parse().expect("a result")).collect();
    let said = format!("{command:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    if state.ends_with("o=as_completed") {
        results.sort_unstable();
        results.dedup();
    }
    let count = state.split('&').find_map(|pair| pair.strip_prefix("n=")?.parse().ok()).expect("n");
    if state.contains("&d=0&") {
        assert!(output.status.success(), "{said}");
        assert_eq!(results, Vec::from_iter(0..count), "{said}");
    } else {
        assert!(!output.status.success(), "{said}");
        assert!(results.len() < count as usize, "{said}");
    }
}

#[test]
fn the_rust_programs_run() {
    for (name, state) in PROGRAMS {
        let mut cargo = Command::new("cargo");
        let example = format!("simulator_{name}");
        cargo.args(["run", "--quiet", "--package", "procpool-book", "--example", &example]);
        cargo.current_dir(Layout::procpool().root);
        assert_runs(cargo, state);
    }
}

#[test]
#[ignore = "needs python3: runs Python programs of the simulator"]
fn the_python_programs_run() {
    for (name, state) in PROGRAMS {
        let mut python = Command::new("python3");
        python.arg(Layout::procpool().simulator().join("programs").join(name).with_extension("py"));
        assert_runs(python, state);
    }
}
