//! Entry points of the fuzz targets: one function per decoder, called with bytes as the other side
//! might have sent them.
//!
//! Compiled only under `--cfg fuzzing`, for `fuzz/`. Each function asserts what holds for any bytes
//! at all. None of them calls a function that the bytes name: an [`Entry`] is numbers, and under
//! this cfg `procpool_os::code` panics if one is converted into a function.

use std::collections::BTreeMap;

use procpool_codec::SelfDescribing;
use procpool_launch::fuzzing::packet;
use procpool_link::{Entry, Payload};
use procpool_os::code::FunctionRef;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::chunk;
use crate::chunk_source::{ChunkSource, Chunking, Order, Taken};
use crate::codec;
use crate::error::CodecStep;
use crate::failure::{Failure, decode_failure, encode_failure};
use crate::future::Body;
use crate::map::Map;

pub use procpool_launch::fuzzing::argument;
pub use procpool_link::fuzzing::{frames, heads, link};

/// Decodes a failure: the value can be displayed and encoded again. Also decodes a forkserver's
/// message.
pub fn failures(data: &[u8]) {
    packet(data);
    assert!(!decode_failure(data).to_string().is_empty());
    if let Ok(failure) = postcard::from_bytes::<Failure>(data) {
        assert_eq!(postcard::from_bytes(&encode_failure(&failure)), Ok(failure));
    }
}

/// Reads the result of a chunk: every item has a result or an error.
pub fn chunks(data: &[u8]) {
    let Some((items, body)) = data.split_first() else { return };
    let mut rest = body;
    let mut in_one_piece = rest;
    while let Some(item) = chunk::take(&mut rest) {
        if let Some(number) = chunk::take_number::<i64>(&mut in_one_piece) {
            assert_eq!((item.failed, in_one_piece), (false, rest));
            assert_eq!(postcard::from_bytes(item.bytes), Ok(number));
        }
        in_one_piece = rest;
        let mut again = Vec::new();
        chunk::push(&mut again, |output| {
            output.extend_from_slice(item.bytes);
            item.failed
        });
        assert_eq!(chunk::take(&mut &again[..]), Some(item));
    }
    read_chunk::<u32>(*items, body);
    read_chunk::<String>(*items, body);
}

fn read_chunk<R: DeserializeOwned + 'static>(items: u8, body: &[u8]) {
    let nowhere = FunctionRef { offset: 0, tag: 0 };
    let entry = Entry { trampoline: nowhere, function: nowhere };
    let items = usize::from(items % 16) + 1;
    let (source, mut feeder) = ChunkSource::new(entry, Chunking::Fixed(items), Order::OfItems);
    for _ in 0..items {
        feeder.push(&0_u8);
    }
    drop(feeder);
    let Taken::Chunk(task) = source.take_chunk(1) else { panic!("it is whole") };
    if task.future.finish(Ok(Body::from(Payload::Small(body)))) {
        task.future.tell();
    }
    let results: Vec<_> = Map::<R>::of_finished(source, items).collect();
    assert_eq!(results.len(), items);
}

/// Decodes a value of one of several types, selected by the first byte: the value can be encoded
/// again.
pub fn results(data: &[u8]) {
    #[derive(Serialize, Deserialize)]
    enum Shape {
        Unit,
        One(char),
        Two(bool, u128),
        Named { a: Option<i32>, b: Box<[f32]> },
    }
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 8 {
        0 => value::<(u64, String, Vec<u16>)>(bytes),
        1 => value::<Option<Vec<String>>>(bytes),
        2 => value::<Vec<u8>>(bytes),
        3 => value::<String>(bytes),
        4 => value::<BTreeMap<String, Vec<(i8, f64)>>>(bytes),
        5 => value::<Vec<Shape>>(bytes),
        6 => value::<SelfDescribing<BTreeMap<String, Option<Vec<i64>>>>>(bytes),
        _ => value::<Result<usize, i64>>(bytes),
    }
}

fn value<T: Serialize + DeserializeOwned + 'static>(bytes: &[u8]) {
    const STEP: CodecStep = CodecStep::DecodeResult;
    let encode = |value: &T| {
        let mut output = Vec::new();
        codec::encode(value, &mut output, STEP).expect("what was decoded can be encoded");
        output
    };
    let decoded = codec::decode::<T>(bytes, STEP);
    let taken = codec::decode_taking::<T>(&mut bytes.to_vec(), STEP);
    match (decoded, taken) {
        (Ok(decoded), Ok(taken)) => {
            let encoded = encode(&decoded);
            assert_eq!(encoded, encode(&taken));
            let again = codec::decode::<T>(&encoded, STEP).expect("what was encoded comes back");
            assert_eq!(encode(&again), encoded);
        }
        (Err(decoded), Err(taken)) => assert_eq!(decoded.to_string(), taken.to_string()),
        _ => panic!("the two ways to decode differ"),
    }
}
