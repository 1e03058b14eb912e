//! The parent's end of a link, against a worker that writes anything anywhere.
//!
//! Only compiled under `--cfg fuzzing`. The bytes are a program of steps. Some are the worker's, through its
//! own mapping of the segment and its own end of the socket; the others are the pool's. No step may panic,
//! block or return an impossible value. The link may only report that it was scribbled over; that ends the
//! program.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use procpool_os::code::FunctionRef;

use crate::ring::RingWriter;
use crate::socket;
use crate::wire::{Entry, Frame, Progress, ResultStatus};

pub use crate::wire::fuzzing::{frames, heads};

use crate::{CLAIM, Ordering, ParentEnd, RESULTS, SEGMENT, Segment, claim};

/// The steps' own input.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }

    /// Takes as many bytes as the first byte says, or all that remain.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }
}

/// The worker's side.
struct Worker {
    segment: Segment,
    results: RingWriter,
    socket: Option<UnixStream>,
    finished: u64,
}

impl Worker {
    /// Runs the step `kind`. Returns `None` if the input is exhausted.
    fn step(&mut self, kind: u8, input: &mut Input<'_>) -> Option<()> {
        match kind {
            0 => self.publish(&[input.bytes()?]),
            1 => {
                let payload = input.bytes()?;
                let index = self.finished;
                self.finished += 1;
                let frame = Frame::ResultItem { index, status: ResultStatus::Value };
                self.publish(&[&*frame.head(payload.len()), payload]);
            }
            2 => {
                // A long payload from two bytes of input.
                let payload = vec![input.byte()?; 1000 * usize::from(input.byte()?)];
                let frame = Frame::ResultItem { index: 0, status: ResultStatus::Failure };
                self.publish(&[&*frame.head(payload.len()), &payload]);
            }
            3 => {
                let body = input.bytes()?;
                self.publish(&[&(body.len() as u64).to_le_bytes(), body]);
            }
            4 => {
                let line = self.segment.line(usize::from(input.byte()? % 16));
                line.number.store(input.number()?, Ordering::Relaxed);
            }
            5 => {
                let line = self.segment.line(usize::from(input.byte()? % 16));
                line.number.fetch_add(u64::from(input.byte()?), Ordering::Relaxed);
            }
            6 => {
                let line = self.segment.line(usize::from(input.byte()? % 16));
                line.word.store(input.byte()?.into(), Ordering::Relaxed);
            }
            7 => {
                let (offset, bytes) = (input.number()?, input.bytes()?);
                self.segment.write(offset as usize % (SEGMENT - bytes.len()), bytes);
            }
            8 => self.say(&[input.bytes()?]),
            9 => {
                let body = input.bytes()?;
                self.say(&[&(body.len() as u64).to_le_bytes(), body]);
            }
            10 => drop(claim::claim(&self.segment, CLAIM, input.byte()?.into())),
            _ => self.socket = None,
        }
        Some(())
    }

    fn publish(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            // This worker may have scribbled over the parent's head itself.
            if self.results.room(&self.segment, piece.len()).is_ok_and(|room| room >= piece.len()) {
                self.results.put(&self.segment, piece);
            }
        }
        self.results.publish(&self.segment);
    }

    fn say(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            if let Some(socket) = &mut self.socket {
                // It may be full.
                let _ = socket.write(piece);
            }
        }
    }
}

/// The pool's side.
struct Parent {
    link: ParentEnd,
    claimed: u64,
}

/// The pool gives the worker up.
struct GivenUp;

impl Parent {
    /// Runs the step `kind`.
    fn step(&mut self, kind: u8, input: &mut Input<'_>) -> Result<(), GivenUp> {
        let link = &mut self.link;
        match kind {
            0 => {
                let length = 4 * usize::from(input.byte().unwrap_or(0)).pow(2);
                let nowhere = FunctionRef { offset: -1, tag: 1 };
                let entry = Entry { trampoline: nowhere, function: nowhere };
                let arguments = Bytes::from(vec![7; length]);
                link.send_part(entry, &arguments, 0..arguments.len()).map_err(|_| GivenUp)?;
            }
            1 => drop(link.publish().map_err(|_| GivenUp)?),
            2 => {
                let claimed = link.first_unclaimed().map_err(|_| GivenUp)?;
                assert!((self.claimed..=link.sent()).contains(&claimed));
                self.claimed = claimed;
            }
            3 => {
                let first = link.take_back().map_err(|_| GivenUp)?;
                assert!((self.claimed..=link.sent()).contains(&first));
                self.claimed = link.sent();
            }
            4 => self.read()?,
            5 => self.read_news()?,
            6 => {
                let watch = link.watch();
                watch.wait(Some(Instant::now()), Some(Duration::ZERO));
                link.nudge();
                watch.wait(Some(Instant::now()), None);
                link.end_watch();
            }
            _ => {
                link.ring_from(u64::from(input.byte().unwrap_or(0)));
                link.set_crowded(link.busy_nanos() > 0);
                link.wake_worker();
                let _ =
                    (link.has_results(), link.is_behind(), link.spin_limit(), link.bytes_read());
            }
        }
        Ok(())
    }

    /// Reads the ring until it is empty: at most once around, because no other step runs at the same time.
    fn read(&mut self) -> Result<(), GivenUp> {
        let mut turns = 0;
        while check(self.link.fill())? == Progress::Frame {
            let received = self.link.frame();
            let _ = received.frame();
            turns += 1;
            assert!(turns <= SEGMENT, "there are no more frames than bytes");
        }
        Ok(())
    }

    fn read_news(&mut self) -> Result<(), GivenUp> {
        while check(self.link.fill_news(true))? == Progress::Frame {
            let _ = self.link.news().frame();
        }
        Ok(())
    }
}

fn check(filled: io::Result<Progress>) -> Result<Progress, GivenUp> {
    filled.map_err(|error| {
        let expected = [io::ErrorKind::InvalidData, io::ErrorKind::ConnectionReset];
        assert!(expected.contains(&error.kind()), "{error}");
        GivenUp
    })
}

/// Runs a program of steps; see the module's header.
pub fn link(data: &[u8]) {
    let (ours, theirs) = socket::pair().expect("there is room for a socket");
    let (segment, memory) = Segment::create(SEGMENT).expect("there is room for a segment");
    let socket = UnixStream::from(theirs);
    socket.set_nonblocking(true).expect("a socket can be made so");
    let mut worker = Worker {
        segment: Segment::received(memory, SEGMENT).expect("it is a segment"),
        results: RingWriter::new(RESULTS),
        socket: Some(socket),
        finished: 0,
    };
    let mut parent = Parent { link: ParentEnd::new(ours, segment), claimed: 0 };
    let mut input = Input(data);
    while let Some(kind) = input.byte() {
        let over = match kind {
            0..128 => worker.step(kind % 12, &mut input).is_none(),
            _ => parent.step(kind % 8, &mut input).is_err(),
        };
        if over {
            return;
        }
    }
}
