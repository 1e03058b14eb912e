//! The client and the contest against a peer whose behaviour is set by its arguments.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use super::client::Peer;
use super::contest::{contest, repetitions};
use super::protocol::{Batch, Identity, Nanos, Once, PeerError, Request};
use super::roster::{self, Entry};
use crate::row::Sample;

/// Long enough for an answer on a busy machine.
const PATIENT: Duration = Duration::from_secs(60);

/// A list of fake peers, each with its behaviour.
fn fakes(behaviours: &[&str]) -> Vec<Entry> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fake_peer.py");
    let entries: Vec<_> = behaviours
        .iter()
        .map(|behaviour| {
            serde_json::json!({"name": behaviour, "command": ["python3", script, behaviour]})
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("peers")).unwrap();
    let list = serde_json::to_string(&entries).unwrap();
    std::fs::write(folder.path().join("peers/peers.json"), list).unwrap();
    let entries = roster::read(folder.path()).unwrap();
    // The folder is removed; it need not be the working directory of these.
    entries.into_iter().map(|entry| entry.in_folder(env!("CARGO_MANIFEST_DIR"))).collect()
}

fn start(behaviour: &str, timeout: Duration) -> Peer {
    Peer::start(&fakes(&[behaviour])[0], timeout).unwrap()
}

#[test]
fn a_peer_identifies_itself_and_answers() {
    let mut peer = start("answers", PATIENT);
    let expected = Identity { name: "fake".into(), version: "1.0".into(), runtime: "none".into() };
    assert_eq!(peer.identity, expected);
    peer.tell(Request::Open { workers: 2 }).unwrap();
    let nanos: Nanos = peer.ask(Request::RoundTrips { count: 3, pause_us: 7 }).unwrap();
    assert_eq!(nanos.nanos, [7000, 7001, 7002], "it was asked what was meant");
    let batch: Batch = peer.ask(Request::Map { count: 4, chunksize: None }).unwrap();
    assert_eq!(batch.sum, Some(10));
    assert_eq!(peer.ask::<Once>(Request::ColdStart { workers: 2 }).unwrap().nanos, 2);
    peer.tell(Request::Close).unwrap();
}

#[test]
fn a_refusal_is_reported_and_the_peer_continues() {
    let mut peer = start("refuses", PATIENT);
    let refused = peer.tell(Request::Open { workers: 2 }).unwrap_err();
    assert_eq!(refused.to_string(), "unsupported: no pools here");
    let failed = peer.tell(Request::Close).unwrap_err();
    assert_eq!(failed.to_string(), "error: nothing to close");
    assert!(peer.ask::<Identity>(Request::Hello).is_ok());
}

#[test]
fn a_peer_that_hangs_is_killed_with_its_children() {
    let mut peer = start("hangs", Duration::from_secs(2));
    // Its answer to the first request is the pid of a process that it started.
    let child = peer.ask::<Once>(Request::ColdStart { workers: 1 }).unwrap().nanos;
    let child = u32::try_from(child).unwrap();
    let error = peer.tell(Request::Close).unwrap_err();
    assert_eq!(error.to_string(), "no answer within 2 s");
    let watched = procpool_testkit::os::Watched::new(child);
    assert!(watched.ended_within(PATIENT), "{child} lives on");
    let again = peer.tell(Request::Close).unwrap_err();
    assert!(matches!(again, PeerError::Gone(_)), "{again}");
}

#[test]
fn a_peer_that_dies_is_quoted() {
    let mut peer = start("dies", PATIENT);
    let error = peer.tell(Request::Open { workers: 2 }).unwrap_err();
    assert_eq!(error.to_string(), "ended without an answer: ModuleNotFoundError: no pool");
}

#[test]
fn an_answer_outside_the_protocol_is_reported() {
    let mut peer = start("babbles", PATIENT);
    let error = peer.tell(Request::Open { workers: 2 }).unwrap_err();
    assert_eq!(error.to_string(), "answered something else: Starting up!");
}

#[test]
fn a_missing_program_is_a_reason() {
    let list = r#"{"name":"x","command":["/nowhere/peer"],"prepare":"make peer"}"#;
    let entry: Entry = serde_json::from_str(list).unwrap();
    let error = Peer::start(&entry.in_folder("/"), PATIENT).unwrap_err().to_string();
    assert!(error.starts_with("cannot be started: No such file"), "{error}");
    assert!(error.ends_with("; to prepare it: make peer"), "{error}");
}

#[test]
fn a_contest_continues_without_a_contender_that_fails() {
    let turns = Cell::new(0_u32);
    let mut ours = || {
        turns.set(turns.get() + 1);
        Ok(Sample::from(f64::from(turns.get())))
    };
    let roster = fakes(&["answers", "refuses", "dies"]);
    let contenders = contest(&roster, 3, &mut ours, &|peer| {
        let batch: Batch = peer.ask(Request::SubmitAll { count: 5 })?;
        Ok(Sample::from(batch.seconds))
    });
    let contenders = contenders.unwrap();
    assert_eq!(contenders[0].blocks, [1.0, 2.0, 3.0]);
    assert_eq!(contenders[1].blocks, [5.0, 5.0, 5.0]);
    assert_eq!(contenders[1].version, "1.0, none");
    assert_eq!(contenders[1].absent, None);
    let absent: Vec<_> = contenders[2..].iter().map(|c| c.absent.as_deref().unwrap()).collect();
    let expected =
        ["unsupported: no pools here", "ended without an answer: ModuleNotFoundError: no pool"];
    assert_eq!(absent, expected);
    assert!(contenders[2].blocks.is_empty() && contenders[3].blocks.is_empty());
}

#[test]
fn blocks_of_slow_peers_are_as_long_as_those_of_fast_ones() {
    assert_eq!(repetitions(20, 0.01, 0.5, 10_000), 1_000);
    assert_eq!(repetitions(20, 0.01, 0.5, 300), 300);
    assert_eq!(repetitions(20, 100.0, 0.5, 300), 1, "a block has something in it");
    assert_eq!(repetitions(20, 0.0, 0.5, 300), 300, "a clock may stand still");
}
