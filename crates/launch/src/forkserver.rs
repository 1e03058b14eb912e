//! The parent's side of a forkserver, whether it was spawned or forked.
//!
//! ```text
//! Absent ──start──▶ Starting ──Preloading──▶ Preloading ──Ready──▶ Ready
//!                   (forked ones begin here)
//! any ──its process ended──▶ Absent, or Gone if it was a copy of the program
//! any ──the pool is over───▶ Gone
//! ```
//!
//! Owns the server's process and the socket to it, and the link of the worker that was asked for: one
//! at a time, so that its answer needs no table. Never blocks; what it learns comes out of
//! [`news`](Forkserver::news), in the order in which the server said it. Knows nothing of what the
//! pool makes of that.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::SigSet;
use nix::sys::stat::stat;
use nix::unistd::{Pid, getpid};
use procpool_os::code::FunctionRef;
use procpool_os::exit::exit_now;
use procpool_os::poller::Poller;
use procpool_os::signal::{bits_of, block_all, forget_handlers, set_mask};

use crate::ended::Ended;
use crate::report::{self, Report, Request, Worker};
use crate::sys::fork::{count_threads, fork, keep_only, set_variables};
use crate::sys::lifeline::Lifeline;
use crate::sys::packet::{self, PacketSocket};
use crate::sys::process::{PidFd, Stream, Surroundings, name_refused, spawn_self};
use crate::{
    Connect, ForkError, Newcomer, Place, Process, Roles, SERVER_ARGUMENT, StartError, Started,
    check_privileges, make_lifeline, server,
};

/// See the module's header.
#[derive(Debug)]
pub struct Forkserver<L> {
    preload: Option<FunctionRef>,
    /// Whether it is a copy of the program, of which there can be no second.
    is_copy: bool,
    phase: Phase,
    server: Option<Server>,
    /// The worker that the server was asked for.
    asked: Option<(u64, L, Lifeline)>,
}

/// A part of a forkserver's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There is no process. The next start makes one.
    Absent,
    /// The process has not reached `init()`.
    Starting,
    /// It runs `preload`.
    Preloading,
    /// It forks workers.
    Ready,
    /// There is no process, and there will be none.
    Gone,
}

/// The reason why a forkserver cannot be forked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotForkable {
    /// `preload` panicked; the report is that of [`Roles::preload`].
    Panicked(Vec<u8>),
    /// It had so many threads before `preload` ran.
    ThreadsBefore(usize),
    /// It had so many threads after `preload` had run.
    ThreadsAfter(usize),
}

/// A server that was started and has not been reaped. Dropping it ends it, and waits for that.
#[derive(Debug)]
struct Server {
    pid: u32,
    process: Process,
    control: PacketSocket,
    /// Whether the poller watches it.
    watched: bool,
}

/// What a server told.
#[derive(Debug)]
pub enum News<L> {
    /// Workers can be asked for.
    Ready,
    /// It, with this pid, cannot be forked, and ends.
    Failed(u32, NotForkable),
    /// The worker that was asked for, and the number that it was asked for under.
    Started(u64, Box<Started<L>>),
    /// The worker that was asked for could not be started.
    StartFailed(StartError),
    /// How a worker ended.
    Ended(u64, Ended),
    /// The server ends, and why.
    GivesUp(String),
}

impl<L> Forkserver<L> {
    /// One that is started with the first worker.
    pub(crate) fn absent(preload: Option<FunctionRef>) -> Self {
        Self { preload, is_copy: false, phase: Phase::Absent, server: None, asked: None }
    }

    /// Forks one from this process.
    ///
    /// # Errors
    ///
    /// The process has a second thread, or the system refuses something.
    pub(crate) fn fork(
        roles: Roles,
        preload: Option<fn()>,
        place: &Place,
    ) -> Result<Self, ForkError> {
        let failed = |what| move |errno| ForkError::Refused(StartError { what, errno });
        let threads = count_threads().map_err(failed("a count of its threads in /proc"))?;
        if threads != 1 {
            return Err(ForkError::HasThreads(threads));
        }
        let (control, theirs) = packet::pair().map_err(failed("a socket pair"))?;
        let (lifeline, held) = make_lifeline().map_err(ForkError::Refused)?;
        // The copy needs it, and could not report that it is missing.
        stat("/dev/null").map_err(failed("a process that reads /dev/null"))?;
        let parent = getpid();
        // Until the server has handlers of its own.
        let mask = block_all();
        let copied = fork().map(|pid| {
            pid.unwrap_or_else(|| {
                forget_handlers();
                set_variables(&place.variables);
                if keep_only(&[theirs.as_fd(), held.as_fd()]).is_err() {
                    exit_now(server::CONFUSED);
                }
                server::run(roles, theirs, held, parent, mask, preload)
            })
        });
        set_mask(&mask);
        let pid = copied.map_err(failed("a process"))?;
        let server = Server::new(pid, lifeline, control).map_err(failed("a process descriptor"))?;
        let (phase, server) = (Phase::Starting, Some(server));
        Ok(Self { preload: None, is_copy: true, phase, server, asked: None })
    }

