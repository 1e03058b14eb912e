//! Assembles frames from the bytes of a source, which may block or not.
//!
//! Owns the receive buffers and the promise that a peer cannot make this side use more memory than about
//! twice the bytes that it really sent. A payload for which there is no memory is read to its end and reported
//! as lost, so the next frame can still be read. Never blocks by itself: if the source would block, the
//! result is [`Progress::Pending`], and the partial frame is kept.

use std::io::{self, Read};
use std::mem::MaybeUninit;

use super::{Frame, HEAD, LENGTH, MAX_FRAME, Malformed, PADDING, head_length};

/// The size of the buffer for small frames: one read fetches several. Larger costs memory per worker;
/// smaller gives more frames their own allocation.
pub const SMALL: usize = 16 * 1024;

/// How many bytes of a large payload are read at a time. More holds the caller's lock for longer; less
/// reads from the source more often.
const SLICE: usize = 1 << 20;

/// How much memory is reserved for a large payload before its bytes arrive. It stays untouched until then, so
/// more uses address space, not memory; less moves long payloads as they grow.
const RESERVE: usize = 64 << 20;

/// A source of bytes.
pub trait Source: Read {
    /// Prepares fresh memory that the next [`append`](Self::append) calls will fill.
    fn prepare(&self, _spare: &mut [MaybeUninit<u8>]) {}

    /// Appends at most `limit` bytes to `output`, which has the capacity. Returns how many; 0 at the end of the
    /// source.
    ///
    /// # Errors
    ///
    /// As for `read`.
    fn append(&mut self, limit: usize, output: &mut Vec<u8>) -> io::Result<usize> {
        let before = output.len();
        output.resize(before + limit, 0);
        let read = self.read(&mut output[before..]);
        output.truncate(before + *read.as_ref().unwrap_or(&0));
        read
    }
}

/// The result of [`FrameReader::fill`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A whole frame is buffered: take it with [`FrameReader::frame`].
    Frame,
    /// The source has nothing more for now, or a slice of a large frame was read.
    Pending,
    /// The source ended.
    Ended {
        /// Whether it ended within a frame.
        partial: bool,
    },
}

/// Assembles frames. The bytes of a partial frame are in `small[start..end]`, or in `large` if it does not
/// fit there.
#[derive(Debug)]
pub struct FrameReader {
    small: Box<[u8]>,
    start: usize,
    end: usize,
    large: Option<Large>,
    /// Memory for the next large payload, if it fits.
    spare: Vec<u8>,
    /// The head of the large frame that was taken last.
    head: [u8; HEAD],
}

/// The payload of a frame too long for the small buffer; its head is in `FrameReader::head`.
#[derive(Debug)]
struct Large {
    payload: Vec<u8>,
    /// How many bytes were read.
    read: usize,
    /// How many the payload has.
    total: usize,
    /// Whether there was no memory for it: then no byte of it is kept.
    lost: bool,
}

impl Default for FrameReader {
    /// Makes a reader without a frame.
    fn default() -> Self {
        let small = vec![0; SMALL].into();
        Self { small, start: 0, end: 0, large: None, spare: Vec::new(), head: [0; HEAD] }
    }
}

