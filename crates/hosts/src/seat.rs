//! The program's side of a worker that is on another host.
//!
//! ```text
//! pool ─ calls ring ──▶ Seat ─ claim ─▶ Channel ─▶ relay ─▶ worker
//!      ◀─ results ring ─ puts ◀──────── Channel ◀─ relay ◀─ worker
//! ```
//!
//! Owns the worker's end of the pool's link. Claims a call when it hands it to the channel, and reads the next
//! one when the result is in the ring. Knows no host and no socket but the link's.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bytes::Bytes;
use nix::unistd::read;
use procpool_control::{Ended, StartRequest};
use procpool_link::{Frame, Hello, Progress, ResultStatus, SMALL, WorkerEnd};
use procpool_os::image::ImageIdentity;

use crate::channel::Channel;
use crate::frames::{Incoming, invalid, send_frame, whole};
use crate::message::{Draft, Kind, Output, ToHost};

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) request: StartRequest,
    /// Which of the relay's workers it is.
    place: u8,
    link: WorkerEnd,
    /// The pool writes signals to it.
    lifeline: OwnedFd,
    /// Dropped once the worker has ended and that was reported. `None` until the worker was started.
    pub(crate) alive: Option<OwnedFd>,
    streams: [Stream; 2],
    /// The index of the call that was claimed and has no result.
    running: Option<u64>,
    results: Incoming,
    news: Incoming,
    /// Results that the ring has no room for yet.
    puts: VecDeque<Put>,
    reports_handled: u32,
    /// Whether the last turn has left something to do.
    pub(crate) is_busy: bool,
    end: Option<(Ended, Option<Draft>)>,
}

/// A stream of a worker, as its pool wants it.
#[derive(Debug, Default)]
pub(crate) enum Stream {
    #[default]
    Inherited,
    Null,
    File(File),
}

/// Bytes for the results ring; and if they complete a result, the call's index and duration.
#[derive(Debug)]
struct Put {
    bytes: Bytes,
    finishes: Option<(u64, u64)>,
}

impl Seat {
    pub(crate) fn new(
        request: StartRequest,
        place: u8,
        link: WorkerEnd,
        lifeline: OwnedFd,
        streams: [Stream; 2],
    ) -> Self {
        Self {
            request,
            place,
            link,
            lifeline,
            alive: None,
            streams,
            running: None,
            results: Incoming::default(),
            news: Incoming::default(),
            puts: VecDeque::new(),
            reports_handled: 0,
            is_busy: false,
            end: None,
        }
    }

    pub(crate) fn link(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }

