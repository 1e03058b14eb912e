//! A connection between the server and a relay, encrypted and in pieces.
//!
//! ```text
//! on the wire:  length u16 le | encrypted: kind u8, place u8, whether more of the message follows u8, bytes
//! ```
//!
//! Owns the pieces, the two queues, and the times at which something was sent and received. Never blocks. What
//! is urgent overtakes the rest between two pieces. Knows no worker.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use snow::TransportState;

use crate::message::Kind;

/// The longest content of a piece: Noise has messages of at most 65,535 bytes, of which 16 authenticate the rest.
/// Less encrypts more pieces; more is impossible.
const PIECE: usize = 65_535 - 16 - HEAD;

const HEAD: usize = 3;

/// The longest piece as it is written, with its length.
const FRAMED: usize = 2 + 65_535;

/// How many bytes one turn reads or writes. More lets one connection delay the others for longer; less takes
/// more turns.
const TURN: usize = 256 * 1024;

/// How many queued bytes keep a relay from reading more output of its workers. More uses more memory for a worker
/// that writes faster than the network; less makes it wait sooner.
const FULL: usize = 1 << 20;

/// The longest message that is not a stream of bytes.
const LONGEST: usize = 64 << 20;

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Channel {
    stream: TcpStream,
    cipher: TransportState,
    received: Vec<u8>,
    /// The pieces of a message so far.
    message: Vec<u8>,
    urgent: VecDeque<(u8, Vec<u8>)>,
    queue: VecDeque<Outgoing>,
    /// Encrypted pieces, as many as are written at once: how much of this was encrypted, and was written.
    pieces: Box<[u8]>,
    encrypted: usize,
    written: usize,
    heard: Instant,
    spoke: Instant,
    /// When this process last looked whether the other side is silent.
    looked: Instant,
}

#[derive(Debug)]
struct Outgoing {
    kind: Kind,
    place: u8,
    bytes: Bytes,
}

/// A piece or a message that has arrived.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) kind: Kind,
    /// Which of the relay's workers it is about.
    pub(crate) place: u8,
    pub(crate) bytes: Vec<u8>,
}

