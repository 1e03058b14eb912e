//! The forkserver process: one thread that forks workers on request.
//!
//! ```text
//! run ─▶ set up ─▶ preload ─▶ wait ─┬─ a request ──▶ fork ─▶ (the copy) a worker
//!                              ▲    ├─ a worker exited ──▶ reap, report
//!                              └────┴─ the pool's process exited ──▶ kill the workers, exit
//! ```
//!
//! Owns the forkserver's descriptors: its socket, and process descriptors of the pool's process and of each
//! worker. A worker keeps none of them. A worker's process descriptor is opened before the worker is reaped,
//! so the pid still is that worker's. The forkserver belongs to the program's process group, but signals
//! for the program do not kill it. It blocks only in `preload` and in `wait`, and in both it exits with the
//! pool's process. In `preload` the kernel kills it when the thread that started it exits; in `wait` only
//! the exit of the process counts.

use std::os::fd::{AsFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpid};
use procpool_control::{Packet, PacketSocket, Report, Request, StartRequest, hold};
use procpool_os::exit::{complain, end_with, end_with_nobody, exit_now};
use procpool_os::lineage::Lineage;
use procpool_os::refused::Refused;
use procpool_os::signal::{adopt_sigint, lay_down_shield, set_mask, shield};

use crate::sys::fork::{count_threads, exit_copy, fork, lead_group, redirect};
use crate::sys::process::{PidFd, restore_name, set_name};
use crate::{Handover, Roles};

/// The exit code of a forkserver that is no longer needed. Nobody reads it.
const ABANDONED: i32 = 0;

/// The exit code of a forkserver whose `preload` failed. It has reported that.
const NOT_READY: i32 = 1;

/// The exit code of a forkserver that cannot continue.
pub(crate) const FAILED: i32 = 70;

/// How often, in milliseconds, to poll workers where poll(2) cannot wait for them. Shorter wakes up more
/// often in vain; longer reports the exit of a worker later.
const LOOK: u8 = 20;

/// Serves the pool at the other end of `control`, in process `parent`, until this process exits. All
/// signals are blocked on entry; `mask` is the workers' signal mask.
pub(crate) fn run(
    roles: Roles,
    control: PacketSocket,
    held: OwnedFd,
    parent: Pid,
    mask: SigSet,
    preload: Option<fn()>,
) -> ! {
    let held = hold(held);
    // A panic must not unwind further: in a copy of the program the frames below are the program's.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut main = Main::set_up(control, parent, mask);
        main.preload(roles, preload);
        let copy = main.serve();
        drop((main, held));
        copy.become_worker(roles)
    }));
    complain(&format!("forkserver {} panicked, which is a bug in procpool", getpid()));
    exit_now(FAILED)
}

/// The state of [`run`].
#[derive(Debug)]
struct Main {
    pid: Pid,
    control: PacketSocket,
    parent: PidFd,
    workers: Vec<Child>,
    /// Received for the worker that is requested next, as are `lifeline` and `streams`.
    memory: Option<OwnedFd>,
    lifeline: Option<OwnedFd>,
    streams: Vec<(i32, Redirection)>,
}

/// The target of a worker's standard stream that is not the forkserver's own. `None` is `/dev/null`.
type Redirection = Option<OwnedFd>;

#[derive(Debug)]
struct Child {
    request: StartRequest,
    pid: u32,
    process: PidFd,
    /// Whether its exit was seen.
    ended: bool,
}

impl Child {
    /// Kills it. A forkserver may signal its children, except one that has changed its user: that one exits
    /// with the pool's process, by its lifeline.
    fn kill(&self) {
        let _ = self.process.signal(Signal::SIGKILL);
    }
}

/// The parts that the copy needs to become a worker.
#[derive(Debug)]
struct Forked {
    forkserver: Pid,
    request: StartRequest,
    socket: OwnedFd,
    memory: OwnedFd,
    lifeline: OwnedFd,
    streams: Vec<(i32, Redirection)>,
}

/// What `wait` waits for on the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

impl Main {
    fn set_up(control: PacketSocket, parent: Pid, mut mask: SigSet) -> Self {
        set_name(c"procpool-server");
        // Opened before `end_with` looks: if the parent still exists then, `parent` was its pid here too.
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
        self.send(&Report::Preloading, None);
        self.require_one_thread(false);
        let preloaded = preload.map_or(Ok(()), roles.preload);
        home.end_copy();
        if let Err(panic) = preloaded {
            self.send(&Report::PreloadPanicked(panic), None);
            exit_now(NOT_READY);
        }
        self.require_one_thread(true);
        end_with_nobody();
        self.send(&Report::Ready, None);
    }

    /// Exits if there is another thread, or if the number of threads is unknown.
    fn require_one_thread(&self, preloaded: bool) {
        let report = match count_threads() {
            Ok(1) => return,
            Ok(threads) => Report::HasThreads { threads, preloaded },
            Err(errno) => {
                let why = format!("/proc/self/status cannot be read: {}", errno.desc());
                give_up(&self.control, &why)
            }
        };
        self.send(&report, None);
        exit_now(NOT_READY);
    }

