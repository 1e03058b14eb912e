//! The schemas in `schemas/` are those of the types, and the contract's page shows messages that are
//! valid. `CONFORMANCE_BLESS=1` writes them anew.

use std::path::{Path, PathBuf};

use procpool_conformance::contract::{Description, Event, Line, Scenario};
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn assert_written<T: JsonSchema>(name: &str) {
    let path = folder("schemas").join(format!("{name}.json"));
    let schema = serde_json::to_string_pretty(&schema_for!(T)).expect("a schema is JSON") + "\n";
    if std::env::var_os("CONFORMANCE_BLESS").is_some() {
        std::fs::write(&path, &schema).expect("the schema is written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == schema, "{} is not that of the type; CONFORMANCE_BLESS=1", path.display());
}

#[test]
fn the_schemas_are_those_of_the_types() {
    assert_written::<Description>("description");
    assert_written::<Scenario>("scenario");
    assert_written::<Line>("line");
    assert_written::<Event>("event");
}

/// Reads the messages in an example, one for each line, or one over several.
fn read<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = folder("examples").join(name);
    let text = std::fs::read_to_string(&path).expect("the example is there");
    let stream = serde_json::Deserializer::from_str(&text).into_iter();
    stream.map(|message| message.unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
}

#[test]
fn the_examples_of_the_contract_are_valid() {
    for description in read::<Description>("description.json") {
        assert_eq!(description.check(), Ok(()));
    }
    let scenarios = read::<Scenario>("scenario.json");
    assert_eq!(scenarios.len(), 1);
    assert_eq!(read::<Line>("lines.json").len(), 2);
    assert_eq!(read::<Event>("trace.json").len(), 1);
}

#[test]
fn what_is_wrong_in_a_message_is_named() {
    let error = serde_json::from_str::<Scenario>(
        r#"{"contract": 1, "case": "x", "clients": [{"name": "main", "steps": [{"do": "dance"}]}]}"#,
    );
    let error = error.expect_err("there is no such step").to_string();
    assert!(error.contains("unknown variant `dance`"), "{error}");
    let error = serde_json::from_str::<Event>(
        r#"{"pid": 1, "ppid": 1, "at": 1, "event": "begin", "tag": "a", "extra": 1}"#,
    );
    let error = error.expect_err("there is no such field").to_string();
    assert!(error.contains("unknown field `extra`"), "{error}");
}
