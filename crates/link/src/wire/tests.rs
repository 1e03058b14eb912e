//! Golden bytes pin the layout; the decoders are fed prefixes and garbage.

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;

fn entry() -> Entry {
    Entry {
        trampoline: FunctionRef { offset: 0x1122, tag: 3 },
        function: FunctionRef { offset: -2, tag: u64::MAX },
    }
}

const ENTRY: &str = "2211000000000000 0300000000000000 feffffffffffffff ffffffffffffffff";

/// Frames, their payloads, and their bytes.
fn golden() -> Vec<(Frame, &'static [u8], String)> {
    let hello = Hello { version: 1, pid: 0x0203, device: 4, inode: 5 };
    let result = |status| Frame::ResultItem { index: 7, status };
    vec![
        (
            Frame::Hello(hello),
            b"",
            "1900000000000000 01 01000000 03020000 0400000000000000 0500000000000000".into(),
        ),
        (Frame::Initialize { entry: entry() }, b"ab", format!("2300000000000000 02 {ENTRY} 6162")),
        (Frame::Ready, b"", "0100000000000000 03".into()),
        (Frame::InitializerFailed, b"\0\x02no", "0500000000000000 04 00 02 6e6f".into()),
        (
            Frame::CallItem { index: 7, entry: entry() },
            &[9],
            format!("2a00000000000000 05 0700000000000000 {ENTRY} 09"),
        ),
        (
            result(ResultStatus::Value),
            b"xyz",
            "0d00000000000000 06 0700000000000000 00 78797a".into(),
        ),
        (result(ResultStatus::LastWords), b"", "0a00000000000000 06 0700000000000000 02".into()),
        (result(ResultStatus::Part), b"x", "0b00000000000000 06 0700000000000000 03 78".into()),
        (Frame::Exit, b"", "0100000000000000 07".into()),
        (Frame::Bell, b"", "0100000000000000 08".into()),
        (
            Frame::Skipped { from: 3, to: 5 },
            b"",
            "1100000000000000 0b 0300000000000000 0500000000000000".into(),
        ),
        (Frame::Report { index: 7 }, b"x", "0a00000000000000 0c 0700000000000000 78".into()),
        (Frame::Padding, b"\0\0", "0300000000000000 09 0000".into()),
    ]
}

fn encode(frame: Frame, payload: &[u8]) -> Vec<u8> {
    [&*frame.head(payload.len()), payload].concat()
}

/// Decodes the bytes behind the length field.
fn decode(bytes: &[u8]) -> Result<(Frame, &[u8]), Malformed> {
    let kind = *bytes.first().ok_or(Malformed("a frame that is too short"))?;
    let (head, payload) = bytes.split_at(head_length(kind).min(bytes.len()));
    Frame::decode(head, payload.len()).map(|frame| (frame, payload))
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn frames_encode_to_their_golden_bytes_and_decode_back() {
    for (frame, payload, bytes) in golden() {
        let bytes = hex(&bytes);
        assert_eq!(encode(frame, payload), bytes, "{frame:?}");
        assert_eq!(decode(&bytes[LENGTH..]), Ok((frame, payload)));
    }
}

#[test]
fn every_prefix_is_malformed_or_a_shorter_payload() {
    for (frame, payload, bytes) in golden() {
        let bytes = hex(&bytes);
        for end in LENGTH..bytes.len() {
            match decode(&bytes[LENGTH..end]) {
                Err(_) => {}
                Ok((same, shorter)) => {
                    assert_eq!(same, frame);
                    assert!(shorter.len() < payload.len() && payload.starts_with(shorter));
                }
            }
        }
    }
}

#[test]
fn bytes_after_a_frame_of_fixed_size_are_malformed() {
    for frame in [Frame::Ready, Frame::Exit, Frame::Bell] {
        let mut bytes = encode(frame, &[]);
        bytes.push(0);
        assert_eq!(decode(&bytes[LENGTH..]), Err(Malformed("a frame with bytes left over")));
    }
}

/// Returns its bytes in pieces, and "would block" between them.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: std::vec::IntoIter<usize>,
    block_next: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.block_next, true) && !self.bytes.is_empty() {
            self.block_next = false;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let size = self.sizes.next().unwrap_or(usize::MAX).min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.bytes = later;
        Ok(size)
    }
}

impl Source for Pieces<'_> {}
impl Source for &[u8] {}

