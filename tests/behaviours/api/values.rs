//! Arguments and results between the processes: when they are encoded, how often, and when they are
//! dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::gate;
use procpool_testkit::task::pid;
use procpool_testkit::watch;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::behaviours::pools::pool;

/// A number that others may change, and that is sent with its value at the time of encoding.
#[derive(Debug)]
struct Shared(Arc<AtomicU32>);

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0.load(Ordering::SeqCst))
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Arc::new(AtomicU32::new(u32::deserialize(deserializer)?))))
    }
}

// Behaviours: SUB-19.
#[test]
fn arguments_are_encoded_when_they_are_submitted() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let busy = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let number = Arc::new(AtomicU32::new(1));
        let read = |Shared(number): Shared| number.load(Ordering::SeqCst);
        let single = executor.submit(read, Shared(Arc::clone(&number)));
        let many = executor.map(read, [Shared(Arc::clone(&number))]);
        number.store(2, Ordering::SeqCst);
        crossing.let_go(1);
        busy.result().unwrap();
        assert_eq!(single.result(), Ok(1));
        assert_eq!(many.collect::<Vec<_>>(), [Ok(1)]);
    });
}

/// Counts how often it was encoded and decoded.
#[derive(Debug, PartialEq)]
struct Traveller {
    encoded: u32,
    decoded: u32,
    value: String,
}

impl Serialize for Traveller {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.encoded + 1, self.decoded, &self.value).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Traveller {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (encoded, decoded, value): (u32, u32, String) = Deserialize::deserialize(deserializer)?;
        Ok(Self { encoded, decoded: decoded + 1, value })
    }
}

// Behaviours: SER-16.
#[test]
fn a_value_is_encoded_and_decoded_once_each_way() {
    watch::within(watch::HANG, || {
        let traveller = |encoded, decoded| Traveller { encoded, decoded, value: "kept".to_owned() };
        let executor = pool(1);
        let there_and_back = executor.submit(|traveller: Traveller| traveller, traveller(0, 0));
        assert_eq!(there_and_back.result(), Ok(traveller(2, 2)));
    });
}

/// Encoded only when the test releases it: stops at a crossing.
#[derive(Debug, Deserialize)]
struct Slow(Places);

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        cross(self.0.clone());
        self.0.serialize(serializer)
    }
}

// Behaviours: SER-15.
#[test]
fn an_argument_that_is_slow_to_encode_delays_no_other_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        thread::scope(|scope| {
            let slow = Slow(crossing.places());
            let submitting = scope.spawn(|| executor.submit(|_: Slow| 1, slow).result());
            crossing.wait_for(1);
            for x in 0..100_u32 {
                assert_eq!(executor.submit(|x| x + 1, x).result(), Ok(x + 1));
            }
            assert!(!submitting.is_finished(), "its argument is not encoded yet");
            crossing.let_go(1);
            assert_eq!(submitting.join().unwrap(), Ok(1));
        });
    });
}

/// Reports when it is dropped.
#[derive(Debug, Serialize, Deserialize)]
struct Telling {
    armed: bool,
    place: String,
}

impl Drop for Telling {
    fn drop(&mut self) {
        if self.armed {
            gate::give(&self.place);
        }
    }
}

// Behaviours: SUB-13.
#[test]
fn an_argument_is_dropped_with_its_task() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let (place, _) = crossing.places();
        let arm = |mut telling: Telling| {
            telling.armed = true;
            std::process::id()
        };
        let future = executor.submit(arm, Telling { armed: false, place });
        crossing.wait_for(1);
        // The worker has nothing else to do, and lives.
        assert_eq!(future.result(), executor.submit(pid, ()).result());
    });
}
