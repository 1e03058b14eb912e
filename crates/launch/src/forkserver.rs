//! The parent's side of a forkserver, whether it was spawned or forked.
//!
//! ```text
//! Absent ──start──▶ Starting ──Preloading──▶ Preloading ──Ready──▶ Ready
//!                   (a forked one starts here)
//! any ──its process exited─▶ Absent, or Gone if it was a copy of the program
//! any ──the pool has ended─▶ Gone
//! ```
//!
//! Owns the forkserver process, the socket to it, and the link of the requested worker. There is one request
//! at a time, so the answer needs no table. Never blocks. [`next_notice`](Forkserver::next_notice) yields
//! what the forkserver reported, in order. Knows nothing of the pool's reactions.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::SigSet;
use nix::sys::stat::stat;
use nix::unistd::{Pid, getpid};
use procpool_control::{Ended, Lifeline, PacketSocket, Report, Request, StartRequest};
use procpool_os::code::FunctionRef;
use procpool_os::exit::exit_now;
use procpool_os::pipe::pipe;
use procpool_os::poller::Poller;
use procpool_os::signal::{bits_of, block_all, forget_handlers, set_mask};

use crate::sys::fork::{count_threads, fork, keep_only, set_variables};
use crate::sys::process::{PidFd, SpawnOptions, Stream, name_refused, spawn_self};
use crate::{
    Connect, Elsewhere, FORKSERVER_ARGUMENT, ForkError, NewWorker, Process, Roles, Service,
    StartError, Started, Surroundings, check_privileges, forkserver_main, make_lifeline,
};

/// See the module's header.
#[derive(Debug)]
pub struct Forkserver<L> {
    preload: Option<FunctionRef>,
    /// What serves instead of a process of this machine, and how many workers it may start.
    elsewhere: Option<(Box<dyn Elsewhere>, usize)>,
    /// Whether it is a copy of the program: then there can be no second one.
    is_copy: bool,
    phase: Phase,
    running: Option<Running>,
    /// The worker that was requested and has not been reported: serial, link, lifeline.
    requested: Option<(u64, L, Lifeline)>,
}

/// A phase of a forkserver.
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
    /// There is no process, and no start makes another one.
    Gone,
}

/// The reason why a forkserver cannot be forked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotForkable {
    /// `preload` panicked; carries the report of [`Roles::preload`].
    Panicked(Vec<u8>),
    /// It had this many threads before `preload` ran.
    ThreadsBefore(usize),
    /// It had this many threads after `preload` had run.
    ThreadsAfter(usize),
}

/// A forkserver process that was started and is not reaped. Dropping this kills it and waits for its exit.
#[derive(Debug)]
struct Running {
    pid: u32,
    process: Process,
    control: PacketSocket,
    /// Whether the poller watches it.
    watched: bool,
}

/// A notice from a forkserver.
#[derive(Debug)]
pub enum Notice<L> {
    /// It can fork workers.
    Ready,
    /// It, with this pid, cannot be forked, and exits.
    Failed(u32, NotForkable),
    /// The requested worker was started: its serial, and the worker.
    Started(u64, Box<Started<L>>),
    /// The requested worker could not be started.
    StartFailed(StartError),
    /// The worker with this serial exited.
    Ended(u64, Ended),
    /// The forkserver exits for this reason.
    GivesUp(String),
}

impl<L> Forkserver<L> {
    /// Makes one that is started with the first worker.
    pub(crate) fn absent(preload: Option<FunctionRef>) -> Self {
        let (phase, is_copy) = (Phase::Absent, false);
        Self { preload, elsewhere: None, is_copy, phase, running: None, requested: None }
    }

    /// Makes one that `server` takes the place of, for at most `slots` workers.
    pub(crate) fn elsewhere(server: Box<dyn Elsewhere>, slots: usize) -> Self {
        Self { elsewhere: Some((server, slots)), ..Self::absent(None) }
    }

