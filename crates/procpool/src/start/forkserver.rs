//! The parent's side of a server: `StartMethod::Forkserver` and, once it runs, `StartMethod::Fork`.
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

use super::method::Plan;
use super::report::{self, Report, Request, Worker};
use super::{
    Newcomer, Place, Process, SERVER_ARGUMENT, StartError, Started, check_privileges,
    make_lifeline, make_link, server,
};
use crate::error::{Activity, BrokenCause, Error};
use crate::link::WorkerLink;
use crate::sys::fork::{count_threads, fork, keep_only, set_variables};
use crate::sys::lifeline::Lifeline;
use crate::sys::packet::{self, PacketSocket};
use crate::sys::poller::Poller;
use crate::sys::process::{Ended, PidFd, Stream, Surroundings, exit_now, name_refused, spawn_self};
use crate::sys::signal::{bits_of, block_all, forget_handlers, set_mask};
use crate::wire::FunctionRef;

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Forkserver {
    preload: Option<FunctionRef>,
    /// Whether it is a copy of the program, of which there can be no second.
    is_copy: bool,
    stage: Stage,
    server: Option<Server>,
    /// The worker that the server was asked for.
    asked: Option<(u64, WorkerLink, Lifeline)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Absent,
    Starting,
    Preloading,
    Ready,
    Gone,
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
pub(crate) enum News {
    /// Workers can be asked for.
    Ready,
    /// It cannot be forked, and ends.
    Failed(BrokenCause),
    /// The worker that was asked for, and the number that it was asked for under.
    Started(u64, Box<Started>),
    StartFailed(StartError),
    /// How a worker ended.
    Ended(u64, Ended),
    /// The server ends, and why.
    GivesUp(String),
}

impl Forkserver {
    /// One that is started with the first worker.
    pub(super) fn absent(preload: Option<FunctionRef>) -> Self {
        Self { preload, is_copy: false, stage: Stage::Absent, server: None, asked: None }
    }

    /// Forks one from this process.
    ///
    /// # Errors
    ///
    /// The process has a second thread, or the system refuses something.
    pub(super) fn fork(plan: Plan, place: &Place) -> Result<Self, Error> {
        let setup = Error::setup;
        let threads = count_threads().map_err(setup("a count of its threads in /proc"))?;
        if threads != 1 {
            return Err(Error::ForkWithThreads { threads });
        }
        let (control, theirs) = packet::pair().map_err(setup("a socket pair"))?;
        let (lifeline, held) = Lifeline::new().map_err(setup("a pipe"))?;
        // The copy needs it, and could not report that it is missing.
        stat("/dev/null").map_err(setup("a process that reads /dev/null"))?;
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
                server::run(theirs, held, parent, mask, plan.preload)
            })
        });
        set_mask(&mask);
        let pid = copied.map_err(setup("a process"))?;
        let server = Server::new(pid, lifeline, control).map_err(setup("a process descriptor"))?;
        let (stage, server) = (Stage::Starting, Some(server));
        Ok(Self { preload: None, is_copy: true, stage, server, asked: None })
    }

    /// Asks for a worker, under a number; starts the server first if there is none, and then only
    /// that.
    ///
    /// # Errors
    ///
    /// The system refuses something, or the server is gone.
    pub(super) fn start(&mut self, newcomer: Newcomer<'_>) -> Result<(), StartError> {
        match (&self.server, self.stage) {
            (None, Stage::Absent) => {
                self.server = Some(self.spawn(newcomer.place)?);
                self.stage = Stage::Starting;
                Ok(())
            }
            (Some(server), Stage::Ready) => {
                debug_assert!(self.asked.is_none(), "one at a time");
                let (link, lifeline, ends) = make_link()?;
                let Newcomer { serial, id, place, .. } = newcomer;
                let leads_group = place.process_groups;
                let start = Request::Start(Worker { serial, id, leads_group });
                let control = &server.control;
                send_stream(control, 1, newcomer.stdout())
                    .and_then(|()| send_stream(control, 2, newcomer.stderr()))
                    .and_then(|()| send_end(control, &Request::Memory, &ends.memory))
                    .and_then(|()| send_end(control, &Request::Lifeline, &ends.lifeline))
                    .and_then(|()| send_end(control, &start, &ends.socket))
                    .or_else(|errno| match errno {
                        // It has died, which its process descriptor says next: that is the cause.
                        Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN => Ok(()),
                        _ => Err(StartError { what: "a request to the server", errno }),
                    })?;
                self.asked = Some((serial, link, lifeline));
                Ok(())
            }
            (Some(_), Stage::Starting | Stage::Preloading) => Ok(()),
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
    pub(crate) fn watch(&mut self, poller: &Poller, number: u64) -> nix::Result<()> {
        if let Some(server) = &mut self.server
            && !std::mem::replace(&mut server.watched, true)
        {
            poller.add(&server.process, number)?;
            poller.add(&server.control, number)?;
        }
        Ok(())
    }

    /// The server's pid and what it does; `None` when there is none.
    pub(crate) fn identity(&self) -> Option<(u32, Activity)> {
        let activity = match self.stage {
            Stage::Absent | Stage::Starting => Activity::Starting,
            Stage::Preloading => Activity::Preloading,
            Stage::Ready | Stage::Gone => Activity::Idle,
        };
        self.server.as_ref().map(|server| (server.pid, activity))
    }

    /// Whether a worker was asked for that may exist.
    pub(crate) fn owes_worker(&self) -> bool {
        self.asked.is_some()
    }

    /// Returns the next of what the server has told.
    pub(crate) fn news(&mut self, poller: &Poller) -> Option<News> {
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

    fn make_news(&mut self, report: Report, process: Option<PidFd>) -> Option<News> {
        match report {
            Report::Preloading => {
                self.stage = Stage::Preloading;
                None
            }
            Report::Ready => {
                self.stage = Stage::Ready;
                Some(News::Ready)
            }
            Report::PreloadPanicked(panic) => Some(News::Failed(BrokenCause::PreloadPanicked {
                pid: self.server.as_ref()?.pid,
                panic,
            })),
            Report::HasThreads { threads, preloaded } => {
                let pid = self.server.as_ref()?.pid;
                Some(News::Failed(if preloaded {
                    BrokenCause::PreloadLeftThreads { pid, threads }
                } else {
                    BrokenCause::ThreadsBeforeInit { pid, threads }
                }))
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

    /// Says that a worker was asked to leave, for which its group must not be killed.
    pub(crate) fn leaves(&self, serial: u64) {
        if let Some(server) = &self.server {
            // A server that takes nothing more is about to be given up.
            let _ = report::send(&server.control, &Request::Leaves(serial), None);
        }
    }

    /// Kills the server, whose end is then told as any other.
    pub(crate) fn kill(&self) {
        if let Some(server) = &self.server {
            server.process.kill();
        }
    }

    /// Whether it is a copy of the program, so that there can be no second one.
    pub(crate) fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// Whether the server has ended, which is known before it is reaped.
    pub(crate) fn has_ended(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.process.has_ended())
    }

    /// Says who has ended, how, and while doing what, if the server has. Then there is none any
    /// more, and no word will come of its workers; the next [`start`](Self::start) starts another one.
    pub(crate) fn reap(&mut self, poller: &Poller) -> Option<(u32, Ended, Activity)> {
        let (pid, activity) = self.identity()?;
        let ended = self.server.as_ref()?.process.reap()?;
        self.end(poller);
        if !self.is_copy {
            self.stage = Stage::Absent;
        }
        Some((pid, ended, activity))
    }

    /// Ends the server, and waits for that.
    pub(crate) fn end(&mut self, poller: &Poller) {
        if let Some(server) = self.server.take() {
            poller.remove(&server.process);
            poller.remove(&server.control);
        }
        (self.asked, self.stage) = (None, Stage::Gone);
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
