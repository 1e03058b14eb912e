//! The server: a process of one thread that forks workers when its pool asks for one.
//!
//! ```text
//! run ─▶ set up ─▶ preload ─▶ wait ─┬─ a request ──▶ fork ─▶ (the copy) a worker
//!                              ▲    ├─ a worker ended ──▶ reap, report
//!                              └────┴─ the pool's process ended ──▶ kill the workers, end
//! ```
//!
//! Owns the server's descriptors: its socket, a process descriptor of the pool's process and one of
//! each worker, none of which a worker keeps. It opens a worker's before it reaps it, so that the
//! number in there is still that worker's. No signal ends it that is meant for the program, of whose
//! process group it is. It never blocks but in `preload` and in its one wait, and
//! in both it ends with the pool's process: the kernel sees to the first, when the thread that
//! started it ends; in the second nobody's end matters but the process's.

use std::os::fd::{AsFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpid};
use procpool_os::exit::{complain, end_with, end_with_nobody, exit_now};
use procpool_os::lineage::Lineage;
use procpool_os::refused::Refused;
use procpool_os::signal::{adopt_sigint, lay_down_shield, set_mask, shield};

use crate::report::{self, Report, Request, Worker};
use crate::sys::fork::{count_threads, exit_copy, fork, lead_group, redirect};
use crate::sys::lifeline;
use crate::sys::packet::{Packet, PacketSocket};
use crate::sys::process::{PidFd, restore_name, set_name};
use crate::{Roles, Seat};

/// The exit code of a server that is not needed any more. Nobody reads it.
const ABANDONED: i32 = 0;

/// The exit code of a server whose `preload` failed, which it has told.
const NOT_READY: i32 = 1;

/// The exit code of a server that cannot go on.
pub(crate) const CONFUSED: i32 = 70;

/// How often to look at what cannot be waited for, in milliseconds. Shorter looks more often in vain;
/// longer tells of a worker's end later.
const LOOK: u8 = 20;

/// Serves the pool at the other end of `control`, in process `parent`, until the end of this process.
/// All signals are blocked; `mask` is the workers'.
pub(crate) fn run(
    roles: Roles,
    control: PacketSocket,
    held: OwnedFd,
    parent: Pid,
    mask: SigSet,
    preload: Option<fn()>,
) -> ! {
    let held = lifeline::hold(held);
    // Not into the frames below: in a copy of the program they are the program's.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut server = Server::set_up(control, parent, mask);
        server.preload(roles, preload);
        let copy = server.serve();
        drop((server, held));
        copy.become_worker(roles)
    }));
    complain(&format!("server {} panicked, which is a bug in procpool", getpid()));
    exit_now(CONFUSED)
}

/// See the module's header.
#[derive(Debug)]
struct Server {
    pid: Pid,
    control: PacketSocket,
    parent: PidFd,
    workers: Vec<Child>,
    /// Of the worker that is asked for next.
    memory: Option<OwnedFd>,
    lifeline: Option<OwnedFd>,
    streams: Vec<(i32, Redirection)>,
}

/// What a standard stream of a worker is that is not the server's own: `None` is `/dev/null`.
type Redirection = Option<OwnedFd>;

#[derive(Debug)]
struct Child {
    worker: Worker,
    pid: u32,
    process: PidFd,
    /// Whether it was seen to have ended.
    ended: bool,
}

impl Child {
    /// Kills it. A server may signal what it has forked, unless that has changed its user, and that ends
    /// by its lifeline, with the pool's process.
    fn kill(&self) {
        let _ = self.process.signal(Signal::SIGKILL);
    }
}

/// What a worker begins with.
#[derive(Debug)]
struct Forked {
    server: Pid,
    worker: Worker,
    socket: OwnedFd,
    memory: OwnedFd,
    lifeline: OwnedFd,
    streams: Vec<(i32, Redirection)>,
}

/// What the server waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