    /// Returns whether it reaches other hosts, and is no process of this one.
    pub fn is_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// Forks one from this process.
    ///
    /// # Errors
    ///
    /// The process has a second thread, or the system refuses something.
    pub(crate) fn fork(
        roles: Roles,
        preload: Option<fn()>,
        surroundings: &Surroundings,
    ) -> Result<Self, ForkError> {
        let failed = |what| move |errno| ForkError::Refused(StartError { what, errno });
        let threads = count_threads().map_err(failed("a count of its threads in /proc"))?;
        if threads != 1 {
            return Err(ForkError::HasThreads(threads));
        }
        let (control, theirs) = procpool_control::pair().map_err(failed("a socket pair"))?;
        let (lifeline, held) = make_lifeline().map_err(ForkError::Refused)?;
        // The copy needs /dev/null, and could not report that it is missing.
        stat("/dev/null").map_err(failed("a process that reads /dev/null"))?;
        let parent = getpid();
        // Blocked until the forkserver has its own handlers.
        let mask = block_all();
        let copied = fork().map(|pid| {
            pid.unwrap_or_else(|| {
                forget_handlers();
                set_variables(&surroundings.variables);
                if keep_only(&[theirs.as_fd(), held.as_fd()]).is_err() {
                    exit_now(forkserver_main::FAILED);
                }
                forkserver_main::run(roles, theirs, held, parent, surroundings.mask, preload)
            })
        });
        set_mask(&mask);
        let pid = copied.map_err(failed("a process"))?;
        let copy = Running::new(pid, lifeline, control).map_err(failed("a process descriptor"))?;
        let (phase, running) = (Phase::Starting, Some(copy));
        Ok(Self { is_copy: true, phase, running, ..Self::absent(None) })
    }

    /// Requests a worker. If there is no forkserver, starts that instead.
    ///
    /// # Errors
    ///
    /// The system refuses something, or the forkserver is [`Phase::Gone`].
    pub(crate) fn start(
        &mut self,
        new_worker: NewWorker<'_>,
        connect: Connect<L>,
    ) -> Result<(), StartError> {
        match (&self.running, self.phase) {
            (None, Phase::Absent) => {
                self.running = Some(self.spawn(new_worker.surroundings)?);
                self.phase = Phase::Starting;
                Ok(())
            }
            (Some(running), Phase::Ready) => {
                debug_assert!(self.requested.is_none(), "there is one request at a time");
                let (link, ends) = connect()?;
                let (lifeline, held) = make_lifeline()?;
                let NewWorker { serial, slot, surroundings, .. } = new_worker;
                let leads_group = surroundings.process_groups;
                let start = Request::Start(StartRequest { serial, slot, leads_group });
                let control = &running.control;
                send_stream(control, 1, new_worker.stdout())
                    .and_then(|()| send_stream(control, 2, new_worker.stderr()))
                    .and_then(|()| send_end(control, &Request::Memory, &ends.memory))
                    .and_then(|()| send_end(control, &Request::Lifeline, &held))
                    .and_then(|()| send_end(control, &start, &ends.socket))
                    .or_else(|errno| match errno {
                        // It has died. Its process descriptor reports that next, with the cause.
                        Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN => Ok(()),
                        _ => Err(StartError { what: "a request to the forkserver", errno }),
                    })?;
                self.requested = Some((serial, link, lifeline));
                Ok(())
            }
            (Some(_), Phase::Starting | Phase::Preloading) => Ok(()),
            _ => Err(StartError { what: "a worker of a dead forkserver", errno: Errno::ESRCH }),
        }
    }

