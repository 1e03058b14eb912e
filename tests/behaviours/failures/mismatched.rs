//! Types whose `Deserialize` does not mirror their `Serialize`: only their own task fails.

use procpool::{CodecStep, Error};
use procpool_testkit::pool::assert_works;
use procpool_testkit::watch;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::behaviours::pools::pool;

/// How much is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Way {
    Mirrors,
    ReadsTooMuch,
    ReadsTooLittle,
}

/// A variant and one byte, read back in that variant.
#[derive(Debug, Clone, PartialEq)]
struct Inbound(Way);

impl Serialize for Inbound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0, 7_u8).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Inbound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The variant comes first in each of these, so that it says how much to read: postcard gives a
        // tuple its elements one by one.
        struct Elements;
        impl<'de> de::Visitor<'de> for Elements {
            type Value = Inbound;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a way and some bytes")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                mut elements: A,
            ) -> Result<Inbound, A::Error> {
                let way = elements.next_element()?.unwrap_or(Way::Mirrors);
                let bytes = match way {
                    Way::ReadsTooLittle => 0,
                    Way::ReadsTooMuch => 2,
                    _ => 1,
                };
                for _ in 0..bytes {
                    elements.next_element::<u8>()?;
                }
                Ok(Inbound(way))
            }
        }
        deserializer.deserialize_tuple(3, Elements)
    }
}

fn take(_: Inbound) {}

fn give(way: Way) -> Inbound {
    Inbound(way)
}

/// Asserts that the task failed at `step`, with the type and this text.
fn assert_codec(error: Option<Error>, step: CodecStep, words: &str) {
    let Some(Error::Codec(error)) = error else { panic!("{error:?}") };
    assert_eq!(error.step, step, "{error}");
    assert!(error.type_name.ends_with("Inbound"), "{error}");
    assert!(error.message.contains(words), "{error}");
    assert!(error.message.contains("procpool::SelfDescribing"), "{error}");
}

#[test]
fn a_type_that_mirrors_itself_survives_the_round_trip() {
    watch::within(watch::HANG, || {
        let mirrored = pool(1).submit(give, Way::Mirrors).result();
        assert_eq!(mirrored, Ok(Inbound(Way::Mirrors)));
    });
}

#[test]
fn reading_more_than_was_written_is_an_error() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let arguments = executor.submit(take, Inbound(Way::ReadsTooMuch)).error();
        assert_codec(arguments, CodecStep::DecodeArguments, "end of buffer");
        let result = executor.submit(give, Way::ReadsTooMuch).error();
        assert_codec(result, CodecStep::DecodeResult, "end of buffer");
        assert_works(&executor);
    });
}

#[test]
fn reading_less_than_was_written_is_an_error() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let arguments = executor.submit(take, Inbound(Way::ReadsTooLittle)).error();
        assert_codec(arguments, CodecStep::DecodeArguments, "1 bytes are left over");
        let result = executor.submit(give, Way::ReadsTooLittle).error();
        assert_codec(result, CodecStep::DecodeResult, "1 bytes are left over");
        assert_works(&executor);
    });
}

#[test]
fn an_item_that_reads_too_much_does_not_read_its_neighbour() {
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let ways = [Way::Mirrors, Way::ReadsTooMuch, Way::ReadsTooLittle, Way::Mirrors];
        let results: Vec<_> = executor.map_options().chunksize(4).map(give, ways).collect();
        assert_eq!(results[0], Ok(Inbound(Way::Mirrors)));
        assert_codec(results[1].clone().err(), CodecStep::DecodeResult, "end of buffer");
        assert_codec(results[2].clone().err(), CodecStep::DecodeResult, "1 bytes are left over");
        assert_eq!(results[3], Ok(Inbound(Way::Mirrors)));
    });
}
