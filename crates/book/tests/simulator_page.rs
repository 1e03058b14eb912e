//! The simulator's page in a browser: it is readable, works by keyboard and from its address, does without motion
//! and without a script; and the check would report it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use procpool_book::layout::Layout;
use procpool_book::render;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    looked: usize,
    faults: Vec<String>,
}

/// Makes the browser look at each state in each view of the page in `folder`, and use the page in these ways.
fn look(folder: &Path, states: &[&str], views: &[(u32, &str)], uses: &[&str]) -> Answer {
    // Rules that mdBook breaks; the check of all pages reports when it no longer does.
    let toggle = "#mdbook-sidebar-toggle";
    let excused = ["aria-allowed-attr", "aria-prohibited-attr"]
        .map(|rule| json!({"rule": rule, "target": toggle}));
    let views = views.iter().map(|(width, theme)| json!({"width": width, "theme": theme}));
    let wanted = json!({
        "folder": folder, "simulator": Layout::procpool().simulator(), "states": states,
        "views": Vec::from_iter(views), "uses": uses, "excused": excused,
    });
    let mut node = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulator_page.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node is installed");
    let mut input = node.stdin.take().expect("it is a pipe");
    input.write_all(wanted.to_string().as_bytes()).expect("the check reads what is wanted");
    drop(input);
    let output = node.wait_with_output().expect("it can be waited for");
    assert!(output.status.success(), "the check cannot look: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("it answers in JSON")
}

const USES: [&str; 6] = ["keyboard", "address", "copy", "play", "reduced motion", "no script"];

const MANY: &str = "w=8&n=30&s=20&i=60&c=1&d=0&t=150,90,60&o=map";
const DEATH: &str = "w=3&n=9&s=5&i=40&c=0&d=380&t=400,60,150,90&o=as_completed";

#[test]
#[ignore = "needs Node, Chromium: .ci/run installs them"]
fn the_simulators_page_is_readable_and_operable() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = render::render(&Layout::procpool(), Some(folder.path())).expect("it renders");
    let views = [(360, "light"), (360, "navy"), (768, "light"), (1280, "light"), (1280, "navy")];
    let answer = look(&target, &[MANY, DEATH], &views, &USES);
    assert_eq!(answer.faults, [""; 0]);
    assert!(answer.looked > 40, "{}", answer.looked);
}

/// A part of the page, what stands there instead, and the required fault.
const DAMAGE: &[(&str, &str, &str)] = &[
    ("type: \"number\"", "type: \"text\"", "keyboard: an arrow in a number"),
    ("\"Next event\")", "\"Next event\"); this.next.tabIndex = -1", "keyboard: the next control"),
    ("history.replaceState(", "void (", "keyboard: the address"),
    ("location.hash.includes(\"=\") && ", "", "address: a heading is no state"),
    ("make(\"span\", {}, label)", "\"\"", "axe: label"),
    ("width - NAMES - 16", "width - NAMES + 16", "360 light"),
    ("writeText(text)", "writeText(language)", "copy: the clipboard"),
    (
        "this.play.hidden = still.matches",
        "this.play.hidden = false",
        "reduced motion: a button that moves",
    ),
    ("this.playing = requestAnimationFrame(frame)\n    }", "}", "play: "),
    (
        "<figure>\n<div class=\"scroll\"",
        "<figure hidden>\n<div class=\"scroll\"",
        "no script: the figure",
    ),
    ("const LANE = 30", "nothing()\nconst LANE = 30", "keyboard: script: nothing"),
];

#[test]
#[ignore = "needs Node, Chromium: .ci/run installs them"]
fn the_check_finds_faults_planted_in_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = render::render(&Layout::procpool(), Some(folder.path())).expect("it renders");
    let path = target.join("simulator.html");
    let sound = fs::read_to_string(&path).expect("it is rendered");
    for (part, instead, fault) in DAMAGE {
        assert_eq!(sound.matches(part).count(), 1, "the page has {part:?} once");
        fs::write(&path, sound.replace(part, instead)).expect("it is written");
        let uses: Vec<&str> = USES.into_iter().filter(|name| fault.starts_with(name)).collect();
        let states = if uses.is_empty() { &[DEATH][..] } else { &[] };
        let faults = look(&target, states, &[(360, "light")], &uses).faults;
        assert!(faults.iter().any(|it| it.contains(fault)), "no {fault:?} in {faults:?}");
    }
}