    fn spawn(&mut self, surroundings: &Surroundings) -> Result<Running, StartError> {
        check_privileges()?;
        let failed = |what| move |errno| StartError { what, errno };
        let (ours, theirs) = procpool_control::pair().map_err(failed("a socket pair"))?;
        let (lifeline, held) = make_lifeline()?;
        if let Some((server, slots)) = &mut self.elsewhere {
            let (ended, alive) = pipe().map_err(failed("a pipe"))?;
            let (variables, mask) = (surroundings.variables.clone(), surroundings.mask);
            let (control, slots) = (theirs, *slots);
            let service = Service { control, lifeline: held, alive, slots, variables, mask };
            server.serve(service)?;
            let process = Process::elsewhere(ended, lifeline);
            return Ok(Running {
                pid: getpid().as_raw() as u32,
                process,
                control: ours,
                watched: false,
            });
        }
        let [number, held_number] = [theirs.as_fd(), held.as_fd()].map(|end| end.as_raw_fd());
        let mask = bits_of(&surroundings.mask);
        let mut argument = format!("{number}:{held_number}:{}:{mask}", getpid());
        if let Some(FunctionRef { offset, tag }) = self.preload {
            argument += &format!(":{offset}:{tag}");
        }
        let arguments = [FORKSERVER_ARGUMENT.to_owned(), argument];
        let options = SpawnOptions {
            stdout: Stream::Inherited,
            stderr: Stream::Inherited,
            inherited: &[theirs.as_fd(), held.as_fd()],
            variables: &surroundings.variables,
            // Blocked until it has its own handlers.
            mask: SigSet::all(),
            leads_group: false,
        };
        let pid = spawn_self(&arguments, &options)
            .map_err(|errno| StartError { what: name_refused(errno), errno })?;
        Running::new(pid, lifeline, ours).map_err(failed("a process descriptor"))
    }

    /// Registers the forkserver's process and socket with `poller`, both under `number`. Does nothing if it is
    /// registered already.
    ///
    /// # Errors
    ///
    /// The poller's.
    pub fn watch(&mut self, poller: &Poller, number: u64) -> nix::Result<()> {
        if let Some(running) = &mut self.running
            && !std::mem::replace(&mut running.watched, true)
        {
            poller.add(&running.process, number)?;
            poller.add(&running.control, number)?;
        }
        Ok(())
    }

    /// Returns the forkserver's pid and its phase; `None` if there is no process.
    pub fn identity(&self) -> Option<(u32, Phase)> {
        self.running.as_ref().map(|running| (running.pid, self.phase))
    }

    /// Returns whether a requested worker has not been reported yet: it may exist.
    pub fn owes_worker(&self) -> bool {
        self.requested.is_some()
    }

    /// Returns the next notice that has arrived.
    pub fn next_notice(&mut self, poller: &Poller) -> Option<Notice<L>> {
        loop {
            let running = self.running.as_ref()?;
            let packet = match running.control.receive() {
                Ok(Some(packet)) => packet,
                // ECONNRESET: it exited with a request unread. The socket reports that once, before the packets
                // that the forkserver sent.
                Err(Errno::EINTR | Errno::ECONNRESET) => continue,
                Err(Errno::EAGAIN) => return None,
                // Its process descriptor reports its exit.
                Ok(None) | Err(_) => {
                    poller.remove(&running.control);
                    return None;
                }
            };
            let Some(report) = procpool_control::decode(&packet.bytes) else {
                // Its memory must be corrupted.
                running.process.kill();
                return None;
            };
            let process = packet.descriptor.map(PidFd::from);
            if let Some(notice) = self.notice_of(report, process) {
                return Some(notice);
            }
        }
    }