impl Channel {
    pub(crate) fn new(stream: TcpStream, cipher: TransportState) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let now = Instant::now();
        Ok(Self {
            stream,
            cipher,
            received: Vec::new(),
            message: Vec::new(),
            urgent: VecDeque::new(),
            queue: VecDeque::new(),
            pieces: vec![0; PIECE + FRAMED].into(),
            encrypted: 0,
            written: 0,
            heard: now,
            spoke: now,
            looked: now,
        })
    }

    /// Reads what has arrived, in order. Returns it, and whether the connection is open.
    ///
    /// # Errors
    ///
    /// The system's; `InvalidData` for bytes that the other side has not sent.
    pub(crate) fn read(&mut self) -> io::Result<(Vec<Arrived>, bool)> {
        let mut is_open = true;
        let mut turn = 0;
        let mut chunk = vec![0; 64 * 1024];
        while turn < TURN {
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    is_open = false;
                    break;
                }
                Ok(count) => {
                    self.received.extend_from_slice(&chunk[..count]);
                    self.heard = Instant::now();
                    turn += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    is_open = false;
                    break;
                }
            }
        }
        let mut arrived = Vec::new();
        let mut start = 0;
        while let Some(length) = self.received[start..].first_chunk::<2>() {
            let end = start + 2 + usize::from(u16::from_le_bytes(*length));
            let Some(piece) = self.received.get(start + 2..end) else { break };
            let mut content = vec![0; piece.len()];
            let length = self.cipher.read_message(piece, &mut content);
            content.truncate(length.map_err(|error| invalid(&error.to_string()))?);
            start = end;
            arrived.extend(self.assemble(&content)?);
        }
        self.received.drain(..start);
        Ok((arrived, is_open))
    }

    fn assemble(&mut self, content: &[u8]) -> io::Result<Option<Arrived>> {
        let Some((&[kind, place, more], bytes)) = content.split_first_chunk::<HEAD>() else {
            return Err(invalid("a piece without a head"));
        };
        let kind = Kind::from_byte(kind).ok_or_else(|| invalid("a piece of an unknown kind"))?;
        if kind != Kind::Message {
            return Ok(Some(Arrived { kind, place, bytes: bytes.to_vec() }));
        }
        if self.message.len() + bytes.len() > LONGEST {
            return Err(invalid("a message that is too long"));
        }
        self.message.extend_from_slice(bytes);
        let bytes = (more == 0).then(|| std::mem::take(&mut self.message));
        Ok(bytes.map(|bytes| Arrived { kind, place, bytes }))
    }

    /// Queues bytes of a stream.
    pub(crate) fn send_bytes(&mut self, kind: Kind, place: u8, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queue.push_back(Outgoing { kind, place, bytes });
        }
    }

    /// Queues a message behind everything that was queued.
    pub(crate) fn send(&mut self, place: u8, message: &impl Serialize) {
        // Plain data can always be encoded.
        let bytes = postcard::to_stdvec(message).unwrap_or_default();
        self.queue.push_back(Outgoing { kind: Kind::Message, place, bytes: bytes.into() });
    }

    /// Queues a short message before everything else.
    pub(crate) fn send_urgent(&mut self, place: u8, message: &impl Serialize) {
        self.urgent.push_back((place, postcard::to_stdvec(message).unwrap_or_default()));
    }

    /// Drops the bytes that are queued for a worker that is gone.
    pub(crate) fn forget(&mut self, place: u8) {
        self.queue.retain(|outgoing| outgoing.place != place || outgoing.kind == Kind::Message);
    }

    /// Writes what fits. Returns whether nothing is left.
    ///
    /// # Errors
    ///
    /// The system's: the connection is closed.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let mut turn = 0;
        loop {
            if self.written == self.encrypted && !self.encrypt_next()? {
                return Ok(true);
            }
            if turn >= TURN {
                return Ok(false);
            }
            match self.stream.write(&self.pieces[self.written..self.encrypted]) {
                Ok(count) => {
                    self.written += count;
                    turn += count;
                    self.spoke = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Encrypts the next pieces, as many as fit into one write. Returns `false` if there are none.
    fn encrypt_next(&mut self) -> io::Result<bool> {
        (self.encrypted, self.written) = (0, 0);
        let mut content = Vec::new();
        while self.encrypted < PIECE {
            content.clear();
            if let Some((place, bytes)) = self.urgent.pop_front() {
                content.extend_from_slice(&[Kind::Urgent as u8, place, 0]);
                content.extend_from_slice(&bytes);
            } else if let Some(front) = self.queue.front_mut() {
                let bytes = front.bytes.split_to(front.bytes.len().min(PIECE));
                let more = u8::from(!front.bytes.is_empty());
                content.extend_from_slice(&[front.kind as u8, front.place, more]);
                content.extend_from_slice(&bytes);
                if front.bytes.is_empty() {
                    self.queue.pop_front();
                }
            } else {
                break;
            }
            let piece = &mut self.pieces[self.encrypted..];
            let length = self.cipher.write_message(&content, &mut piece[2..]);
            let length = length.map_err(|error| invalid(&error.to_string()))?;
            let head = u16::try_from(length).map_err(|_| invalid("a piece that is too long"))?;
            piece[..2].copy_from_slice(&head.to_le_bytes());
            self.encrypted += 2 + length;
        }
        Ok(self.encrypted > 0)
    }

    /// Returns whether the other side has been silent for longer than `silence`. To be called several times in
    /// such a time: if it was not, this process did not run, so it could not listen either.
    pub(crate) fn is_silent(&mut self, now: Instant, silence: Duration) -> bool {
        let looked = std::mem::replace(&mut self.looked, now);
        if now.saturating_duration_since(looked) > silence / 2 {
            self.heard = now;
        }
        now.saturating_duration_since(self.heard) > silence
    }

    /// Returns whether so much is queued that bytes which can wait should.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.iter().map(|outgoing| outgoing.bytes.len()).sum::<usize>() > FULL
    }

    /// Returns whether this side has been silent for longer than `pause`.
    pub(crate) fn owes_ping(&self, now: Instant, pause: Duration) -> bool {
        now.saturating_duration_since(self.spoke) > pause && self.urgent.is_empty()
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::handshake::{HalfOpen, Identity, Secret, Verdict, introduce};

    /// The two ends of a connection.
    fn pair() -> [Channel; 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        let secret = Secret::random().unwrap();
        let relay = std::thread::spawn(move || {
            let identity = Identity { build: String::new(), host: String::new() };
            let (_, cipher) = introduce(&theirs, &secret, &identity).unwrap();
            Channel::new(theirs, cipher).unwrap()
        });
        let mut half_open = HalfOpen::new(ours, Instant::now());
        let (_, answer) = half_open.read(&secret).unwrap();
        let verdict = Verdict::Refused(String::new());
        let (ours, cipher) = half_open.answer(answer, &verdict).unwrap();
        [Channel::new(ours, cipher).unwrap(), relay.join().unwrap()]
    }

    #[test]
    fn urgent_messages_overtake_queued_bytes() {
        let [mut ours, mut theirs] = pair();
        let long = Bytes::from(vec![1; 8 << 20]);
        ours.send_bytes(Kind::Frames, 1, long.clone());
        assert!(!ours.flush().unwrap(), "one turn does not write all of it");
        ours.send_urgent(1, &7_u32);
        let (mut before, mut frames) = (0, Vec::new());
        while frames.len() < long.len() {
            ours.flush().unwrap();
            for arrived in theirs.read().unwrap().0 {
                match arrived.kind {
                    Kind::Urgent => before = frames.len(),
                    _ => frames.extend(arrived.bytes),
                }
            }
        }
        assert!((1..=2 * TURN).contains(&before), "{before}");
        assert!(frames == long);
    }

    #[test]
    fn a_process_that_did_not_run_has_not_missed_anything() {
        let [mut ours, _theirs] = pair();
        let (silence, start) = (Duration::from_secs(4), ours.heard);
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!([1, 2, 3, 4].iter().all(|seconds| !ours.is_silent(after(*seconds), silence)));
        assert!(ours.is_silent(after(5), silence));
        assert!(!ours.is_silent(after(60), silence), "nobody looked in between");
        assert!([61, 62, 63, 64].iter().all(|seconds| !ours.is_silent(after(*seconds), silence)));
        assert!(ours.is_silent(after(65), silence));
    }
}
