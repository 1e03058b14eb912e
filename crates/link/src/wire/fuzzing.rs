//! Frames from an untrusted peer. Only compiled under `--cfg fuzzing`.

use std::io::{self, Read};

use super::{Frame, FrameReader, MAX_FRAME, Progress, SMALL, Source};

/// The length field of a frame.
const LENGTH: usize = size_of::<u64>();

/// Reads a stream in pieces, and compares the frames with those of the stream as a whole.
///
/// The first byte chooses the size of the pieces, and whether the rest is the stream itself or frames without
/// their length fields.
pub fn frames(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let stream = if first & 1 == 0 { rest.to_vec() } else { with_lengths(rest) };
    // A long stream in short pieces only takes time.
    let piece = (usize::from(first >> 1) + 1).pow(2).max(stream.len() / 256);
    let mut source = Pieces { bytes: &stream, piece, blocks: false };
    let mut reader = FrameReader::default();
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
        // The 64 MiB are only reserved, not touched.
        assert!(reader.capacity() <= SMALL + (64 << 20) + 2 * stream.len());
    }
}

/// Puts a length field before each of the frames in `bytes`: a number of two bytes, then the frame, filled up
/// with zeros if the bytes do not suffice.
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

/// Returns its bytes in pieces, and "would block" between them.
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

/// The frames of a whole stream, without short paddings, which readers skip.
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

/// Decodes a frame's head, and checks that encoding it gives the same bytes.
pub fn heads(data: &[u8]) {
    for payload in [0, 1] {
        if let Ok(frame) = Frame::decode(data, payload) {
            assert_eq!(&frame.head(payload)[LENGTH..], data);
        }
    }
}
