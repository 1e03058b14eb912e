//! The link under loom: the shipped rings, claims and bells, in every interleaving.
//!
//! Owns small scenes, each with the parent's and the worker's side as two threads. `procpool_os::model` plays
//! them. Only compiled under `--cfg loom`.

use loom::sync::Arc;
use loom::thread;
use procpool_os::model::Scene;

use crate::bell::Bells;
use crate::ring::{Region, RingReader, RingWriter};
use crate::{Segment, claim};

/// The bugs that can be planted in the link, by name.
const BUGS: [&str; 3] = ["no fence", "relaxed tail", "take back without comparing"];

/// A ring so small that the writer has to wait for the reader.
const RING: Region = Region { offset: 0, capacity: 2, tail: 0, head: 1 };
const CLAIM: usize = 2;
const BELLS: Bells = Bells { worker: 3, parent: 4, room: 5 };

/// The parent sends two bytes through the ring and wakes the worker after each. The worker takes them one by
/// one, and sleeps while the ring is empty.
fn bytes_arrive_in_order_and_no_wake_up_is_lost() {
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

/// The worker writes more results than the ring holds and sleeps until there is room. The parent reads.
fn a_worker_without_room_is_woken_once_there_is_room() {
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

/// The worker finishes one task, and rings if the parent requested that. Returns whether it has notified the
/// manager.
fn finish_a_task(segment: &Arc<Segment>) -> thread::JoinHandle<bool> {
    let segment = Arc::clone(segment);
    thread::spawn(move || {
        let mut ring = RingWriter::new(RING);
        ring.put(&segment, &[7]);
        ring.publish(&segment);
        BELLS.due(&segment, 1).is_some() && BELLS.ring(&segment)
    })
}

/// The worker finishes one task. The parent watches, sleeps, and ends the watch.
fn a_result_reaches_the_watcher_or_the_manager() {
    let segment = Arc::new(Segment::in_model(RING.capacity));
    let worker = finish_a_task(&segment);
    let mut ring = RingReader::new(RING);
    BELLS.watch(&segment);
    BELLS.ring_from(&segment, 1);
    BELLS.sleep_as_watcher(&segment, None, || ring.has_more(&segment));
    // The sleep may have returned early. The pool does the same when the watcher's time is up.
    BELLS.end_watch(&segment);
    let seen = ring.available(&segment).expect("nobody scribbles") == 1;
    let notified = worker.join().expect("the worker's side panicked");
    assert!(seen || notified, "nobody knows of the result");
}

/// The same without the sleep: the watch ends while the worker finishes.
fn a_result_published_while_the_watch_ends_is_not_lost() {
    let segment = Arc::new(Segment::in_model(RING.capacity));
    BELLS.watch(&segment);
    BELLS.ring_from(&segment, 1);
    let worker = finish_a_task(&segment);
    let mut ring = RingReader::new(RING);
    BELLS.end_watch(&segment);
    let seen = ring.available(&segment).expect("nobody scribbles") == 1;
    let notified = worker.join().expect("the worker's side panicked");
    assert!(seen || notified, "nobody knows of the result");
}

/// Two tasks are sent. The worker claims and runs them while the parent takes back the rest. Each task that
/// was claimed before the last claim has its result in the ring.
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
    ("bytes arrive in order", bytes_arrive_in_order_and_no_wake_up_is_lost),
    ("a worker without room is woken", a_worker_without_room_is_woken_once_there_is_room),
    ("a result reaches watcher or manager", a_result_reaches_the_watcher_or_the_manager),
    ("the watch ends", a_result_published_while_the_watch_ends_is_not_lost),
    ("claimed or taken back", every_task_runs_here_or_is_taken_back),
];

procpool_os::play_scenes!(SCENES, BUGS);