impl Server {
    fn set_up(control: PacketSocket, parent: Pid, mut mask: SigSet) -> Self {
        set_name(c"procpool-server");
        // In this order: the number of a parent that is there after the look was its own before it.
        let process = match PidFd::open(parent) {
            Ok(process) => process,
            Err(Errno::ESRCH) => exit_now(ABANDONED),
            Err(errno) => give_up(&control, &Refused::new("pidfd_open")(errno)),
        };
        match end_with(parent) {
            Ok(true) => {}
            Ok(false) => exit_now(ABANDONED),
            Err(refused) => give_up(&control, &refused),
        }
        if let Err(refused) = adopt_sigint() {
            give_up(&control, &refused);
        }
        shield();
        mask.remove(Signal::SIGINT);
        set_mask(&mask);
        let (workers, streams) = (Vec::new(), Vec::new());
        let pid = getpid();
        Self { pid, control, parent: process, workers, memory: None, lifeline: None, streams }
    }

    fn preload(&self, roles: Roles, preload: Option<fn()>) {
        let home = Lineage::current();
        self.tell(&Report::Preloading, None);
        self.require_one_thread(false);
        let preloaded = preload.map_or(Ok(()), roles.preload);
        home.end_copy();
        if let Err(panic) = preloaded {
            self.tell(&Report::PreloadPanicked(panic), None);
            exit_now(NOT_READY);
        }
        self.require_one_thread(true);
        end_with_nobody();
        self.tell(&Report::Ready, None);
    }

    /// Ends where there is another thread, or nobody can say.
    fn require_one_thread(&self, preloaded: bool) {
        let report = match count_threads() {
            Ok(1) => return,
            Ok(threads) => Report::HasThreads { threads, preloaded },
            Err(errno) => {
                let why = format!("/proc/self/status cannot be read: {}", errno.desc());
                give_up(&self.control, &why)
            }
        };
        self.tell(&report, None);
        exit_now(NOT_READY);
    }

    /// Answers requests. Returns in the copies, which are the workers.
    fn serve(&mut self) -> Forked {
        loop {
            self.wait(Direction::Read);
            // A pool says that a worker leaves before it lets it: of those that have ended by now,
            // it is in the socket. Of those that end while that is read it may not be.
            self.workers.iter_mut().for_each(|child| child.ended = child.process.has_ended());
            loop {
                match self.control.receive() {
                    Ok(Some(packet)) => {
                        if let Some(copy) = self.answer(packet) {
                            return copy;
                        }
                    }
                    Err(Errno::EAGAIN) => break,
                    Err(Errno::EINTR) => {}
                    Ok(None) | Err(Errno::ECONNRESET) => self.leave(),
                    Err(errno) => self.give_up(Refused::new("recvmsg")(errno)),
                }
            }
            self.report_ended();
        }
    }

    /// Waits until the socket is ready or a worker has ended. Ends with the pool's process.
    fn wait(&self, direction: Direction) {
        let flags = match direction {
            Direction::Read => PollFlags::POLLIN,
            Direction::Write => PollFlags::POLLOUT,
        };
        let parent = PollFd::new(self.parent.as_fd(), PollFlags::POLLIN);
        let mut sources = vec![parent, PollFd::new(self.control.as_fd(), flags)];
        if direction == Direction::Read {
            let workers = self.workers.iter().map(|child| child.process.as_fd());
            sources.extend(workers.map(|process| PollFd::new(process, PollFlags::POLLIN)));
        }
        match poll(&mut sources, PollTimeout::NONE) {
            // The callers look again in any case.
            Ok(_) | Err(Errno::EINTR) => {}
            // It may not have as many descriptors as it has: somebody has lowered the limit.
            Err(Errno::EINVAL) => drop(poll(&mut sources[1..2], LOOK)),
            Err(errno) => self.give_up(Refused::new("poll")(errno)),
        }
        if self.parent.has_ended() {
            self.leave();
        }
    }

    /// Ends with everybody: workers that asked the kernel for that, and those that made it forget.
    fn leave(&self) -> ! {
        self.kill_workers();
        exit_now(ABANDONED)
    }

    /// The same, where a sandbox refuses what it needs.
    fn give_up(&self, refused: Refused) -> ! {
        self.kill_workers();
        give_up(&self.control, &refused)
    }

    fn kill_workers(&self) {
        self.workers.iter().for_each(Child::kill);
    }

