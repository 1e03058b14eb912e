//! The pool's requests: workers to start, and which relay starts them.
//!
//! Owns the choice of a relay. There is one request at a time; it waits until a relay is free.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::epoll::{EpollEvent, EpollFlags};
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use procpool_control::{Report, Request, StartRequest};
use procpool_link::{Socket, WorkerEnd};
use procpool_os::signal::bits_of;

use super::host::{Host, Reports};
use super::{LIFELINES, LINKS, NO_HOST, NOT_ARRIVED, Server};
use crate::message::{Start, ToHost, to_bytes};
use crate::seat::{Seat, Stream};

#[derive(Debug, Default)]
pub(super) struct Parts {
    memory: Option<OwnedFd>,
    lifeline: Option<OwnedFd>,
    streams: [Stream; 2],
}

/// A request that waits for a relay.
#[derive(Debug)]
pub(super) struct Waiting {
    request: StartRequest,
    parts: Parts,
    socket: OwnedFd,
}

impl Server<'_> {
    pub(super) fn read_requests(&mut self) {
        // Otherwise the pool is gone, and the lifeline says so.
        while let Ok(Some(packet)) = self.service.control.receive() {
            let descriptor = packet.descriptor;
            match procpool_control::decode(&packet.bytes) {
                Some(Request::Stream { number, null }) => {
                    let stream = match descriptor.filter(|_| !null) {
                        Some(file) => Stream::File(File::from(file)),
                        None => Stream::Null,
                    };
                    self.parts.streams[usize::from(number == 2)] = stream;
                }
                Some(Request::Memory) => self.parts.memory = descriptor,
                Some(Request::Lifeline) => self.parts.lifeline = descriptor,
                Some(Request::Start(request)) => {
                    let parts = std::mem::take(&mut self.parts);
                    match descriptor {
                        Some(socket) => {
                            let waiting = Waiting { request, parts, socket };
                            self.waiting = Some((waiting, Instant::now()));
                        }
                        None => self.report_failure(Errno::EMFILE as i32),
                    }
                }
                Some(Request::Kill(serial)) => {
                    self.tell_worker(serial, &ToHost::Signal(Signal::SIGKILL as u8));
                }
                Some(Request::SpareGroup(serial)) => {
                    self.tell_worker(serial, &ToHost::SpareGroup);
                }
                None => {}
            }
        }
    }

    fn tell_worker(&mut self, serial: u64, message: &ToHost) {
        let is =
            |seat: &Option<Seat>| seat.as_ref().is_some_and(|seat| seat.request.serial == serial);
        let numbers: Vec<u64> = self.hosts.keys().copied().collect();
        for number in numbers {
            let Some(host) = self.hosts.get_mut(&number) else { continue };
            if let Some(place) = host.seats.iter().position(is) {
                host.channel.send_urgent(place as u8, message);
                return self.turn(number);
            }
        }
    }

    fn report_failure(&self, errno: i32) {
        self.service.report(&Report::StartFailed { copied: false, errno }, None);
    }

    /// Has a relay start the worker that waits for one.
    pub(super) fn start_waiting(&mut self, now: Instant) {
        let Some((waiting, since)) = &self.waiting else { return };
        let slot = waiting.request.slot;
        let is_free = |host: &Host| host.is_proved && !host.is_lost && !host.has_seats();
        // A worker that replaces one waits beside it.
        let serves = |seat: &Seat| seat.request.slot == slot;
        let is_beside = |host: &Host| !host.is_lost && host.seats.iter().flatten().any(serves);
        let found =
            self.hosts.iter().find(|(_, host)| is_beside(host) && host.free_place().is_some());
        let found = found.or_else(|| self.hosts.iter().find(|(_, host)| is_free(host)));
        let Some(number) = found.map(|(number, _)| *number) else {
            let patience = if self.arrived < self.service.slots { NOT_ARRIVED } else { NO_HOST };
            if self.arrived > 0 && now.saturating_duration_since(*since) > patience {
                self.waiting = None;
                self.report_failure(Errno::EHOSTUNREACH as i32);
            }
            return;
        };
        let Some((waiting, _)) = self.waiting.take() else { return };
        if let Err(errno) = self.seat(number, waiting) {
            self.report_failure(errno as i32);
        }
        self.turn(number);
    }

    fn seat(&mut self, number: u64, waiting: Waiting) -> Result<(), Errno> {
        let Waiting { request, parts, socket } = waiting;
        let Parts { memory, lifeline, streams } = parts;
        let host = self.hosts.get_mut(&number).ok_or(Errno::EHOSTUNREACH)?;
        let place = host.free_place().ok_or(Errno::EHOSTUNREACH)?;
        let (memory, lifeline) = memory.zip(lifeline).ok_or(Errno::EMFILE)?;
        let link = WorkerEnd::new(Socket::from(socket), memory, getpid());
        let link = link.map_err(|_| Errno::ENOMEM)?;
        let seat = Seat::new(request, place, link, lifeline, streams);
        let read = EpollFlags::EPOLLIN;
        let number = number * 8 + u64::from(place);
        self.epoll.add(seat.link(), EpollEvent::new(read, number + LINKS))?;
        self.epoll.add(seat.lifeline(), EpollEvent::new(read, number + LIFELINES))?;
        let [stdout, stderr] = seat.outputs();
        let start = Start {
            slot: request.slot,
            leads_group: request.leads_group,
            variables: to_bytes(&self.service.variables),
            mask: bits_of(&self.service.mask),
            stdout,
            stderr,
        };
        host.channel.forget(place);
        host.channel.send(place, &ToHost::Start(start));
        host.seats[usize::from(place)] = Some(seat);
        host.confused[usize::from(place)] = false;
        Ok(())
    }
}
