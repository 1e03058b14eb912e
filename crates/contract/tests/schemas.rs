//! The schemas in `schemas/` match the types, and the contract's page shows valid messages.
//! `CONFORMANCE_BLESS=1` rewrites the schemas.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use procpool_contract::{Description, Event, Line, Scenario};
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn assert_written<T: JsonSchema>(name: &str) {
    let path = folder("schemas").join(format!("{name}.json"));
    let schema = serde_json::to_string_pretty(&schema_for!(T)).expect("a schema is JSON") + "\n";
    if std::env::var_os("CONFORMANCE_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &schema).expect("the schema is written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == schema, "{} is not that of the type; CONFORMANCE_BLESS=1", path.display());
}

#[test]
fn the_schemas_match_the_types() {
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
fn an_error_in_a_message_is_named() {
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

/// Adds every word of a schema: names of fields, and values from closed lists.
fn add_words(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match (name.as_str(), inner) {
                    ("properties", Value::Object(fields)) => words.extend(fields.keys().cloned()),
                    ("const", Value::String(word)) => {
                        words.insert(word.clone());
                    }
                    ("enum", Value::Array(all)) => {
                        words.extend(all.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => {}
                }
                add_words(inner, words);
            }
        }
        Value::Array(all) => all.iter().for_each(|inner| add_words(inner, words)),
        _ => {}
    }
}

/// Returns the words of the contract that a page does not name.
fn unnamed(page: &str) -> Vec<String> {
    let mut words = BTreeSet::new();
    let schemas =
        [schema_for!(Description), schema_for!(Scenario), schema_for!(Line), schema_for!(Event)];
    for schema in schemas {
        add_words(schema.as_value(), &mut words);
    }
    assert!(words.len() > 150, "the schemas have other keys by now, so nothing is checked");
    let named: BTreeSet<&str> =
        page.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').collect();
    words.into_iter().filter(|word| !named.contains(word.as_str())).collect()
}

#[test]
fn the_page_names_every_word_of_the_contract() {
    let page = std::fs::read_to_string(folder("../../book/src/contract.md")).expect("it is there");
    // The files that the page includes.
    let examples = ["description", "scenario", "lines", "trace"].map(|name| {
        let example = folder("examples").join(name).with_extension("json");
        std::fs::read_to_string(example).expect("it is there")
    });
    let page = page + &examples.concat();
    assert_eq!(unnamed(&page), Vec::<String>::new());
    assert_eq!(unnamed(&page.replace("initializer_cause", "")), ["initializer_cause"]);
}