    fn notice_of(&mut self, report: Report, process: Option<PidFd>) -> Option<Notice<L>> {
        match report {
            Report::Preloading => {
                self.phase = Phase::Preloading;
                None
            }
            Report::Ready => {
                self.phase = Phase::Ready;
                Some(Notice::Ready)
            }
            Report::PreloadPanicked(panic) => self.failed(NotForkable::Panicked(panic)),
            Report::HasThreads { threads, preloaded: false } => {
                self.failed(NotForkable::ThreadsBefore(threads))
            }
            Report::HasThreads { threads, preloaded: true } => {
                self.failed(NotForkable::ThreadsAfter(threads))
            }
            Report::Started { serial, pid, host } => {
                let (_, link, lifeline) = self.requested.take()?;
                let Some(process) = process else {
                    // Without a process descriptor the pool can neither signal nor watch it.
                    let control = &self.running.as_ref()?.control;
                    let _ = procpool_control::send(control, &Request::Kill(serial), None);
                    let errno = Errno::EMFILE;
                    return Some(Notice::StartFailed(StartError {
                        what: "a process descriptor",
                        errno,
                    }));
                };
                let process = Process::of_forkserver(process, lifeline, self.is_elsewhere());
                Some(Notice::Started(serial, Box::new(Started { pid, process, link, host })))
            }
            Report::StartFailed { copied, errno } => {
                self.requested = None;
                let errno = Errno::from_raw(errno);
                let what = match (self.is_elsewhere(), copied) {
                    (true, _) => "a worker on another host",
                    (false, true) => "a process descriptor in the forkserver",
                    (false, false) => "a copy of the forkserver",
                };
                Some(Notice::StartFailed(StartError { what, errno }))
            }
            Report::GivesUp(refused) => Some(Notice::GivesUp(refused)),
            Report::Ended { serial, ended } => Some(Notice::Ended(serial, ended)),
        }
    }

    fn failed(&self, why: NotForkable) -> Option<Notice<L>> {
        Some(Notice::Failed(self.running.as_ref()?.pid, why))
    }

    /// Tells the forkserver not to kill the worker's process group. Sent before the worker is asked to exit.
    pub fn spare_group(&self, serial: u64) {
        if let Some(running) = &self.running {
            // A forkserver that accepts no more packets is about to be given up.
            let _ = procpool_control::send(&running.control, &Request::SpareGroup(serial), None);
        }
    }

    /// Kills the forkserver. Its exit is then reported like any other.
    pub fn kill(&self) {
        if let Some(running) = &self.running {
            running.process.kill();
        }
    }

    /// Returns whether it is a copy of the program: then there can be no second one.
    pub fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// Returns whether the process has exited, reaped or not.
    pub fn has_ended(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.process.has_ended())
    }

    /// Reaps the process if it has exited. Returns its pid, its exit and its last phase. No report of its
    /// workers will follow. Unless it was a copy of the program, the next start makes another one.
    pub fn reap(&mut self, poller: &Poller) -> Option<(u32, Ended, Phase)> {
        let (pid, phase) = self.identity()?;
        let ended = self.running.as_ref()?.process.reap()?;
        self.end(poller);
        if !self.is_copy {
            self.phase = Phase::Absent;
        }
        Some((pid, ended, phase))
    }

    /// Kills the forkserver and waits for its exit. No other one will be started.
    pub fn end(&mut self, poller: &Poller) {
        if let Some(running) = self.running.take() {
            poller.remove(&running.process);
            poller.remove(&running.control);
        }
        (self.requested, self.phase) = (None, Phase::Gone);
    }
}

/// Sends a request, and with it a descriptor for the worker.
fn send_end(control: &PacketSocket, request: &Request, end: &OwnedFd) -> nix::Result<()> {
    procpool_control::send(control, request, Some(end.as_fd()))
}

/// Sends a stream of the worker that is requested next, unless it is the forkserver's own.
fn send_stream(control: &PacketSocket, number: i32, stream: Stream<'_>) -> nix::Result<()> {
    let request = |null| Request::Stream { number, null };
    match stream {
        Stream::Inherited => Ok(()),
        Stream::Null => procpool_control::send(control, &request(true), None),
        Stream::Descriptor(fd) => procpool_control::send(control, &request(false), Some(fd)),
    }
}

impl Running {
    fn new(pid: Pid, lifeline: Lifeline, control: PacketSocket) -> nix::Result<Self> {
        let process = Process::child(PidFd::of_child(pid)?, lifeline);
        Ok(Self { pid: pid.as_raw() as u32, process, control, watched: false })
    }
}

impl Drop for Running {
    /// A process that was reaped already is neither killed nor waited for.
    fn drop(&mut self) {
        self.process.end();
    }
}