    fn report_ended(&mut self) {
        let mut index = 0;
        while index < self.workers.len() {
            let Child { worker, pid, process, ended } = &self.workers[index];
            if !ended {
                index += 1;
                continue;
            }
            if worker.leads_group {
                // What its tasks have started dies with it, while its number is nobody else's.
                process.kill_group(*pid);
            }
            match process.reap() {
                None => index += 1,
                Some(ended) => {
                    let id = worker.serial;
                    self.workers.swap_remove(index);
                    self.tell(&Report::Ended { id, ended }, None);
                }
            }
        }
    }

    /// Does what was asked for. Returns in a new worker what that begins with.
    fn answer(&mut self, packet: Packet) -> Option<Forked> {
        match report::decode(&packet.bytes) {
            Some(Request::Stream { number, null }) => {
                // What did not arrive found no number that was free.
                if null || packet.descriptor.is_some() {
                    self.streams.push((number, packet.descriptor));
                }
            }
            Some(Request::Memory) => self.memory = packet.descriptor,
            Some(Request::Lifeline) => self.lifeline = packet.descriptor,
            Some(Request::Start(worker)) => match self.start(worker, packet.descriptor) {
                Ok(copy) => return copy,
                Err((copied, errno)) => {
                    self.tell(&Report::StartFailed { copied, errno: errno as i32 }, None);
                }
            },
            Some(Request::Kill(id)) => {
                let theirs = self.workers.iter().find(|child| child.worker.serial == id);
                theirs.inspect(|child| child.kill());
            }
            Some(Request::Leaves(id)) => {
                let theirs = self.workers.iter_mut().find(|child| child.worker.serial == id);
                if let Some(child) = theirs {
                    child.worker.leads_group = false;
                }
            }
            None => self.leave(),
        }
        None
    }

    /// Copies this process. The error says whether that was done.
    fn start(
        &mut self,
        worker: Worker,
        socket: Option<OwnedFd>,
    ) -> Result<Option<Forked>, (bool, Errno)> {
        let streams = std::mem::take(&mut self.streams);
        // What did not arrive found no number that was free.
        let (memory, lifeline) = (self.memory.take(), self.lifeline.take());
        let (Some(socket), Some(memory), Some(lifeline)) = (socket, memory, lifeline) else {
            return Err((true, Errno::EMFILE));
        };
        let server = self.pid;
        let Some(pid) = fork().map_err(|errno| (false, errno))? else {
            return Ok(Some(Forked { server, worker, socket, memory, lifeline, streams }));
        };
        let process = PidFd::of_child(pid).map_err(|errno| (true, errno))?;
        let (id, pid) = (worker.serial, pid.as_raw() as u32);
        self.tell(&Report::Started { id, pid }, Some(&process));
        self.workers.push(Child { worker, pid, process, ended: false });
        Ok(None)
    }

    fn tell(&self, report: &Report, process: Option<&PidFd>) {
        loop {
            match report::send(&self.control, report, process.map(AsFd::as_fd)) {
                Ok(()) => return,
                Err(Errno::EAGAIN) => self.wait(Direction::Write),
                Err(Errno::EINTR) => {}
                Err(Errno::EPIPE | Errno::ECONNRESET) => self.leave(),
                Err(errno) => self.give_up(Refused::new("sendmsg")(errno)),
            }
        }
    }
}

/// Tells the pool why the server cannot go on, and ends it.
fn give_up(control: &PacketSocket, why: &impl std::fmt::Display) -> ! {
    report::send_last(control, &Report::GivesUp(why.to_string()));
    complain(&format!("server {} cannot go on: {why}", getpid()));
    exit_now(CONFUSED)
}

impl Forked {
    fn become_worker(self, roles: Roles) -> ! {
        restore_name();
        lay_down_shield();
        let Self { server, worker, socket, memory, lifeline, streams } = self;
        lifeline::hold(lifeline).for_good();
        let prepared = if worker.leads_group { lead_group() } else { Ok(()) };
        let mut streams = streams.into_iter();
        let prepared =
            prepared.and_then(|()| streams.try_for_each(|(number, to)| redirect(number, to)));
        let (parent, slot, memory) = (server, worker.slot, Some(memory));
        (roles.worker)(Seat { parent, slot, socket, memory, exit: exit_copy, prepared })
    }
}
