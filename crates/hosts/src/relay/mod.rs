//! A relay: this executable, started on a host by the launcher's command.
//!
//! ```text
//! dial ─▶ handshake ─▶ serve ─┬─ Start ──────▶ spawn a worker, with a link
//!                             ├─ frames ─────▶ into its calls ring
//!                             ├─ its results, news, output ──▶ to the server
//!                             ├─ it has ended ▶ reap, report
//!                             └─ Bye, end or silence of the connection ──▶ kill the workers, exit
//! ```
//!
//! Owns the workers of its host as a program owns those of a pool: it starts, kills and reaps them, and they exit
//! with it. One thread; it waits for nothing but `poll`.

mod worker;

use std::io::{self, ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::utsname::uname;
use procpool_launch::{
    Ends, Launcher, NewWorker, StartError, Started, Surroundings, differ_from_callers,
};
use procpool_link::ParentEnd;
use procpool_os::exit::{complain, exit_now};
use procpool_os::signal::mask_of;

use crate::build;
use crate::channel::{Arrived, Channel};
use crate::handshake::{Identity, Secret, Verdict, introduce};
use crate::message::{Kind, Start, ToHost, ToProgram, from_bytes};
use crate::sys::forget_variable;
use worker::{Outputs, Worker};

/// The argument by which a process knows that it is a relay.
pub(crate) const RELAY_ARGUMENT: &str = "--procpool-relay";

/// The variables with the program's address and the secret of the run.
pub(crate) const ADDRESS: &str = "PROCPOOL_HOSTS_ADDRESS";
pub(crate) const SECRET: &str = "PROCPOOL_HOSTS_SECRET";

/// The exit code of a relay that cannot serve.
const FAILED: i32 = 70;

/// How long dialling and each step of the handshake may take. Longer keeps relays whose program cannot be
/// reached; shorter gives up on slow networks.
const DIAL: Duration = Duration::from_secs(10);

/// How many workers a relay may have at once, as the server knows.
const PLACES: usize = 2;

/// How often a relay looks at what no descriptor reports.
const TICK: Duration = Duration::from_millis(100);

/// Becomes a relay if this process was started as one.
pub(crate) fn serve_if_started_to() {
    if std::env::args_os().nth(1).is_none_or(|first| first != RELAY_ARGUMENT) {
        return;
    }
    if differ_from_callers() {
        complain(&format!(
            "{RELAY_ARGUMENT} is not believed: this program has other privileges than its caller"
        ));
        exit_now(FAILED);
    }
    match Relay::dial().and_then(|mut relay| relay.serve()) {
        // The workers exit with this process; their exits were waited for where that was possible.
        Ok(()) => exit_now(0),
        // The pool is over. If it does not know this relay's secret, it says that no relay arrived.
        Err(why) if matches!(why.kind(), UnexpectedEof | ConnectionReset) => exit_now(0),
        Err(why) => {
            complain(&format!("the relay on {} ends: {why}", host_name()));
            exit_now(FAILED)
        }
    }
}

pub(crate) fn host_name() -> String {
    let name = uname().ok().and_then(|name| name.nodename().to_str().map(str::to_owned));
    name.unwrap_or_else(|| "an unnamed host".to_owned())
}

struct Relay {
    channel: Channel,
    silence: Duration,
    launcher: Launcher<ParentEnd>,
    workers: [Option<Worker>; PLACES],
}

impl Relay {
    fn dial() -> io::Result<Self> {
        let missing = || io::Error::other("it was not started by a pool's launcher");
        let variable = |name: &str| std::env::var(name).ok();
        let address = variable(ADDRESS).and_then(|text| text.parse::<SocketAddr>().ok());
        let secret = variable(SECRET).and_then(|text| Secret::from_text(&text));
        let (address, secret) = address.zip(secret).ok_or_else(missing)?;
        forget_variable(ADDRESS);
        forget_variable(SECRET);
        let dialled = TcpStream::connect_timeout(&address, DIAL);
        let stream = dialled.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("the program at {address} cannot be reached: {error}"),
            )
        })?;
        stream.set_read_timeout(Some(DIAL))?;
        stream.set_write_timeout(Some(DIAL))?;
        stream.set_nodelay(true)?;
        let identity = Identity { build: build::identity()?, host: host_name() };
        let (verdict, cipher) = introduce(&stream, &secret, &identity)?;
        let silence = match verdict {
            Verdict::Welcome { silence } => silence,
            Verdict::Refused(why) => return Err(io::Error::other(why)),
        };
        let mut channel = Channel::new(stream, cipher)?;
        // The first piece proves that this is no replay.
        channel.send_urgent(0, &ToProgram::Ping);
        let launcher = Launcher::spawn(|| {
            let (link, ends) =
                ParentEnd::pair().map_err(|(what, errno)| StartError { what, errno })?;
            Ok((link, Ends { socket: ends.socket, memory: ends.memory }))
        });
        Ok(Self { channel, silence, launcher, workers: [const { None }; PLACES] })
    }

    /// Serves until the program has no more use for this relay.
    fn serve(&mut self) -> io::Result<()> {
        let served = self.serve_program();
        for worker in self.workers.iter().flatten() {
            worker.process.kill_group(worker.pid);
            worker.process.end();
        }
        served
    }

    fn serve_program(&mut self) -> io::Result<()> {
        let tick = TICK.min(self.silence / 8).max(Duration::from_millis(1));
        let mut looked = Instant::now();
        let mut is_busy = false;
        loop {
            let is_empty = self.channel.flush()?;
            self.wait(!is_empty, if is_busy { Duration::ZERO } else { tick });
            let (arrived, is_open) = self.channel.read()?;
            for arrived in arrived {
                if !self.on_arrived(arrived)? {
                    return Ok(());
                }
            }
            if !is_open {
                return Ok(());
            }
            is_busy = false;
            for place in 0..PLACES {
                is_busy |= self.turn(place);
            }
            let now = Instant::now();
            if now.saturating_duration_since(looked) >= tick {
                looked = now;
                if self.channel.is_silent(now, self.silence) {
                    return Err(io::Error::other(format!(
                        "nothing was heard of the program for {:?}",
                        self.silence
                    )));
                }
                if self.channel.owes_ping(now, self.silence / 4) {
                    self.channel.send_urgent(0, &ToProgram::Ping);
                }
            }
        }
    }

    /// Waits until there is something to do, or for as long as that.
    fn wait(&self, wants_room: bool, timeout: Duration) {
        let mut flags = PollFlags::POLLIN;
        flags.set(PollFlags::POLLOUT, wants_room);
        let mut sources = vec![PollFd::new(self.channel.as_fd(), flags)];
        for worker in self.workers.iter().flatten() {
            sources.push(PollFd::new(worker.process.as_fd(), PollFlags::POLLIN));
            if !worker.link_ended {
                sources.push(PollFd::new(worker.link.as_fd(), PollFlags::POLLIN));
            }
            let outputs = worker.outputs.0.iter().flatten().filter(|_| !self.channel.is_full());
            sources.extend(outputs.map(|output| PollFd::new(output.as_fd(), PollFlags::POLLIN)));
        }
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        // It fails only if it is interrupted, or for lack of memory; the caller looks in any case.
        let _ = poll(&mut sources, timeout);
    }

    /// Returns `false` if that was the goodbye.
    fn on_arrived(&mut self, arrived: Arrived) -> io::Result<bool> {
        let Arrived { kind, place, bytes } = arrived;
        let index = usize::from(place) % PLACES;
        match kind {
            Kind::Message | Kind::Urgent => {
                let message = postcard::from_bytes(&bytes);
                let message = message.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
                match (message, &mut self.workers[index]) {
                    (ToHost::Bye, _) => return Ok(false),
                    (ToHost::Start(start), None) => match self.start(start) {
                        Ok(worker) => {
                            self.channel.send(place, &ToProgram::Started(worker.pid));
                            self.workers[index] = Some(worker);
                        }
                        Err(errno) => {
                            self.channel.send(place, &ToProgram::StartFailed(errno as i32))
                        }
                    },
                    (message, Some(worker)) => worker.on_message(&message),
                    (_, None) => {}
                }
            }
            Kind::Frames => {
                if let Some(worker) = &mut self.workers[index] {
                    worker.calls.push(&bytes);
                    worker.pass_calls();
                }
            }
            Kind::News | Kind::Stdout | Kind::Stderr => {}
        }
        Ok(true)
    }

    fn start(&self, start: Start) -> Result<Worker, Errno> {
        let Start { slot, leads_group, variables, mask, stdout, stderr } = start;
        let mut outputs = Outputs::default();
        let stdout = outputs.open(0, stdout)?;
        let stderr = outputs.open(1, stderr)?;
        let (variables, mask) = (from_bytes(variables), mask_of(mask));
        let surroundings =
            Surroundings { variables, stdout, stderr, process_groups: leads_group, mask };
        let new_worker = NewWorker { serial: 0, slot, surroundings: &surroundings, stderr: None };
        let started = self.launcher.start(new_worker).map_err(|error| error.errno)?;
        let Started { pid, process, link, .. } = started.ok_or(Errno::ENOSYS)?;
        Ok(Worker::new(pid, process, link, leads_group, outputs))
    }

    /// Passes on what a worker has sent, and its end. Returns whether it has more.
    fn turn(&mut self, place: usize) -> bool {
        let Some(worker) = &mut self.workers[place] else { return false };
        let place_byte = place as u8;
        // Checked before its links are read, so that nothing is missed that it sent before its end.
        let has_ended = worker.process.has_ended();
        let passed = worker.pass_on(&mut self.channel, place_byte);
        if has_ended || !self.channel.is_full() {
            worker.outputs.pass_on(&mut self.channel, place_byte);
        }
        if passed.is_err() {
            // It has overwritten the memory that it shares with this process.
            worker.process.kill();
        }
        if !has_ended || (passed.is_ok() && worker.link.has_results()) {
            return matches!(passed, Ok(true));
        }
        if worker.leads_group {
            worker.process.kill_group(worker.pid);
        }
        let Some(ended) = worker.process.reap() else { return false };
        let draft = passed.ok().and_then(|_| worker.draft());
        self.channel.send(place_byte, &ToProgram::Ended(ended, draft));
        self.workers[place] = None;
        false
    }
}
