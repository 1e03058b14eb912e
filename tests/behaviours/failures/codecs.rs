//! Values that cannot be encoded or decoded: the error of their own task only.

use procpool::{CodecStep, Error};
use procpool_testkit::pool::assert_works;
use procpool_testkit::watch;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::behaviours::pools::pool;

/// A value that fails or panics at one step of its way.
#[derive(Debug, Clone, PartialEq)]
enum Trouble {
    None,
    EncodeFails,
    EncodePanics,
    DecodeFails,
    DecodePanics,
}

impl Serialize for Trouble {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let code = match self {
            Trouble::None => 0,
            Trouble::EncodeFails => {
                return Err(serde::ser::Error::custom("a socket cannot travel"));
            }
            Trouble::EncodePanics => panic!("panicked while encoding"),
            Trouble::DecodeFails => 1,
            Trouble::DecodePanics => 2,
        };
        serializer.serialize_u8(code)
    }
}

impl<'de> Deserialize<'de> for Trouble {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Trouble::None),
            1 => Err(serde::de::Error::custom("not today")),
            _ => panic!("panicked while decoding"),
        }
    }
}

fn swallow(_: Trouble) -> u32 {
    7
}

fn produce(which: u8) -> Trouble {
    match which {
        0 => Trouble::None,
        1 => Trouble::EncodeFails,
        2 => Trouble::EncodePanics,
        3 => Trouble::DecodeFails,
        _ => Trouble::DecodePanics,
    }
}

fn assert_codec(error: Option<Error>, step: CodecStep, words: &str) {
    let Some(Error::Codec(codec)) = &error else { panic!("{error:?}") };
    assert_eq!(codec.step, step);
    assert!(codec.type_name.ends_with("Trouble"), "{codec}");
    assert!(codec.message.contains(words), "{codec}");
}

// Behaviours: SER-01.
#[test]
fn arguments_that_cannot_be_encoded_fail_their_task() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let future = executor.submit(swallow, Trouble::EncodeFails);
        assert!(future.done(), "nothing was submitted");
        assert_codec(future.error(), CodecStep::EncodeArguments, "a socket cannot travel");
        assert_works(&executor);
    });
}

// Behaviours: SER-03.
#[test]
fn arguments_that_cannot_be_decoded_fail_their_task() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let error = executor.submit(swallow, Trouble::DecodeFails).error();
        assert_codec(error, CodecStep::DecodeArguments, "Deserialize");
        let error = executor.submit(swallow, Trouble::DecodePanics).error();
        let Some(Error::Panicked(panic)) = error else { panic!("{error:?}") };
        assert_eq!(panic.message, "panicked while decoding");
        assert_works(&executor);
    });
}

// Behaviours: SER-06.
#[test]
fn results_that_cannot_be_encoded_fail_their_task() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let error = executor.submit(produce, 1).error();
        assert_codec(error, CodecStep::EncodeResult, "a socket cannot travel");
        let error = executor.submit(produce, 2).error();
        let Some(Error::Panicked(panic)) = error else { panic!("{error:?}") };
        assert_eq!(panic.message, "panicked while encoding");
        assert_works(&executor);
    });
}

// Behaviours: SER-09.
#[test]
fn results_that_cannot_be_decoded_fail_their_task() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let future = executor.submit(produce, 3);
        assert_codec(future.error(), CodecStep::DecodeResult, "Deserialize");
        assert_codec(future.error(), CodecStep::DecodeResult, "Deserialize");
        // A panic in the reading thread is that thread's, and leaves the future unchanged.
        let future = executor.submit(produce, 4);
        for _ in 0..2 {
            let asked = std::panic::AssertUnwindSafe(|| future.result());
            assert!(std::panic::catch_unwind(asked).is_err());
        }
        assert_works(&executor);
    });
}

// Behaviours: SER-02.
#[test]
fn a_panic_while_encoding_arguments_propagates_from_submit() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let submit =
            std::panic::AssertUnwindSafe(|| executor.submit(swallow, Trouble::EncodePanics));
        assert!(std::panic::catch_unwind(submit).is_err());
        assert_works(&executor);
    });
}

// Behaviours: MAP-08.
#[test]
fn in_a_map_a_codec_failure_affects_only_its_item() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let items = [Trouble::None, Trouble::EncodeFails, Trouble::DecodeFails, Trouble::None];
        let results: Vec<_> = executor.map_options().chunksize(4).map(swallow, items).collect();
        let steps: Vec<_> = results
            .iter()
            .map(|result| match result {
                Ok(value) => Ok(*value),
                Err(Error::Codec(codec)) => Err(codec.step),
                Err(error) => panic!("{error}"),
            })
            .collect();
        let expected =
            [Ok(7), Err(CodecStep::EncodeArguments), Err(CodecStep::DecodeArguments), Ok(7)];
        assert_eq!(steps, expected);

        let results: Vec<_> =
            executor.map_options().chunksize(4).map(produce, [0, 1, 2, 3, 0]).collect();
        assert_eq!(results[0], Ok(Trouble::None));
        assert_codec(results[1].clone().err(), CodecStep::EncodeResult, "a socket cannot travel");
        assert!(matches!(results[2], Err(Error::Panicked(_))), "{results:?}");
        assert_codec(results[3].clone().err(), CodecStep::DecodeResult, "Deserialize");
        assert_eq!(results[4], Ok(Trouble::None), "the neighbours are spared");
    });
}

// Behaviours: SER-11.
#[test]
fn a_returned_error_that_cannot_be_decoded_fails_its_task() {
    watch::within(watch::HANG, || {
        fn fail(which: u8) -> Result<u8, Trouble> {
            Err(produce(which))
        }
        let executor = pool(1);
        let Some(Error::Codec(error)) = executor.submit(fail, 3).error() else {
            panic!("it was decoded")
        };
        assert_eq!(error.step, CodecStep::DecodeResult);
        assert!(error.type_name.contains("Trouble"), "{error}");
        assert_works(&executor);
    });
}

// Behaviours: SHUT-14.
#[test]
fn a_pool_ends_after_arguments_that_cannot_be_encoded() {
    watch::within(watch::HANG, || {
        for _ in 0..5 {
            let executor = pool(4);
            let good = executor.submit(swallow, Trouble::None);
            let bad = executor.submit(swallow, Trouble::EncodeFails);
            let panics = || executor.submit(swallow, Trouble::EncodePanics);
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
            drop(executor);
            assert_codec(bad.error(), CodecStep::EncodeArguments, "a socket cannot travel");
            assert_eq!(good.result(), Ok(7));
        }
    });
}

// Behaviours: SER-12.
#[test]
fn a_hundred_failures_leak_nothing() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let refused: Vec<_> =
            (0..100).map(|_| executor.submit(swallow, Trouble::EncodeFails)).collect();
        let bad: Vec<_> = (0..100).map(|_| executor.submit(produce, 1)).collect();
        let good: Vec<_> = (0..100).map(|_| executor.submit(produce, 0)).collect();
        assert!(refused.iter().all(|future| matches!(future.error(), Some(Error::Codec(_)))));
        assert!(bad.iter().all(|future| matches!(future.error(), Some(Error::Codec(_)))));
        assert!(good.iter().all(|future| future.result() == Ok(Trouble::None)));
    });
}
