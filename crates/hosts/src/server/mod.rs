//! The server: a thread of the program that starts workers on other hosts and passes on what they and the pool
//! say to each other.
//!
//! ```text
//!                accept            Identity            a piece
//! listener ────────────▶ half open ────────▶ a host, unproved ──▶ a host ──silence, end──▶ lost
//!                           └─ 64 at most, HANDSHAKE
//! ```
//!
//! Owns the listener, the launcher's command, the connections and their seats. One thread waits for all of them:
//! it never waits for one of them, but for the pool's manager, which never waits for this thread.

mod host;
mod remote;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use procpool_control::{Ended, Report};
use procpool_launch::Service;

use crate::build;
use crate::channel::Channel;
use crate::command::{END, Launcher, Running};
use crate::handshake::{HalfOpen, Identity, Secret, Verdict};
use crate::message::ToHost;
use host::{Host, Reports};
use requests::{Parts, Waiting};

pub(crate) use remote::Remote;

/// How long a connection may take to prove what it is. Longer lets garbage occupy a descriptor for longer;
/// shorter refuses relays across a slow network.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How many connections may be half open. With more, the oldest is closed. More costs descriptors under
/// attack; fewer closes relays when many arrive at once.
const HALF_OPEN: usize = 64;

/// How often the server looks at what no descriptor reports. Longer notices the early end of the command, and
/// silence, later.
const TICK: Duration = Duration::from_millis(100);

/// How long a request waits for a relay that has no worker, once the first relay has arrived: while some of them have
/// not, and afterwards. Longer delays the news that hosts are missing or were lost; shorter refuses workers while
/// relays still arrive, or while one is about to be free.
const NOT_ARRIVED: Duration = Duration::from_secs(10);
const NO_HOST: Duration = Duration::from_secs(1);

/// How many workers a relay may have: one that serves, and one that waits until the first has left its slot.
const PLACES: u8 = 2;

/// The data of a descriptor's events: the number of its connection times 8, and one of these. The server's own have
/// the number 0.
const CONTROL: u64 = 0;
const LIFELINE: u64 = 1;
const LISTENER: u64 = 2;
const CONNECTION: u64 = 0;
const LINKS: u64 = 2;
const LIFELINES: u64 = 4;

fn run(mut service: Service, launcher: &Launcher) {
    let served = Server::start(&mut service, launcher).and_then(|mut server| {
        let served = server.serve();
        server.leave();
        served
    });
    if let Err(error) = served {
        service.report(&Report::GivesUp(error.to_string()), None);
    }
    // Dropped last: nothing is left.
    drop(service.alive);
}

/// See the module's header.
struct Server<'a> {
    service: &'a mut Service,
    silence: Duration,
    secret: Secret,
    build: String,
    epoll: Epoll,
    listener: TcpListener,
    command: Running,
    half_open: BTreeMap<u64, HalfOpen<TcpStream>>,
    hosts: BTreeMap<u64, Host>,
    /// Those that have more to pass on, and wait for their next turn.
    busy: BTreeSet<u64>,
    /// The number of the next connection.
    next: u64,
    /// How many relays have proved themselves so far.
    arrived: usize,
    /// Why a relay that knows the secret was refused.
    refused: Option<String>,
    /// Received for the worker that is requested next.
    parts: Parts,
    waiting: Option<(Waiting, Instant)>,
    looked: Instant,
}

