//! A relay, as the server sees it: its connection and its seats.
//!
//! Owns what messages of a relay mean. Reports to the pool how its workers start and end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::signal::Signal;
use procpool_control::{Ended, HostName, Report};
use procpool_launch::Service;
use procpool_os::pipe::pipe;

use super::{CONNECTION, PLACES};
use crate::channel::{Arrived, Channel};
use crate::message::{Kind, ToHost, ToProgram};
use crate::seat::Seat;

/// Sends reports to the pool.
pub(super) trait Reports {
    fn report(&self, report: &Report, descriptor: Option<&OwnedFd>);
}

impl Reports for Service {
    fn report(&self, report: &Report, descriptor: Option<&OwnedFd>) {
        loop {
            let sent = procpool_control::send(&self.control, report, descriptor.map(AsFd::as_fd));
            match sent {
                // The manager reads it soon.
                Err(Errno::EAGAIN) => thread::sleep(Duration::from_millis(1)),
                // If the pool is gone, the lifeline says so.
                _ => return,
            }
        }
    }
}

/// A relay.
#[derive(Debug)]
pub(super) struct Host {
    name: HostName,
    pub(super) channel: Channel,
    /// Whether it has proved that it is not a replayed handshake.
    pub(super) is_proved: bool,
    /// Whether its connection has ended.
    pub(super) is_lost: bool,
    /// Whether it is watched for room for more.
    wants_room: bool,
    pub(super) seats: [Option<Seat>; PLACES as usize],
    /// Whether what its worker or the pool has sent makes no sense; it is killed.
    pub(super) confused: [bool; PLACES as usize],
}

impl Host {
    pub(super) fn new(name: HostName, channel: Channel) -> Self {
        let (seats, confused) = Default::default();
        Self { name, channel, is_proved: false, is_lost: false, wants_room: false, seats, confused }
    }

    pub(super) fn has_seats(&self) -> bool {
        self.seats.iter().any(Option::is_some)
    }

    pub(super) fn free_place(&self) -> Option<u8> {
        (0..PLACES).find(|place| self.seats[usize::from(*place)].is_none())
    }

    /// Takes what the relay has sent. Returns whether its connection is open.
    pub(super) fn read(&mut self, service: &Service) -> bool {
        // Bytes that nobody with the key has sent: as good as a connection that has ended.
        let Ok((arrived, is_open)) = self.channel.read() else { return false };
        self.is_proved |= !arrived.is_empty();
        for Arrived { kind, place, bytes } in arrived {
            let place = usize::from(place % PLACES);
            match kind {
                Kind::Message | Kind::Urgent => match postcard::from_bytes(&bytes) {
                    Ok(message) => self.on_message(place, message, service),
                    Err(_) => return false,
                },
                _ => {
                    if let Some(seat) = &mut self.seats[place]
                        && !self.confused[place]
                        && seat.take(kind, &bytes).is_err()
                    {
                        self.confuse(place);
                    }
                }
            }
        }
        is_open
    }

    fn on_message(&mut self, place: usize, message: ToProgram, service: &Service) {
        let Some(seat) = &mut self.seats[place] else { return };
        match message {
            ToProgram::Ping => {}
            ToProgram::Started(pid) => {
                let Ok((ended, alive)) = pipe() else {
                    self.channel.send_urgent(place as u8, &ToHost::Signal(Signal::SIGKILL as u8));
                    let errno = Errno::EMFILE as i32;
                    service.report(&Report::StartFailed { copied: true, errno }, None);
                    return;
                };
                seat.alive = Some(alive);
                let (serial, host) = (seat.request.serial, Some(self.name));
                service.report(&Report::Started { serial, pid, host }, Some(&ended));
                if self.confused[place] {
                    self.confuse(place);
                }
            }
            ToProgram::StartFailed(errno) => {
                self.seats[place] = None;
                service.report(&Report::StartFailed { copied: false, errno }, None);
            }
            ToProgram::WantsReplacement => seat.ask_for_replacement(),
            ToProgram::Ended(ended, draft) => seat.end(ended, draft),
        }
    }

    fn confuse(&mut self, place: usize) {
        self.confused[place] = true;
        self.channel.send_urgent(place as u8, &ToHost::Signal(Signal::SIGKILL as u8));
    }

    pub(super) fn wake(&mut self, place: usize, epoll: &Epoll) {
        if let Some(seat) = &self.seats[place]
            && !seat.wake()
        {
            // The pool has given the worker up.
            let _ = epoll.delete(seat.link());
            self.confuse(place);
        }
    }

    pub(super) fn pass_signals(&mut self, place: usize, epoll: &Epoll) {
        if let Some(seat) = &self.seats[place]
            && !seat.pass_signals(&mut self.channel)
        {
            let _ = epoll.delete(seat.lifeline());
            self.confuse(place);
        }
    }

    /// Gives each seat a turn. Returns whether one of them wants another.
    pub(super) fn turn(&mut self, service: &Service) -> bool {
        let mut is_busy = false;
        for place in 0..self.seats.len() {
            let Some(seat) = &mut self.seats[place] else { continue };
            let ended =
                if self.confused[place] { Ok(seat.ended()) } else { seat.turn(&mut self.channel) };
            match ended {
                Ok(Some(ended)) => self.vacate(place, ended, service),
                Ok(None) => is_busy |= seat.is_busy,
                Err(_) => self.confuse(place),
            }
        }
        is_busy
    }

    /// Reports the end of a worker, and frees its place.
    fn vacate(&mut self, place: usize, ended: Ended, service: &Service) {
        let Some(seat) = self.seats[place].take() else { return };
        let serial = seat.request.serial;
        match &seat.alive {
            Some(_) => service.report(&Report::Ended { serial, ended }, None),
            // Its start was not reported yet.
            None => {
                let errno = Errno::EHOSTUNREACH as i32;
                service.report(&Report::StartFailed { copied: false, errno }, None);
            }
        }
    }

    /// Writes what fits, and watches for room for the rest.
    pub(super) fn flush(&mut self, number: u64, epoll: &Epoll) -> io::Result<()> {
        let wants_room = !self.channel.flush()?;
        if wants_room != self.wants_room {
            self.wants_room = wants_room;
            let mut flags = EpollFlags::EPOLLIN;
            flags.set(EpollFlags::EPOLLOUT, wants_room);
            epoll.modify(&self.channel, &mut EpollEvent::new(flags, number * 8 + CONNECTION))?;
        }
        Ok(())
    }
}