    pub(crate) fn lifeline(&self) -> BorrowedFd<'_> {
        self.lifeline.as_fd()
    }

    /// Where the relay is to send stdout and stderr.
    pub(crate) fn outputs(&self) -> [Output; 2] {
        [&self.streams[0], &self.streams[1]].map(|stream| match stream {
            Stream::Inherited => Output::Inherited,
            Stream::Null => Output::Null,
            Stream::File(_) => Output::Sent,
        })
    }

    /// Reads the pool's wake-ups. Returns `false` if the pool has closed the link.
    pub(crate) fn wake(&self) -> bool {
        self.link.wake()
    }

    /// Passes signals on that the pool has written to the lifeline. Returns `false` if that is closed.
    pub(crate) fn pass_signals(&self, channel: &mut Channel) -> bool {
        let mut signals = [0; 16];
        let count = read(&self.lifeline, &mut signals).unwrap_or(0);
        for signal in &signals[..count] {
            channel.send_urgent(self.place, &ToHost::Signal(*signal));
        }
        count > 0
    }

    /// Takes bytes that its worker has sent.
    ///
    /// # Errors
    ///
    /// `InvalidData` for bytes that no worker sends.
    pub(crate) fn take(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        match kind {
            Kind::Frames => {
                self.results.push(bytes);
                while let Some((frame, payload)) = self.results.next()? {
                    self.take_result(frame, payload)?;
                }
            }
            Kind::News => {
                self.news.push(bytes);
                while let Some((frame, payload)) = self.news.next()? {
                    self.pass_news(frame, &payload)?;
                }
            }
            Kind::Stdout | Kind::Stderr => {
                let stream = &mut self.streams[usize::from(kind == Kind::Stderr)];
                if let Stream::File(file) = stream {
                    // It fails where the worker's own write would have failed.
                    let _ = file.write_all(bytes);
                }
            }
            Kind::Message | Kind::Urgent => {}
        }
        Ok(())
    }

    fn take_result(&mut self, frame: Frame, payload: Vec<u8>) -> io::Result<()> {
        let (Frame::ResultItem { index: nanos, status }, Some(index)) = (frame, self.running)
        else {
            return Err(invalid("a result of no call"));
        };
        let head = Frame::ResultItem { index, status }.head(payload.len());
        let finishes = (status != ResultStatus::Part).then_some((index, nanos));
        if payload.len() <= SMALL {
            let bytes = [&*head, &payload].concat().into();
            self.puts.push_back(Put { bytes, finishes });
        } else {
            self.puts.push_back(Put { bytes: Bytes::copy_from_slice(&head), finishes: None });
            self.puts.push_back(Put { bytes: payload.into(), finishes });
        }
        Ok(())
    }

    fn pass_news(&mut self, frame: Frame, payload: &[u8]) -> io::Result<()> {
        let frame = match frame {
            Frame::Hello(hello) => {
                // The relay has proved that it runs this build. The file is another one on its host.
                let ImageIdentity { device, inode } = ImageIdentity::current();
                Frame::Hello(Hello { device, inode, ..hello })
            }
            Frame::Report { index } if index != u64::MAX => {
                Frame::Report { index: self.running.unwrap_or(u64::MAX) }
            }
            Frame::ResultItem { status, .. } => {
                Frame::ResultItem { index: self.running.unwrap_or(u64::MAX), status }
            }
            other => other,
        };
        self.link.tell(frame, payload)?;
        if matches!(frame, Frame::Report { .. }) {
            self.link.count_reports(1);
        }
        Ok(())
    }

    /// Notes that its worker claims nothing more.
    pub(crate) fn ask_for_replacement(&self) {
        self.link.ask_for_replacement();
    }

    /// Notes how its worker has ended.
    pub(crate) fn end(&mut self, ended: Ended, draft: Option<Draft>) {
        self.end.get_or_insert((ended, draft));
    }

    /// Takes the end of its worker, whatever was before it.
    pub(crate) fn ended(&mut self) -> Option<Ended> {
        self.end.take().map(|(ended, _)| ended)
    }

    /// Puts results, claims the next call and passes it on: as much of both as the rings hold, but of a long call at
    /// most the next MiB. Returns the end of its worker, once everything before that was put.
    ///
    /// # Errors
    ///
    /// The pool is gone, or has sent what no pool sends.
    pub(crate) fn turn(&mut self, channel: &mut Channel) -> io::Result<Option<Ended>> {
        self.put()?;
        if self.end.is_none() {
            self.pass_calls(channel)?;
        }
        let reads = self.running.is_none() && self.end.is_none();
        self.is_busy = !self.link.may_sleep(reads, !self.puts.is_empty())?;
        if let Some(index) = self.running
            && self.link.should_stop(index)
        {
            channel.send_urgent(self.place, &ToHost::Stop);
        }
        let handled = self.link.count_reports(0);
        let more = handled.wrapping_sub(self.reports_handled);
        if more > 0 && self.end.is_none() {
            self.reports_handled = handled;
            channel.send_urgent(self.place, &ToHost::ReportsHandled(more));
        }
        if !self.puts.is_empty() {
            return Ok(None);
        }
        Ok(self.end.take().map(|(ended, draft)| {
            self.link.show_draft(draft.as_ref().map(|Draft(items, more)| (&items[..], *more)));
            ended
        }))
    }

    fn put(&mut self) -> io::Result<()> {
        while let Some(put) = self.puts.front_mut() {
            let count = self.link.put(&put.bytes)?;
            drop(put.bytes.split_to(count));
            if !put.bytes.is_empty() {
                break;
            }
            if let Some((index, nanos)) = put.finishes {
                self.running = None;
                self.link.finish_after(index, nanos)?;
            }
            self.puts.pop_front();
        }
        Ok(())
    }

    fn pass_calls(&mut self, channel: &mut Channel) -> io::Result<()> {
        while self.running.is_none() && self.link.fill()? == Progress::Frame {
            let (frame, payload) = whole(self.link.frame())?;
            if let Frame::CallItem { index, .. } = frame {
                if !self.link.claim(index)? {
                    continue;
                }
                self.running = Some(index);
            }
            send_frame(channel, Kind::Frames, self.place, frame, payload);
        }
        Ok(())
    }
}
