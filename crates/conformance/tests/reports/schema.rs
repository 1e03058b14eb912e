//! The schema of the file of results: it is kept, the program prints it, and real results are valid.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use clap::ValueEnum as _;
use procpool_conformance::schema::Kind;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{hostile, results};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn program(arguments: &[&str]) -> Assert {
    let mut program = Command::new(env!("CARGO_BIN_EXE_conformance"));
    program.current_dir(here("tests/hostile")).args(arguments).assert()
}

/// `CONFORMANCE_BLESS=1` rewrites the file, as it does for those of the contract.
#[test]
fn the_schema_of_results_matches_the_types() {
    let path = here("schemas/results.json");
    let schema = Kind::Results.schema();
    if std::env::var_os("CONFORMANCE_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, &schema).expect("the schema is written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == schema, "{} is not that of the type; CONFORMANCE_BLESS=1", path.display());
}

#[test]
fn the_program_prints_each_schema_as_it_is_kept() {
    for kind in Kind::value_variants() {
        let word = kind.to_possible_value().expect("each has a word").get_name().to_owned();
        let folder = if *kind == Kind::Results { "schemas" } else { "../contract/schemas" };
        let kept = fs::read_to_string(here(folder).join(format!("{word}.json")));
        program(&["schema", &word]).success().stdout(kept.expect("it is there"));
    }
}

/// Returns whether a file of results is valid, as another reader of the schema says.
fn is_valid(results: &Value) -> bool {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("results.json");
    fs::write(&file, results.to_string()).expect("it is written");
    let validate = here("tests/browser/validate.mjs");
    let mut node = Command::new("node");
    let done = node.arg(validate).arg(here("schemas/results.json")).arg(file).assert();
    match done.get_output().status.code() {
        Some(0) => true,
        Some(1) => false,
        _ => panic!("{}", String::from_utf8_lossy(&done.get_output().stderr)),
    }
}

#[test]
#[ignore = "needs Node: .ci/run installs it"]
fn results_of_a_real_run_are_valid() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("part.json");
    let part = file.to_str().expect("it is text");
    // It can carry out one scenario, and fails the others in several ways.
    program(&["run", "sh plain.sh", "submit.", "--results", part]).code(1);
    let text = fs::read_to_string(&file).expect("the run wrote it");
    let real: Value = serde_json::from_str(&text).expect("it is JSON");
    for verdict in ["failed", "adapter_error", "unsupported", "not_tested"] {
        assert!(text.contains(&format!("\"verdict\": \"{verdict}\"")), "{verdict}");
    }
    assert!(is_valid(&real));
    for made in [results(), hostile()] {
        assert!(is_valid(&serde_json::to_value(made).expect("it is JSON")));
    }
    let wrong: [(&str, Value); 5] = [
        ("/results", json!(2)),
        ("/runs/0/cases/0/verdict", json!("sunny")),
        ("/runs/0/cases/0/seconds", json!("1")),
        ("/runs/0/description/capabilities/0", json!("fly")),
        ("/runs/0/machine", json!({ "system": "Linux", "cpu": "A CPU" })),
    ];
    for (place, value) in wrong {
        let mut changed = real.clone();
        *changed.pointer_mut(place).expect("it is there") = value;
        assert!(!is_valid(&changed), "{place}");
    }
    let mut more = real;
    more["runs"][0]["colour"] = json!("red");
    assert!(!is_valid(&more), "a field that nobody knows");
}
