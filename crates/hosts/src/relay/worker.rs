//! A worker of a relay, as its relay sees it.
//!
//! Owns the pool's end of its link: puts calls into it, and passes results, news and output on. Knows no
//! connection but the channel that it is given.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::read;
use procpool_launch::{OpenOutput, Process};
use procpool_link::{Frame, ParentEnd, Progress, Receipt};
use procpool_os::pipe::pipe;

use crate::channel::Channel;
use crate::frames::{Incoming, send_frame, whole};
use crate::message::{Draft, Kind, Output, ToHost, ToProgram};

/// A worker of this relay.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) process: Process,
    pub(super) pid: u32,
    pub(super) link: ParentEnd,
    /// Whether the link's socket has ended.
    pub(super) link_ended: bool,
    pub(super) leads_group: bool,
    pub(super) calls: Incoming,
    pub(super) outputs: Outputs,
    reports: u64,
    receipts: VecDeque<Receipt>,
    busy_nanos: u64,
    wants_replacement: bool,
}

/// This side's ends of the streams that the program gets.
#[derive(Debug, Default)]
pub(super) struct Outputs(pub(super) [Option<OwnedFd>; 2]);

impl Outputs {
    /// Makes the worker's end of a stream.
    pub(super) fn open(&mut self, number: usize, output: Output) -> Result<OpenOutput, Errno> {
        Ok(match output {
            Output::Inherited => OpenOutput::Inherit,
            Output::Null => OpenOutput::Null,
            Output::Sent => {
                let (ours, theirs) = pipe()?;
                self.0[number] = Some(ours);
                OpenOutput::Files(vec![theirs])
            }
        })
    }

    pub(super) fn pass_on(&mut self, channel: &mut Channel, place: u8) {
        for (output, kind) in self.0.iter_mut().zip([Kind::Stdout, Kind::Stderr]) {
            let mut chunk = vec![0; 64 * 1024];
            // A pipe holds 16 such chunks at most; if a process of the worker's writes on, the rest follows.
            for _ in 0..16 {
                let Some(end) = &*output else { break };
                match read(end, &mut chunk) {
                    Ok(count) if count > 0 => {
                        channel.send_bytes(kind, place, Bytes::copy_from_slice(&chunk[..count]));
                    }
                    Err(Errno::EAGAIN | Errno::EINTR) => break,
                    _ => *output = None,
                }
            }
        }
    }
}

impl Worker {
    pub(super) fn new(
        pid: u32,
        process: Process,
        link: ParentEnd,
        leads_group: bool,
        outputs: Outputs,
    ) -> Self {
        Self {
            process,
            pid,
            link,
            link_ended: false,
            leads_group,
            calls: Incoming::default(),
            outputs,
            reports: 0,
            receipts: VecDeque::new(),
            busy_nanos: 0,
            wants_replacement: false,
        }
    }

    pub(super) fn on_message(&mut self, message: &ToHost) {
        match message {
            ToHost::Signal(number) => match Signal::try_from(i32::from(*number)) {
                Ok(signal) if signal != Signal::SIGKILL => self.process.signal(signal),
                _ => {
                    if self.leads_group {
                        self.process.kill_group(self.pid);
                    }
                    self.process.kill();
                }
            },
            ToHost::SpareGroup => self.leads_group = false,
            ToHost::Stop => self.link.ask_to_stop(self.link.sent().saturating_sub(1)),
            ToHost::ReportsHandled(count) => {
                let count = (*count as usize).min(self.receipts.len());
                drop(self.receipts.drain(..count));
            }
            ToHost::Ping | ToHost::Start(_) | ToHost::Bye => {}
        }
    }

    /// Puts calls into the ring.
    pub(super) fn pass_calls(&mut self) {
        if self.put_calls().is_err() {
            self.process.kill();
        }
    }

    fn put_calls(&mut self) -> io::Result<()> {
        while let Some((frame, payload)) = self.calls.next()? {
            let payload = Bytes::from(payload);
            match frame {
                Frame::CallItem { entry, .. } => {
                    let index = self.link.sent();
                    self.link.send_part(entry, &payload, 0..payload.len())?;
                    self.link.ring_from(index);
                }
                other => self.link.send(other, &payload)?,
            }
        }
        self.link.publish()?;
        Ok(())
    }

    /// Passes on its news and results, and calls of which there was no room for everything. Returns whether there
    /// is more of that.
    pub(super) fn pass_on(&mut self, channel: &mut Channel, place: u8) -> io::Result<bool> {
        self.pass_news(channel, place)?;
        while self.link.fill()? != Progress::Pending {
            while self.link.reports_sent() > self.reports && !self.link_ended {
                // Reports of a task precede its result.
                let before = self.reports;
                self.pass_news(channel, place)?;
                if self.reports == before {
                    break;
                }
            }
            if self.link.wants_replacement() && !self.wants_replacement {
                self.wants_replacement = true;
                channel.send(place, &ToProgram::WantsReplacement);
            }
            let busy = self.link.busy_nanos();
            let (frame, payload) = whole(self.link.frame())?;
            let Frame::ResultItem { status, .. } = frame else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let nanos = busy.wrapping_sub(self.busy_nanos);
            self.busy_nanos = busy;
            send_frame(
                channel,
                Kind::Frames,
                place,
                Frame::ResultItem { index: nanos, status },
                payload,
            );
        }
        self.link.wake_worker();
        Ok(self.link.publish()? || self.link.has_results())
    }

    fn pass_news(&mut self, channel: &mut Channel, place: u8) -> io::Result<()> {
        while !self.link_ended {
            match self.link.fill_news(true) {
                Ok(Progress::Frame) => {}
                Ok(Progress::Pending) => break,
                Ok(Progress::Ended { .. }) | Err(_) => {
                    self.link_ended = true;
                    break;
                }
            }
            let (frame, payload) = whole(self.link.news())?;
            if matches!(frame, Frame::Report { .. }) {
                self.reports += 1;
                self.receipts.push_back(self.link.receipt());
            }
            if !matches!(frame, Frame::Bell | Frame::Skipped { .. }) {
                send_frame(channel, Kind::News, place, frame, payload);
            }
        }
        Ok(())
    }

    /// Returns the finished items of the chunk that it died of.
    pub(super) fn draft(&mut self) -> Option<Draft> {
        let items = self.link.draft(0).ok()?;
        Some(Draft(items, self.link.undrafted() as u32))
    }
}