    /// Asks for a worker, under a number; starts the server first if there is none, and then only
    /// that.
    ///
    /// # Errors
    ///
    /// The system refuses something, or the server is gone.
    pub(crate) fn start(
        &mut self,
        newcomer: Newcomer<'_>,
        connect: Connect<L>,
    ) -> Result<(), StartError> {
        match (&self.server, self.phase) {
            (None, Phase::Absent) => {
                self.server = Some(self.spawn(newcomer.place)?);
                self.phase = Phase::Starting;
                Ok(())
            }
            (Some(server), Phase::Ready) => {
                debug_assert!(self.asked.is_none(), "one at a time");
                let (link, ends) = connect()?;
                let (lifeline, held) = make_lifeline()?;
                let Newcomer { serial, slot, place, .. } = newcomer;
                let leads_group = place.process_groups;
                let start = Request::Start(Worker { serial, slot, leads_group });
                let control = &server.control;
                send_stream(control, 1, newcomer.stdout())
                    .and_then(|()| send_stream(control, 2, newcomer.stderr()))
                    .and_then(|()| send_end(control, &Request::Memory, &ends.memory))
                    .and_then(|()| send_end(control, &Request::Lifeline, &held))
                    .and_then(|()| send_end(control, &start, &ends.socket))
                    .or_else(|errno| match errno {
                        // It has died, which its process descriptor says next: that is the cause.
                        Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN => Ok(()),
                        _ => Err(StartError { what: "a request to the server", errno }),
                    })?;
                self.asked = Some((serial, link, lifeline));
                Ok(())
            }
            (Some(_), Phase::Starting | Phase::Preloading) => Ok(()),
            _ => Err(StartError { what: "a worker of a server that is gone", errno: Errno::ESRCH }),
        }
    }

    fn spawn(&self, place: &Place) -> Result<Server, StartError> {
        check_privileges()?;
        let failed = |what| move |errno| StartError { what, errno };
        let (control, theirs) = packet::pair().map_err(failed("a socket pair"))?;
        let (lifeline, held) = make_lifeline()?;
        let [number, held_number] = [theirs.as_fd(), held.as_fd()].map(|end| end.as_raw_fd());
        let mask = bits_of(&place.mask);
        let mut argument = format!("{number}:{held_number}:{}:{mask}", getpid());
        if let Some(FunctionRef { offset, tag }) = self.preload {
            argument += &format!(":{offset}:{tag}");
        }
        let arguments = [SERVER_ARGUMENT.to_owned(), argument];
        let surroundings = Surroundings {
            stdout: Stream::Inherited,
            stderr: Stream::Inherited,
            inherited: &[theirs.as_fd(), held.as_fd()],
            variables: &place.variables,
            // Until it has handlers of its own.
            mask: SigSet::all(),
            leads_group: false,
        };
        let pid = spawn_self(&arguments, &surroundings)
            .map_err(|errno| StartError { what: name_refused(errno), errno })?;
        Server::new(pid, lifeline, control).map_err(failed("a process descriptor"))
    }

    /// Has `poller` watch the server, under `number` whatever happens to it, once.
    ///
    /// # Errors
    ///
    /// The poller's.
    pub fn watch(&mut self, poller: &Poller, number: u64) -> nix::Result<()> {
        if let Some(server) = &mut self.server
            && !std::mem::replace(&mut server.watched, true)
        {
            poller.add(&server.process, number)?;
            poller.add(&server.control, number)?;
        }
        Ok(())
    }

    /// Returns the server's pid and its phase; `None` when there is none.
    pub fn identity(&self) -> Option<(u32, Phase)> {
        self.server.as_ref().map(|server| (server.pid, self.phase))
    }

    /// Whether a worker was asked for that may exist.
    pub fn owes_worker(&self) -> bool {
        self.asked.is_some()
    }

    /// Returns the next of what the server has told.
    pub fn news(&mut self, poller: &Poller) -> Option<News<L>> {
        loop {
            let server = self.server.as_ref()?;
            let packet = match server.control.receive() {
                Ok(Some(packet)) => packet,
                // ECONNRESET: it has ended with a request unread. That is said once, before what it sent.
                Err(Errno::EINTR | Errno::ECONNRESET) => continue,
                Err(Errno::EAGAIN) => return None,
                // Its process descriptor tells the rest.
                Ok(None) | Err(_) => {
                    poller.remove(&server.control);
                    return None;
                }
            };
            let Some(report) = report::decode(&packet.bytes) else {
                // Its memory cannot be right.
                server.process.kill();
                return None;
            };
            let process = packet.descriptor.map(PidFd::from);
            if let Some(news) = self.make_news(report, process) {
                return Some(news);
            }
        }
    }