impl<'a> Server<'a> {
    fn start(service: &'a mut Service, launcher: &Launcher) -> io::Result<Self> {
        let failed = |what: &'static str| {
            move |error: io::Error| io::Error::new(error.kind(), format!("{what} failed: {error}"))
        };
        let secret = Secret::random().map_err(failed("reading /dev/urandom"))?;
        let build = build::identity().map_err(failed("reading this program's file"))?;
        let listening = failed("listening for relays");
        let listener = TcpListener::bind(launcher.listen_address()).map_err(listening)?;
        listener.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let read = EpollFlags::EPOLLIN;
        epoll.add(&service.control, EpollEvent::new(read, CONTROL))?;
        epoll.add(&service.lifeline, EpollEvent::new(read, LIFELINE))?;
        epoll.add(&listener, EpollEvent::new(read, LISTENER))?;
        let command = launcher
            .start(service.slots, listener.local_addr()?, &secret, &service.mask)
            .map_err(failed("starting the launcher's command"))?;
        Ok(Self {
            service,
            silence: launcher.longest_silence(),
            secret,
            build,
            epoll,
            listener,
            command,
            half_open: BTreeMap::new(),
            hosts: BTreeMap::new(),
            busy: BTreeSet::new(),
            next: 1,
            arrived: 0,
            refused: None,
            parts: Parts::default(),
            waiting: None,
            looked: Instant::now(),
        })
    }

    /// Serves until the pool ends it, or until no relay is left and none will arrive, which is the error.
    fn serve(&mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        let tick = TICK.min(self.silence / 8).max(Duration::from_millis(1));
        let timeout = EpollTimeout::try_from(tick.as_millis() as i32).unwrap_or(EpollTimeout::MAX);
        loop {
            let timeout = if self.busy.is_empty() { timeout } else { EpollTimeout::ZERO };
            let count = match self.epoll.wait(&mut events, timeout) {
                Err(Errno::EINTR) => 0,
                other => other?,
            };
            for event in &events[..count] {
                match event.data() {
                    LIFELINE => return Ok(()),
                    CONTROL => self.read_requests(),
                    LISTENER => self.accept(),
                    number => self.on_connection(number / 8, number % 8),
                }
            }
            for number in std::mem::take(&mut self.busy) {
                self.turn(number);
            }
            let now = Instant::now();
            if now.saturating_duration_since(self.looked) >= tick {
                self.look_around(now)?;
            }
            self.start_waiting(now);
        }
    }

    /// Says goodbye to every relay, which makes it kill its workers and exit.
    fn leave(&mut self) {
        for host in self.hosts.values_mut() {
            host.channel.send_urgent(0, &ToHost::Bye);
            // If it does not fit, the end of the connection says the same.
            let _ = host.channel.flush();
        }
        self.hosts.clear();
        self.half_open.clear();
        // A relay that comes too late learns that it does. If none has come, the command may be in a queue.
        let deadline = Instant::now() + END;
        while self.arrived > 0 && self.command.ended().is_none() && Instant::now() < deadline {
            while self.listener.accept().is_ok() {}
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn accept(&mut self) {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // No descriptor is free, or the connection has ended already.
                Err(_) => return thread::sleep(Duration::from_millis(1)),
            };
            if self.half_open.len() >= HALF_OPEN {
                self.half_open.pop_first();
            }
            let number = self.next;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, number * 8 + CONNECTION);
            if stream.set_nonblocking(true).is_err() || self.epoll.add(&stream, event).is_err() {
                continue;
            }
            self.next += 1;
            self.half_open.insert(number, HalfOpen::new(stream, Instant::now() + HANDSHAKE));
        }
    }

    fn on_connection(&mut self, number: u64, what: u64) {
        if let Some(half_open) = self.half_open.get_mut(&number) {
            match half_open.read(&self.secret) {
                Ok((identity, answer)) => {
                    if let Some(half_open) = self.half_open.remove(&number) {
                        self.admit(number, half_open, identity, answer);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => drop(self.half_open.remove(&number)),
            }
            return;
        }
        let Some(host) = self.hosts.get_mut(&number) else { return };
        let place = (what % 2) as usize;
        match what - what % 2 {
            CONNECTION => {
                let was_proved = host.is_proved;
                let is_open = host.read(self.service);
                if host.is_proved && !was_proved {
                    self.arrived += 1;
                    if self.arrived == 1 {
                        self.service.report(&Report::Ready, None);
                    }
                }
                if !is_open {
                    return self.lose(number);
                }
            }
            LINKS => host.wake(place, &self.epoll),
            LIFELINES => host.pass_signals(place, &self.epoll),
            _ => {}
        }
        self.turn(number);
    }

    /// Answers a relay that knows the secret, or has replayed the message of one.
    fn admit(
        &mut self,
        number: u64,
        half_open: HalfOpen<TcpStream>,
        identity: Identity,
        answer: crate::handshake::Answer,
    ) {
        let Identity { build, host } = identity;
        let verdict = if build == self.build {
            Verdict::Welcome { silence: self.silence }
        } else {
            Verdict::Refused(format!(
                "host {host} runs another build of the program ({build}) than this one ({})",
                self.build
            ))
        };
        let Ok((stream, cipher)) = half_open.answer(answer, &verdict) else { return };
        if let Verdict::Refused(why) = verdict {
            self.refused.get_or_insert(why);
            return;
        }
        // Replays of one message, at most as many as half-open connections.
        let mut unproved = self.hosts.iter().filter(|(_, host)| !host.is_proved && !host.is_lost);
        if let Some((oldest, _)) = unproved.next()
            && unproved.count() >= HALF_OPEN
        {
            self.lose(*oldest);
        }
        if let Ok(channel) = Channel::new(stream, cipher) {
            self.hosts.insert(number, Host::new(host.into(), channel));
        }
    }

    /// Passes on what can be passed on at once between a relay and its seats.
    fn turn(&mut self, number: u64) {
        let Some(host) = self.hosts.get_mut(&number) else { return };
        if host.turn(self.service) {
            self.busy.insert(number);
        }
        if host.is_lost {
            // Results that have arrived count: it stays until the pool has read them.
            if !host.has_seats() {
                self.hosts.remove(&number);
            }
        } else if host.flush(number, &self.epoll).is_err() {
            self.lose(number);
        }
    }

    /// The connection has ended, or the host is silent: its workers are lost.
    fn lose(&mut self, number: u64) {
        let Some(host) = self.hosts.get_mut(&number) else { return };
        host.is_lost = true;
        let _ = self.epoll.delete(&host.channel);
        for seat in host.seats.iter_mut().flatten() {
            seat.end(Ended::WITH_HOST, None);
        }
        self.turn(number);
    }

    /// Looks for everything that no descriptor reports.
    fn look_around(&mut self, now: Instant) -> io::Result<()> {
        self.looked = now;
        self.half_open.retain(|_, half_open| now < half_open.deadline);
        let numbers: Vec<u64> = self.hosts.keys().copied().collect();
        for number in numbers {
            let Some(host) = self.hosts.get_mut(&number) else { continue };
            if !host.is_lost && host.channel.is_silent(now, self.silence) {
                self.lose(number);
                continue;
            }
            if host.channel.owes_ping(now, self.silence / 4) {
                host.channel.send_urgent(0, &ToHost::Ping);
            }
            self.turn(number);
        }
        if let Some(why) = self.refused.take() {
            return Err(io::Error::other(why));
        }
        if !self.hosts.is_empty() || !self.half_open.is_empty() {
            return Ok(());
        }
        match self.command.ended() {
            Some((status, lines)) if self.arrived > 0 || !status.success() => {
                let what =
                    if self.arrived == 0 { "no relay arrived" } else { "every relay is gone" };
                let lines: String = lines.lines().map(|line| format!("\n  {line}")).collect();
                let said = if lines.is_empty() { "" } else { "; it last wrote to stderr:" };
                Err(io::Error::other(format!(
                    "{what}, and the launcher's command has ended: {status}{said}{lines}"
                )))
            }
            None if self.arrived >= self.service.slots => {
                Err(io::Error::other("every relay is gone"))
            }
            _ => Ok(()),
        }
    }
}
