//! A scenario from a file is carried out again and judged, and complaints are counted: the suite's program
//! fails if there are any.

use std::path::{Path, PathBuf};

use procpool_conformance::plan::{Plan, echo, workers};
use procpool_conformance::run::{Adapter, Limits};
use procpool_conformance::suite::{Column, Replay, Replayed, replay};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Makes an adapter carry out, from a file, the only scenario that the adapters of `hostile/` support.
fn replayed(script: &str) -> Replayed {
    let mut plan = Plan::default();
    plan.new_pool("p", workers(1)).submit("p", echo("a", 7)).result("a").shutdown("p");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("scenario.json");
    let text = serde_json::to_vec(&Replay::of_plan(&plan, "of.nobody")).expect("it is plain data");
    std::fs::write(&file, text).expect("the folder is ours");

    let limits = Limits::scaled(1.0);
    let adapter = Adapter { command: format!("sh {script}"), folder: tests().join("hostile") };
    let column = Column::of(adapter, folder.path(), limits);
    replay(&file, &[column], limits).expect("it is carried out")
}

#[test]
fn a_sound_history_has_no_complaint() {
    let Replayed { text, complaints } = replayed("plain.sh");
    assert_eq!(complaints, 0, "{text}");
    assert!(text.contains("result a ✓ 7") && !text.contains('✗'), "{text}");
}

#[test]
fn each_complaint_is_a_line_and_counts() {
    let Replayed { text, complaints } = replayed("claims_success.sh");
    assert_eq!(complaints, text.lines().filter(|line| line.starts_with('✗')).count(), "{text}");
    assert!(complaints > 0 && text.contains("no run of it ended (causality)"), "{text}");
}