    fn make_news(&mut self, report: Report, process: Option<PidFd>) -> Option<News<L>> {
        match report {
            Report::Preloading => {
                self.phase = Phase::Preloading;
                None
            }
            Report::Ready => {
                self.phase = Phase::Ready;
                Some(News::Ready)
            }
            Report::PreloadPanicked(panic) => self.failed(NotForkable::Panicked(panic)),
            Report::HasThreads { threads, preloaded: false } => {
                self.failed(NotForkable::ThreadsBefore(threads))
            }
            Report::HasThreads { threads, preloaded: true } => {
                self.failed(NotForkable::ThreadsAfter(threads))
            }
            Report::Started { id, pid } => {
                let (_, link, lifeline) = self.asked.take()?;
                let Some(process) = process else {
                    // A worker that cannot be named cannot be owned.
                    let control = &self.server.as_ref()?.control;
                    let _ = report::send(control, &Request::Kill(id), None);
                    let errno = Errno::EMFILE;
                    return Some(News::StartFailed(StartError {
                        what: "a process descriptor",
                        errno,
                    }));
                };
                let process = Process::of_server(process, lifeline);
                Some(News::Started(id, Box::new(Started { pid, process, link })))
            }
            Report::StartFailed { copied, errno } => {
                self.asked = None;
                let errno = Errno::from_raw(errno);
                let what = if copied {
                    "a process descriptor in the server"
                } else {
                    "a copy of the server"
                };
                Some(News::StartFailed(StartError { what, errno }))
            }
            Report::GivesUp(refused) => Some(News::GivesUp(refused)),
            Report::Ended { id, ended } => Some(News::Ended(id, ended)),
        }
    }

    fn failed(&self, why: NotForkable) -> Option<News<L>> {
        Some(News::Failed(self.server.as_ref()?.pid, why))
    }

    /// Says that a worker was asked to leave, for which its group must not be killed.
    pub fn leaves(&self, serial: u64) {
        if let Some(server) = &self.server {
            // A server that takes nothing more is about to be given up.
            let _ = report::send(&server.control, &Request::Leaves(serial), None);
        }
    }

    /// Kills the server, whose end is then told as any other.
    pub fn kill(&self) {
        if let Some(server) = &self.server {
            server.process.kill();
        }
    }

    /// Whether it is a copy of the program, so that there can be no second one.
    pub fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// Whether the server has ended, which is known before it is reaped.
    pub fn has_ended(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.process.has_ended())
    }

    /// Says who has ended, how, and while doing what, if the server has. Then there is none any
    /// more, and no word will come of its workers; the next start starts another one.
    pub fn reap(&mut self, poller: &Poller) -> Option<(u32, Ended, Phase)> {
        let (pid, phase) = self.identity()?;
        let ended = self.server.as_ref()?.process.reap()?;
        self.end(poller);
        if !self.is_copy {
            self.phase = Phase::Absent;
        }
        Some((pid, ended, phase))
    }

    /// Ends the server, and waits for that.
    pub fn end(&mut self, poller: &Poller) {
        if let Some(server) = self.server.take() {
            poller.remove(&server.process);
            poller.remove(&server.control);
        }
        (self.asked, self.phase) = (None, Phase::Gone);
    }
}

/// Sends a request, and what the worker is to be given with it.
fn send_end(control: &PacketSocket, request: &Request, end: &OwnedFd) -> nix::Result<()> {
    report::send(control, request, Some(end.as_fd()))
}

/// Says what a stream of the worker is that is asked for next, unless it is the server's own.
fn send_stream(control: &PacketSocket, number: i32, stream: Stream<'_>) -> nix::Result<()> {
    let request = |null| Request::Stream { number, null };
    match stream {
        Stream::Inherited => Ok(()),
        Stream::Null => report::send(control, &request(true), None),
        Stream::Descriptor(fd) => report::send(control, &request(false), Some(fd)),
    }
}

impl Server {
    fn new(pid: Pid, lifeline: Lifeline, control: PacketSocket) -> nix::Result<Self> {
        let process = Process::child(PidFd::of_child(pid)?, lifeline);
        Ok(Self { pid: pid.as_raw() as u32, process, control, watched: false })
    }
}

impl Drop for Server {
    /// One that was reaped already is neither killed nor waited for.
    fn drop(&mut self) {
        self.process.end();
    }
}
