//! Frames that anybody may have written; compiled under `--cfg fuzzing` alone.

use std::io::{self, Read};

use super::{Frame, FrameReader, MAX_FRAME, Progress, SMALL, Source};

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