    /// Answers requests. Returns only in a copy, which becomes a worker.
    fn serve(&mut self) -> Forked {
        loop {
            self.wait(Direction::Read);
            // The pool sends `SpareGroup` before it asks a worker to exit. For every worker seen dead here,
            // that request, if there is one, is therefore already in our socket. For one that dies while we
            // read, it may not be.
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
                    Ok(None) | Err(Errno::ECONNRESET) => self.exit(),
                    Err(errno) => self.give_up(Refused::new("recvmsg")(errno)),
                }
            }
            self.report_ended();
        }
    }

    /// Waits until the socket is ready or a worker has exited. Exits if the pool's process has.
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
            // The callers check again in any case.
            Ok(_) | Err(Errno::EINTR) => {}
            // There are more sources than the limit on descriptors, which was lowered after they were opened.
            Err(Errno::EINVAL) => drop(poll(&mut sources[1..2], LOOK)),
            Err(errno) => self.give_up(Refused::new("poll")(errno)),
        }
        if self.parent.has_ended() {
            self.exit();
        }
    }

    /// Kills all workers and exits. The kernel kills most workers anyway, but it may have forgotten the
    /// request of one that changed its user.
    fn exit(&self) -> ! {
        self.kill_workers();
        exit_now(ABANDONED)
    }

    /// Does the same if a sandbox refuses a system call, and reports that.
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
            let Child { request, pid, process, ended } = &self.workers[index];
            if !ended {
                index += 1;
                continue;
            }
            if request.leads_group {
                // Processes that its tasks have started die with it, while its pid cannot be reused.
                process.kill_group(*pid);
            }
            match process.reap() {
                None => index += 1,
                Some(ended) => {
                    let serial = request.serial;
                    self.workers.swap_remove(index);
                    self.send(&Report::Ended { serial, ended }, None);
                }
            }
        }
    }

    /// Handles a request. Returns `Some` only in a new worker.
    fn answer(&mut self, packet: Packet) -> Option<Forked> {
        match procpool_control::decode(&packet.bytes) {
            Some(Request::Stream { number, null }) => {
                // A missing descriptor means that this process has no free number for it.
                if null || packet.descriptor.is_some() {
                    self.streams.push((number, packet.descriptor));
                }
            }
            Some(Request::Memory) => self.memory = packet.descriptor,
            Some(Request::Lifeline) => self.lifeline = packet.descriptor,
            Some(Request::Start(request)) => match self.start(request, packet.descriptor) {
                Ok(copy) => return copy,
                Err((copied, errno)) => {
                    self.send(&Report::StartFailed { copied, errno: errno as i32 }, None);
                }
            },
            Some(Request::Kill(serial)) => {
                let found = self.workers.iter().find(|child| child.request.serial == serial);
                found.inspect(|child| child.kill());
            }
            Some(Request::SpareGroup(serial)) => {
                let found = self.workers.iter_mut().find(|child| child.request.serial == serial);
                if let Some(child) = found {
                    child.request.leads_group = false;
                }
            }
            None => self.exit(),
        }
        None
    }

    /// Forks a worker. The error says whether the fork itself succeeded.
    fn start(
        &mut self,
        request: StartRequest,
        socket: Option<OwnedFd>,
    ) -> Result<Option<Forked>, (bool, Errno)> {
        let streams = std::mem::take(&mut self.streams);
        // A missing descriptor means that this process has no free number for it.
        let (memory, lifeline) = (self.memory.take(), self.lifeline.take());
        let (Some(socket), Some(memory), Some(lifeline)) = (socket, memory, lifeline) else {
            return Err((true, Errno::EMFILE));
        };
        let forkserver = self.pid;
        let Some(pid) = fork().map_err(|errno| (false, errno))? else {
            return Ok(Some(Forked { forkserver, request, socket, memory, lifeline, streams }));
        };
        let process = PidFd::of_child(pid).map_err(|errno| (true, errno))?;
        let (serial, pid) = (request.serial, pid.as_raw() as u32);
        self.send(&Report::Started { serial, pid, host: None }, Some(&process));
        self.workers.push(Child { request, pid, process, ended: false });
        Ok(None)
    }

    fn send(&self, report: &Report, process: Option<&PidFd>) {
        loop {
            match procpool_control::send(&self.control, report, process.map(AsFd::as_fd)) {
                Ok(()) => return,
                Err(Errno::EAGAIN) => self.wait(Direction::Write),
                Err(Errno::EINTR) => {}
                Err(Errno::EPIPE | Errno::ECONNRESET) => self.exit(),
                Err(errno) => self.give_up(Refused::new("sendmsg")(errno)),
            }
        }
    }
}

/// Reports to the pool why the forkserver cannot continue, and exits.
fn give_up(control: &PacketSocket, why: &impl std::fmt::Display) -> ! {
    procpool_control::send_last(control, &Report::GivesUp(why.to_string()));
    complain(&format!("forkserver {} cannot continue: {why}", getpid()));
    exit_now(FAILED)
}

impl Forked {
    fn become_worker(self, roles: Roles) -> ! {
        restore_name();
        lay_down_shield();
        let Self { forkserver, request, socket, memory, lifeline, streams } = self;
        hold(lifeline).for_good();
        let prepared = if request.leads_group { lead_group() } else { Ok(()) };
        let mut streams = streams.into_iter();
        let prepared =
            prepared.and_then(|()| streams.try_for_each(|(number, to)| redirect(number, to)));
        let (parent, slot, memory) = (forkserver, request.slot, Some(memory));
        (roles.worker)(Handover { parent, slot, socket, memory, exit: exit_copy, prepared })
    }
}
