//! What the fuzz targets call: for every decoder a function that is given bytes as the other side
//! might have sent them.
//!
//! Compiled under `--cfg fuzzing` alone, for `fuzz/`. Each function asserts what holds for any bytes
//! at all. None of them calls what an address in those bytes names: an [`Entry`](crate::wire::Entry)
//! is numbers, and under this cfg `sys/code.rs` panics when one is to become a function.

use std::collections::BTreeMap;
use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::chunk;
use crate::chunk_source::{ChunkSource, Chunking, Order, Taken};
use crate::codec;
use crate::error::CodecStep;
use crate::future::Body;
use crate::map::Map;
use crate::self_describing::SelfDescribing;
use crate::start;
use crate::task::decode_failure;
use crate::wire::{
    Entry, Failure, Frame, FrameReader, FunctionRef, InitializerFailure, MAX_FRAME, Payload,
    Progress, SMALL, Source, encode_failure,
};

pub use crate::link::fuzzing::link;

/// The length field of a frame.
const LENGTH: usize = size_of::<u64>();

/// Reads a stream in pieces: the frames are those that are there when it is read at once.
///
/// The first byte chooses how large the pieces are, and whether the rest is the stream itself or
/// frames without their length fields.
pub fn frames(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let stream = if first & 1 == 0 { rest.to_vec() } else { with_lengths(rest) };
    // A long stream in short pieces only takes time.
    let piece = (usize::from(first >> 1) + 1).pow(2).max(stream.len() / 256);
    let mut source = Pieces { bytes: &stream, piece, blocks: false };
    let mut reader = FrameReader::new();
    let mut expected = Expected { rest: &stream };
    loop {
        match reader.fill(&mut source) {
            Ok(Progress::Frame) => {
                let received = reader.frame();
                let bytes = received.bytes();
                assert_eq!(Some(&bytes[..]), expected.next());
                if let Ok(frame) = received.frame() {
                    let payload = &*received.payload;
                    assert_eq!([&frame.head(payload.len())[LENGTH..], payload].concat(), bytes);
                }
            }
            Ok(Progress::Pending) => {}
            Ok(Progress::Ended { partial }) => {
                assert_eq!((expected.next(), partial), (None, !expected.rest.is_empty()));
                break;
            }
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
                assert_eq!(expected.next(), None);
                break;
            }
        }
        // Beyond that it is only reserved, and not touched.
        assert!(reader.capacity() <= SMALL + (64 << 20) + 2 * stream.len());
    }
}

/// Puts a length field before each of the frames that `bytes` describes: a number of two bytes, then
/// the frame, which is zeros when there are not enough bytes.
fn with_lengths(mut bytes: &[u8]) -> Vec<u8> {
    const MOST: usize = 64 * 1024;
    let mut stream = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>()
        && stream.len() < MOST
    {
        let length = usize::from(u16::from_le_bytes(*length));
        let (frame, rest) = rest.split_at(rest.len().min(length));
        stream.extend_from_slice(&(length as u64).to_le_bytes());
        let end = stream.len() + length;
        stream.extend_from_slice(frame);
        stream.resize(end, 0);
        bytes = rest;
    }
    stream
}

/// Gives its bytes in pieces, and "would block" between them.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
    blocks: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.blocks = !self.blocks;
        if self.blocks && !self.bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (piece, rest) = self.bytes.split_at(self.bytes.len().min(self.piece).min(buffer.len()));
        buffer[..piece.len()].copy_from_slice(piece);
        self.bytes = rest;
        Ok(piece.len())
    }
}

impl Source for Pieces<'_> {}

/// The frames of a stream that is there as a whole, without the short ones that nobody looks at.
struct Expected<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Expected<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        const PADDING: u8 = 9;
        loop {
            let (length, rest) = self.rest.split_first_chunk::<LENGTH>()?;
            let length = u64::from_le_bytes(*length);
            let length = usize::try_from(length).ok().filter(|_| (1..=MAX_FRAME).contains(&length));
            let (frame, rest) = rest.split_at_checked(length?)?;
            self.rest = rest;
            if frame[0] != PADDING || LENGTH + frame.len() > SMALL {
                return Some(frame);
            }
        }
    }
}

/// Decodes the head of a frame: what comes out is what went in.
pub fn heads(data: &[u8]) {
    for payload in [0, 1] {
        if let Ok(frame) = Frame::decode(data, payload) {
            assert_eq!(&frame.head(payload)[LENGTH..], data);
        }
    }
}

/// Decodes a failure: what comes out can be said, and travels again. And what a server says.
pub fn failures(data: &[u8]) {
    start::decode_packet(data);
    assert!(!decode_failure(data).to_string().is_empty());
    fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(data: &[u8]) {
        if let Ok(failure) = postcard::from_bytes::<T>(data) {
            assert_eq!(postcard::from_bytes(&encode_failure(&failure)), Ok(failure));
        }
    }
    check::<Failure>(data);
    check::<InitializerFailure>(data);
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
    task.finish(Ok(Body::from(Payload::Small(body))));
    let results: Vec<_> = Map::<R>::of_finished(source, items).collect();
    assert_eq!(results.len(), items);
}

/// Decodes a value of one of several types, which the first byte chooses: what comes out travels
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

/// Reads the second argument of a worker, without taking over what it names.
///
/// The first byte chooses whether the rest is the argument itself or spelled in few characters.
pub fn argument(data: &[u8]) {
    const CHARACTERS: &[u8; 16] = b"0123456789:::-+x";
    let Some((first, rest)) = data.split_first() else { return };
    let spelled = |byte: &u8| CHARACTERS[usize::from(byte % 16)];
    let argument = match first % 2 {
        0 => rest.to_vec(),
        _ => rest.iter().take(usize::from(first % 32)).map(spelled).collect(),
    };
    let Ok(argument) = String::from_utf8(argument) else { return };
    if let Some(place) = start::parse_place(&argument) {
        let ([socket, memory, lifeline], parent, id) = place;
        let again = format!("{socket}:{memory}:{lifeline}:{parent}:{id}");
        assert_eq!(start::parse_place(&again), Some(place));
    }
}
