//! Puts frames together from what a `Read` gives, blocking or not.
//!
//! Owns the receive buffers and the promise that a peer cannot make this side allocate more than
//! about twice what it really sent. Never blocks by itself: a reader that would block gives
//! [`Progress::Pending`], and the partial frame is kept.

use std::io::{self, Read};

use super::{LENGTH, MAX_FRAME};

/// The buffer for small frames: one read fetches several. Larger costs memory per worker, smaller
/// sends more frames through an allocation of their own.
const SMALL: usize = 16 * 1024;

/// How much of a large frame is read at a time. More holds whatever lock the caller holds for
/// longer; less asks the poller more often.
const SLICE: u64 = 1 << 20;

/// What [`FrameReader::fill`] achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A whole frame is here: take it with [`FrameReader::frame`].
    Frame,
    /// The source has nothing more for now, or a slice of a large frame was read.
    Pending,
    /// The source ended; `partial` when it did so within a frame.
    Ended { partial: bool },
}

/// Collects frames. At any time the bytes of one partial frame are in `small[start..end]` or, when
/// it does not fit there, in `large`.
#[derive(Debug)]
pub(crate) struct FrameReader {
    small: Box<[u8]>,
    start: usize,
    end: usize,
    large: Option<Large>,
}

/// A frame too long for the small buffer; `bytes` grows only as data arrives.
#[derive(Debug)]
struct Large {
    bytes: Vec<u8>,
    total: usize,
}

impl FrameReader {
    pub(crate) fn new() -> Self {
        Self { small: vec![0; SMALL].into(), start: 0, end: 0, large: None }
    }

    /// Reads until a whole frame is buffered, the source has nothing more, or it ended.
    ///
    /// # Errors
    ///
    /// The source's own, except that an interrupted call is repeated and one that would block is
    /// [`Progress::Pending`]; `InvalidData` for a length that no frame has.
    pub(crate) fn fill(&mut self, source: &mut impl Read) -> io::Result<Progress> {
        loop {
            let small = self.small_frame()?;
            let read = match (&mut self.large, small) {
                (Some(large), _) if large.bytes.len() == large.total => return Ok(Progress::Frame),
                (Some(large), _) => {
                    let missing = (large.total - large.bytes.len()) as u64;
                    // Appends what arrived even when it ends in an error, and grows with it.
                    let mut slice = source.by_ref().take(missing.min(SLICE));
                    match slice.read_to_end(&mut large.bytes) {
                        Ok(read) if read as u64 == SLICE && missing > SLICE => {
                            return Ok(Progress::Pending);
                        }
                        other => other,
                    }
                }
                (None, Some(total)) if total <= self.end - self.start => {
                    return Ok(Progress::Frame);
                }
                (None, Some(total)) if total > SMALL => {
                    let mut bytes = Vec::with_capacity(2 * SMALL);
                    bytes.extend_from_slice(&self.small[self.start..self.end]);
                    (self.start, self.end) = (0, 0);
                    self.large = Some(Large { bytes, total });
                    continue;
                }
                (None, _) => {
                    if self.start > 0 {
                        self.small.copy_within(self.start..self.end, 0);
                        (self.start, self.end) = (0, self.end - self.start);
                    }
                    let read = source.read(&mut self.small[self.end..]);
                    self.end += *read.as_ref().unwrap_or(&0);
                    read
                }
            };
            match read {
                Ok(0) => {
                    let partial = self.large.is_some() || self.end > self.start;
                    return Ok(Progress::Ended { partial });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Progress::Pending);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// How many bytes the buffers hold.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.small.len() + self.large.as_ref().map_or(0, |large| large.bytes.capacity())
    }

    /// The size of the frame that starts in the small buffer, once its length field is there.
    fn small_frame(&self) -> io::Result<Option<usize>> {
        let Some(length) = self.small[self.start..self.end].first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = u64::from_le_bytes(*length);
        if length == 0 || length > MAX_FRAME {
            let text = format!("a frame of {length} bytes: the limit is {MAX_FRAME}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        usize::try_from(length)
            .map(|length| Some(LENGTH + length))
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Takes the frame that [`fill`](Self::fill) announced.
    ///
    /// # Panics
    ///
    /// When the last `fill` did not return [`Progress::Frame`].
    pub(crate) fn frame(&mut self) -> Received<'_> {
        if let Some(large) = self.large.take() {
            assert_eq!(large.bytes.len(), large.total, "no whole frame is buffered");
            return Received::Large(large.bytes);
        }
        let field = self.small[self.start..].first_chunk::<LENGTH>().expect("a frame is buffered");
        let total = LENGTH + u64::from_le_bytes(*field) as usize;
        assert!(total <= self.end - self.start, "no whole frame is buffered");
        let frame = &self.small[self.start + LENGTH..self.start + total];
        self.start += total;
        Received::Small(frame)
    }
}

/// A received frame: a loan from the small buffer, or a vector of its own.
#[derive(Debug)]
pub(crate) enum Received<'a> {
    Small(&'a [u8]),
    Large(Vec<u8>),
}

impl Received<'_> {
    /// What follows the length field.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Received::Small(bytes) => bytes,
            Received::Large(bytes) => &bytes[LENGTH..],
        }
    }

    /// Keeps what follows the first `skip` bytes, without copying a large frame.
    pub(crate) fn into_body(self, skip: usize) -> Body {
        match self {
            Received::Small(bytes) => Body { bytes: bytes[skip..].to_vec(), skip: 0 },
            Received::Large(bytes) => Body { bytes, skip: LENGTH + skip },
        }
    }
}

/// The part of a frame that outlives it.
#[derive(Debug, Default)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    skip: usize,
}

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.skip..]
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, skip: 0 }
    }
}
