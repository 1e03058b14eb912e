//! The link as loom sees it: the shipped rings, claims and bells, in every interleaving.
//!
//! Owns small scenes, each with the parent's and the worker's side as two threads. They are played by
//! `crate::model`; compiled under `--cfg loom` only.

use loom::sync::Arc;
use loom::thread;
use procpool_os::model::{Scene, every_planted_bug_is_found, every_scene_holds, play};

use crate::bell::Bells;
use crate::ring::{Region, RingReader, RingWriter};
use crate::{Segment, claim};

/// The bugs that can be planted in the link, by name.
const BUGS: [&str; 3] = ["no fence", "relaxed tail", "take back without comparing"];

/// A ring so small that the writer has to wait for the reader.
const RING: Region = Region { offset: 0, capacity: 2, tail: 0, head: 1 };
const CLAIM: usize = 2;
const BELLS: Bells = Bells { worker: 3, parent: 4, room: 5 };

/// The parent sends three bytes through a ring of two, waking the worker; the worker takes them one
/// by one, making room, and sleeps when there is nothing. In the parent, room is awaited by looking.
fn bytes_arrive_in_order_and_nobody_sleeps_through_them() {
    let segment = Arc::new(Segment::in_model(RING.capacity));
    let worker = thread::spawn({
        let segment = Arc::clone(&segment);
        move || {
            let mut ring = RingReader::new(RING);
            for expected in [1, 2] {
                while ring.available(&segment).expect("nobody scribbles") == 0 {
                    BELLS.sleep_as_worker(&segment, || ring.has_more(&segment));
                }
                let mut byte = [0];
                ring.read(&segment, &mut byte);
                ring.release(&segment);
                assert_eq!(byte, [expected]);
            }
        }
    });
    let mut ring = RingWriter::new(RING);
    for byte in [1, 2] {
        assert!(ring.room(&segment, 1).expect("nobody scribbles") > 0);
        ring.put(&segment, &[byte]);
        ring.publish(&segment);
        BELLS.wake_worker(&segment);
    }
    worker.join().expect("the worker's side panicked");
}

/// The worker writes more results than the ring holds and sleeps for room; the parent reads.
fn a_worker_without_room_is_woken_when_there_is_some() {
    let segment = Arc::new(Segment::in_model(RING.capacity));
    let worker = thread::spawn({
        let segment = Arc::clone(&segment);
        move || {
            let mut ring = RingWriter::new(RING);
            for byte in [1, 2, 3] {
                while ring.room(&segment, 1).expect("nobody scribbles") == 0 {
                    BELLS.sleep_as_worker(&segment, || {
                        ring.room(&segment, 1).is_ok_and(|room| room > 0)
                    });
                }
                ring.put(&segment, &[byte]);
                ring.publish(&segment);
            }
        }
    });
    let mut ring = RingReader::new(RING);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let there = ring.available(&segment).expect("nobody scribbles");
        if there == 0 {
            thread::yield_now();
            continue;
        }
        seen.reserve(there);
        ring.append(&segment, there, &mut seen);
        ring.release(&segment);
        BELLS.wake_worker(&segment);
    }
    assert_eq!(seen, [1, 2, 3]);
    worker.join().expect("the worker's side panicked");
}

/// The worker finishes one task, and rings if the parent wants to hear of it. Gives whether it has told
/// the manager.
fn finish_a_task(segment: &Arc<Segment>) -> thread::JoinHandle<bool> {
    let segment = Arc::clone(segment);
    thread::spawn(move || {
        let mut ring = RingWriter::new(RING);
        ring.put(&segment, &[7]);
        ring.publish(&segment);
        BELLS.due(&segment, 1).is_some() && BELLS.ring(&segment)
    })
}

/// The worker finishes one task; the parent watches, sleeps, and leaves.
fn a_result_is_seen_by_the_watcher_or_told_to_the_manager() {
    let segment = Arc::new(Segment::in_model(RING.capacity));
    let worker = finish_a_task(&segment);
    let mut ring = RingReader::new(RING);
    BELLS.watch(&segment);
    BELLS.ring_from(&segment, 1);
    BELLS.sleep_as_watcher(&segment, None, || ring.has_more(&segment));
    // It may have returned early; this is what the pool does when the watcher's time is up.
    BELLS.leave(&segment);
    let seen = ring.available(&segment).expect("nobody scribbles") == 1;
    let told = worker.join().expect("the worker's side panicked");
    assert!(seen || told, "nobody knows of the result");
}

/// The same without sleeping: the watcher leaves while the worker finishes.
fn a_result_of_the_moment_in_which_the_watcher_leaves_is_not_lost() {
    let segment = Arc::new(Segment::in_model(RING.capacity));
    BELLS.watch(&segment);
    BELLS.ring_from(&segment, 1);
    let worker = finish_a_task(&segment);
    let mut ring = RingReader::new(RING);
    BELLS.leave(&segment);
    let seen = ring.available(&segment).expect("nobody scribbles") == 1;
    let told = worker.join().expect("the worker's side panicked");
    assert!(seen || told, "nobody knows of the result");
}

/// Two tasks are sent; the worker claims and runs them while the parent takes back what is left. And
/// what was claimed before the last claim has its result in the ring.
fn every_task_runs_here_or_is_taken_back() {
    let segment = Arc::new(Segment::in_model(RING.capacity));
    let worker = thread::spawn({
        let segment = Arc::clone(&segment);
        move || {
            let mut ring = RingWriter::new(RING);
            let mut ran = Vec::new();
            for index in 0..2 {
                if claim::claim(&segment, CLAIM, index).expect("nobody scribbles").is_none() {
                    ran.push(index);
                    ring.put(&segment, &[index as u8]);
                    ring.publish(&segment);
                }
            }
            ran
        }
    });
    let first = claim::take_back(&segment, CLAIM, 0..=2).expect("nobody scribbles");
    let mut ring = RingReader::new(RING);
    let results = ring.available(&segment).expect("nobody scribbles") as u64;
    assert!(results + 1 >= first, "{first} claimed, but only {results} results");
    let mut seen = vec![0; results as usize];
    ring.read(&segment, &mut seen);
    assert!(seen.iter().zip(0..).all(|(result, index)| *result == index));
    let ran = worker.join().expect("the worker's side panicked");
    let expected: Vec<u64> = (0..first).collect();
    assert_eq!(ran, expected, "the rest was taken back");
}

const SCENES: [Scene; 5] = [
    ("bytes arrive in order", bytes_arrive_in_order_and_nobody_sleeps_through_them),
    ("a worker without room is woken", a_worker_without_room_is_woken_when_there_is_some),
    ("a result is seen or told", a_result_is_seen_by_the_watcher_or_told_to_the_manager),
    ("the watcher leaves", a_result_of_the_moment_in_which_the_watcher_leaves_is_not_lost),
    ("claimed or taken back", every_task_runs_here_or_is_taken_back),
];

const PLAYER: &str = "model::scene";

#[test]
#[ignore = "played by the tests below"]
fn scene() {
    play(&SCENES);
}

#[test]
fn scenes_hold() {
    every_scene_holds(PLAYER, &SCENES);
}

#[test]
fn planted_bugs_are_found() {
    every_planted_bug_is_found(PLAYER, &SCENES, &BUGS);
}