impl FrameReader {
    /// Reads until a whole frame is buffered, the source has nothing more, or it ended.
    ///
    /// # Errors
    ///
    /// The source's own, except that an interrupted call is repeated and one that would block is
    /// [`Progress::Pending`]; `InvalidData` for a length that no frame has.
    #[inline]
    pub fn fill(&mut self, source: &mut impl Source) -> io::Result<Progress> {
        let mut turn = 0;
        loop {
            let small = self.small_frame()?;
            let buffered = self.end - self.start;
            let read = match (&mut self.large, small) {
                (Some(large), _) if large.read == large.total => return Ok(Progress::Frame),
                (Some(large), _) => {
                    let read = match large.reserve(source) {
                        0 => {
                            let missing = (large.total - large.read).min(SMALL);
                            source.read(&mut self.small[..missing])
                        }
                        slice => source.append(slice, &mut large.payload),
                    };
                    let count = *read.as_ref().unwrap_or(&0);
                    large.read += count;
                    turn += count;
                    if turn >= SLICE && large.read < large.total {
                        return Ok(Progress::Pending);
                    }
                    read
                }
                (None, Some(total)) if total <= buffered => {
                    if self.small[self.start + LENGTH] != PADDING {
                        return Ok(Progress::Frame);
                    }
                    self.start += total;
                    continue;
                }
                (None, Some(total)) if total > SMALL && buffered > HEAD => {
                    self.begin_large(total, source);
                    continue;
                }
                (None, _) => {
                    if self.start > 0 {
                        self.small.copy_within(self.start..self.end, 0);
                        (self.start, self.end) = (0, buffered);
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

    /// Moves the received part of a long frame out of the small buffer, which holds more than its head.
    fn begin_large(&mut self, total: usize, source: &impl Source) {
        let received = &self.small[self.start..self.end];
        let head = LENGTH + head_length(received[LENGTH]);
        self.head[..head].copy_from_slice(&received[..head]);
        let total = total - head;
        // Not in a much larger vector: the receiver may keep the payload.
        let fits = (total..=total + total / 8).contains(&self.spare.capacity());
        let payload = if fits { std::mem::take(&mut self.spare) } else { Vec::new() };
        let mut large = Large { payload, read: received.len() - head, total, lost: false };
        if large.reserve(source) > 0 {
            large.payload.extend_from_slice(&received[head..]);
        }
        (self.start, self.end) = (0, 0);
        self.large = Some(large);
    }

    /// Keeps memory that is no longer used for the next payload of that size. Fresh memory costs a page fault
    /// for every 4 KiB, which is more than copying them; and an allocator returns freed blocks of this size
    /// to the system.
    pub fn reuse(&mut self, mut memory: Vec<u8>) {
        /// More keeps more memory in idle pools and workers; less makes large payloads wait for the
        /// system.
        const KEPT: usize = 4 << 20;
        if (SMALL..=KEPT).contains(&memory.capacity()) {
            memory.clear();
            self.spare = memory;
        }
    }

    /// Returns whether a small frame is buffered, or an impossible one.
    pub fn has_frame(&self) -> bool {
        self.small_frame().map_or(true, |it| it.is_some_and(|total| total <= self.end - self.start))
    }

    /// Returns whether part of a long frame was read.
    pub fn is_within_large(&self) -> bool {
        self.large.is_some()
    }

    /// Acts as if there were no memory for the payload that is being read, which ends after `total`
    /// bytes.
    #[cfg(test)]
    pub fn lose(&mut self, total: usize) {
        let large = self.large.as_mut().expect("a long frame is being read");
        (large.lost, large.payload, large.total) = (true, Vec::new(), total);
    }

    /// Returns the capacity of the buffers.
    #[cfg(any(test, fuzzing))]
    pub fn capacity(&self) -> usize {
        self.small.len() + self.large.as_ref().map_or(0, |large| large.payload.capacity())
    }

    /// Returns the size of the frame that starts in the small buffer, if its length field is there.
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
    /// The last `fill` did not return [`Progress::Frame`].
    #[inline]
    pub fn frame(&mut self) -> Received<'_> {
        if let Some(large) = self.large.take() {
            assert_eq!(large.read, large.total, "no whole frame is buffered");
            let head = &self.head[LENGTH..LENGTH + head_length(self.head[LENGTH])];
            let payload = match large.lost {
                false => Payload::Large(large.payload),
                true => Payload::Lost(large.total),
            };
            return Received { head, payload };
        }
        let field = self.small[self.start..].first_chunk::<LENGTH>().expect("a frame is buffered");
        let total = LENGTH + u64::from_le_bytes(*field) as usize;
        assert!(total <= self.end - self.start, "no whole frame is buffered");
        let frame = &self.small[self.start + LENGTH..self.start + total];
        self.start += total;
        let (head, payload) = frame.split_at(head_length(frame[0]).min(frame.len()));
        Received { head, payload: Payload::Small(payload) }
    }
}

impl Large {
    /// Reserves memory for the next slice. Returns its size: 0 if the payload is lost.
    fn reserve(&mut self, source: &impl Source) -> usize {
        let missing = self.total - self.payload.len();
        if !self.lost && self.payload.len() == self.payload.capacity() {
            let more = missing.min(self.payload.len().max(RESERVE));
            if self.payload.try_reserve_exact(more).is_err() {
                self.lost = true;
                self.payload = Vec::new();
            }
            source.prepare(self.payload.spare_capacity_mut());
        }
        let room = self.payload.capacity() - self.payload.len();
        missing.min(room).min(SLICE)
    }
}

/// A received frame.
#[derive(Debug)]
pub struct Received<'a> {
    head: &'a [u8],
    /// The bytes behind the head.
    pub payload: Payload<'a>,
}

impl Received<'_> {
    /// Decodes the head.
    #[inline]
    pub fn frame(&self) -> Result<Frame, Malformed> {
        Frame::decode(self.head, self.payload.len())
    }

    /// Returns the bytes behind the length field.
    #[cfg(any(test, fuzzing))]
    pub fn bytes(&self) -> Vec<u8> {
        [self.head, &*self.payload].concat()
    }
}

/// The payload of a frame.
#[derive(Debug)]
pub enum Payload<'a> {
    /// Borrowed from the reader.
    Small(&'a [u8]),
    /// Owned.
    Large(Vec<u8>),
    /// Received but not kept, because there was no memory for it. Carries its length.
    Lost(usize),
}

impl std::ops::Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Payload::Small(bytes) => bytes,
            Payload::Large(bytes) => bytes,
            Payload::Lost(_) => &[],
        }
    }
}

impl Payload<'_> {
    /// Returns the bytes; copies them only if they are borrowed.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Payload::Small(bytes) => bytes.to_vec(),
            Payload::Large(bytes) => bytes,
            Payload::Lost(_) => Vec::new(),
        }
    }
}