/// Reads to the end. Returns the frames' bytes, and how the source ended.
fn read_all(bytes: &[u8], sizes: Vec<usize>) -> (Vec<Vec<u8>>, io::Result<Progress>) {
    let mut source = Pieces { bytes, sizes: sizes.into_iter(), block_next: false };
    let mut reader = FrameReader::default();
    let mut frames = Vec::new();
    loop {
        match reader.fill(&mut source) {
            Ok(Progress::Frame) => frames.push(reader.frame().bytes()),
            Ok(Progress::Pending) => {}
            ended => return (frames, ended),
        }
    }
}

proptest! {
    #[test]
    fn frames_survive_any_cut_of_the_stream(
        payloads in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..100),
                (10_000usize..60_000, any::<u8>()).prop_map(|(n, byte)| vec![byte; n]),
            ],
            0..6,
        ),
        sizes in prop::collection::vec(1usize..30_000, 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let frames: Vec<Vec<u8>> = payloads
            .iter()
            .map(|payload| encode(Frame::ResultItem { index: 1, status: ResultStatus::Value }, payload))
            .collect();
        let stream = frames.concat();
        let expected: Vec<Vec<u8>> = frames.iter().map(|frame| frame[LENGTH..].to_vec()).collect();
        let (seen, end) = read_all(&stream, sizes.clone());
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(end.unwrap(), Progress::Ended { partial: false });

        // Every prefix yields its whole frames, and reports whether one was cut.
        let prefix = &stream[..cut.index(stream.len() + 1)];
        let (seen, end) = read_all(prefix, sizes);
        let whole: usize = seen.iter().map(|frame| LENGTH + frame.len()).sum();
        prop_assert_eq!(&seen[..], &expected[..seen.len()]);
        prop_assert_eq!(end.unwrap(), Progress::Ended { partial: whole < prefix.len() });
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
        let (_, end) = read_all(&bytes, vec![]);
        let over = matches!(end, Err(_) | Ok(Progress::Ended { .. }));
        prop_assert!(over);
    }
}

#[test]
fn impossible_lengths_are_refused() {
    for length in [0, MAX_FRAME + 1, u64::MAX] {
        let (frames, end) = read_all(&length.to_le_bytes(), vec![]);
        assert!(frames.is_empty());
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::InvalidData, "{length}");
    }
}

#[test]
fn a_claimed_length_allocates_only_for_bytes_that_arrive() {
    let mut stream = MAX_FRAME.to_le_bytes().to_vec();
    stream.extend_from_slice(&[6; 100_000]);
    let mut reader = FrameReader::default();
    assert_eq!(reader.fill(&mut &stream[..]).unwrap(), Progress::Ended { partial: true });
    // Reserved, not used: the kernel backs memory when it is written to.
    let reserved = reader.capacity();
    assert!(reserved <= (64 << 20) + (1 << 20), "{reserved} bytes for {} received", stream.len());
}

#[test]
fn a_payload_without_memory_is_lost_but_the_next_frame_arrives() {
    /// More than any machine has, and less than a frame may be.
    const HUGE: u64 = 1 << 39;
    let mut stream = (HUGE + 10).to_le_bytes().to_vec();
    stream.extend(&Frame::ResultItem { index: 7, status: ResultStatus::Value }.head(0)[LENGTH..]);
    stream.resize(100_000, 0);
    let mut reader = FrameReader::default();
    assert_eq!(reader.fill(&mut &stream[..]).unwrap(), Progress::Ended { partial: true });
    reader.lose(150_000);
    let next = encode(Frame::Exit, b"");
    let rest = [vec![0; 150_000 - (100_000 - LENGTH - 10)], next].concat();
    let mut source = &rest[..];
    assert_eq!(reader.fill(&mut source).unwrap(), Progress::Frame);
    let received = reader.frame();
    let index = Frame::ResultItem { index: 7, status: ResultStatus::Value };
    assert_eq!(received.frame(), Ok(index));
    assert!(matches!(received.payload, Payload::Lost(150_000)), "{:?}", received.payload);
    assert_eq!(reader.fill(&mut source).unwrap(), Progress::Frame);
    assert_eq!(reader.frame().frame(), Ok(Frame::Exit));
}

#[test]
fn padding_aligns_and_is_skipped() {
    for position in 0..200_u64 {
        let head = Frame::ResultItem { index: 1, status: ResultStatus::Value }.head(3);
        let padding = padding_before(position, head.len());
        assert_eq!((position + padding.len() as u64 + head.len() as u64) % 64, 16);
        let frame = [&*head, b"abc"].concat();
        let (frames, end) = read_all(&[&padding[..], &frame].concat(), vec![5; 100]);
        assert_eq!(frames, [&frame[LENGTH..]]);
        assert_eq!(end.unwrap(), Progress::Ended { partial: false });
    }
}
