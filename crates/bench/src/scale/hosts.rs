//! Made-up hosts: a thread that answers a pool as the server for other hosts does, with workers that exist
//! only as their ends of the links.
//!
//! ```text
//! pool ─ requests ─▶ Hosts ─ claim ─▶ due (a heap of times) ─ put ─▶ pool
//!      ◀─ reports ──       one worker: a link, a lifeline, a pipe that stands for the process
//! ```
//!
//! Owns the made-up workers and the times at which their calls end. What the pool receives and what it
//! does with it is as on real hosts: the packets, the links, the claims, the bells. There is no connection, no
//! relay, no process, and no task is run: after its duration, a call has an empty value.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use procpool_control::{Ended, HostName, Report, Request, StartRequest, WorkerExit};
use procpool_launch::{Elsewhere, Service, StartError};
use procpool_link::{Frame, Hello, Progress, ResultStatus, Socket, VERSION, WorkerEnd};
use procpool_os::image::ImageIdentity;
use procpool_os::pipe::pipe;

/// The name of the thread.
pub(crate) const THREAD: &str = "made-up-hosts";

/// The data of a descriptor's events: the worker's serial times 4, and one of these.
const CONTROL: u64 = 0;
const LIFELINE: u64 = 1;
const LINKS: u64 = 2;
const LIFELINES: u64 = 3;

/// What the measuring thread and the made-up hosts tell each other.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// How long a call takes, in nanoseconds.
    pub(crate) nanos: AtomicU64,
    /// How many calls have been answered.
    pub(crate) answered: AtomicU64,
}

/// Takes the place of the server for other hosts in a pool.
#[derive(Debug)]
pub(crate) struct MadeUp {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl MadeUp {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), thread: None }
    }
}

impl Elsewhere for MadeUp {
    fn serve(&mut self, service: Service) -> Result<(), StartError> {
        let failed = |errno| StartError { what: "the thread of made-up hosts", errno };
        let mut hosts = Hosts::new(service, Arc::clone(&self.shared)).map_err(failed)?;
        let thread = thread::Builder::new().name(THREAD.to_owned());
        let thread = thread.spawn(move || {
            if let Err(error) = hosts.serve() {
                hosts.report(&Report::GivesUp(error.to_string()), None);
            }
        });
        self.thread = Some(thread.map_err(|_| failed(Errno::EAGAIN))?);
        Ok(())
    }
}

impl Drop for MadeUp {
    fn drop(&mut self) {
        // The pool has ended the thread. A panic was reported by the hook.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A worker that is only its end of a link.
struct Worker {
    link: WorkerEnd,
    lifeline: OwnedFd,
    /// Dropped with the worker: the end of the process that it stands for.
    _alive: OwnedFd,
    /// The index of the call that was claimed and has no result, and its duration in nanoseconds.
    running: Option<(u64, u64)>,
}

/// See the module's header.
struct Hosts {
    service: Service,
    shared: Arc<Shared>,
    epoll: Epoll,
    workers: BTreeMap<u64, Worker>,
    /// When which worker's call ends.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Received for the worker that is requested next.
    memory: Option<OwnedFd>,
    lifeline: Option<OwnedFd>,
}

impl Hosts {
    fn new(service: Service, shared: Arc<Shared>) -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&service.control, EpollEvent::new(EpollFlags::EPOLLIN, CONTROL))?;
        epoll.add(&service.lifeline, EpollEvent::new(EpollFlags::EPOLLIN, LIFELINE))?;
        let (workers, due) = (BTreeMap::new(), BinaryHeap::new());
        Ok(Self { service, shared, epoll, workers, due, memory: None, lifeline: None })
    }

    /// Serves until the pool ends it.
    fn serve(&mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        self.report(&Report::Ready, None);
        loop {
            self.sleep()?;
            let count = self.epoll.wait(&mut events, EpollTimeout::ZERO)?;
            for event in &events[..count] {
                match (event.data() / 4, event.data() % 4) {
                    (_, CONTROL) => self.read_requests(),
                    (_, LIFELINE) => return Ok(()),
                    (serial, LINKS) => {
                        // An end of the link is an end of the worker, too.
                        if self.workers.get(&serial).is_some_and(|worker| worker.link.wake()) {
                            self.turn(serial)?;
                        } else {
                            self.end(serial, WorkerExit::Signal(Signal::SIGKILL as i32));
                        }
                    }
                    (serial, _) => self.end(serial, WorkerExit::Signal(Signal::SIGKILL as i32)),
                }
            }
            self.finish_due()?;
        }
    }

    /// Waits for an event, or until the next call ends.
    fn sleep(&self) -> io::Result<()> {
        let now = Instant::now();
        let next = self.due.peek().map(|Reverse((at, _))| at.saturating_duration_since(now));
        let mut descriptors = [PollFd::new(self.epoll.0.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut descriptors, next.map(Into::into), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn read_requests(&mut self) {
        // Otherwise the pool is gone, and the lifeline says so.
        while let Ok(Some(packet)) = self.service.control.receive() {
            match procpool_control::decode(&packet.bytes) {
                Some(Request::Memory) => self.memory = packet.descriptor,
                Some(Request::Lifeline) => self.lifeline = packet.descriptor,
                Some(Request::Start(request)) => {
                    if let Err(errno) = self.start(request, packet.descriptor) {
                        let errno = errno as i32;
                        self.report(&Report::StartFailed { copied: false, errno }, None);
                    }
                }
                Some(Request::Kill(serial)) => {
                    self.end(serial, WorkerExit::Signal(Signal::SIGKILL as i32));
                }
                Some(Request::Stream { .. } | Request::SpareGroup(_)) | None => {}
            }
        }
    }

    fn start(&mut self, request: StartRequest, socket: Option<OwnedFd>) -> nix::Result<()> {
        let StartRequest { serial, slot, .. } = request;
        let (memory, lifeline) = (self.memory.take(), self.lifeline.take());
        let (memory, lifeline) = memory.zip(lifeline).ok_or(Errno::EMFILE)?;
        let socket = Socket::from(socket.ok_or(Errno::EMFILE)?);
        let link = WorkerEnd::new(socket, memory, getpid()).map_err(|_| Errno::ENOMEM)?;
        let (ended, alive) = pipe()?;
        let read = EpollFlags::EPOLLIN;
        self.epoll.add(&link, EpollEvent::new(read, serial * 4 + LINKS))?;
        self.epoll.add(&lifeline, EpollEvent::new(read, serial * 4 + LIFELINES))?;
        // No other number is certain to be nobody else's.
        let pid = getpid().as_raw().unsigned_abs();
        let host = Some(HostName::from(format!("n{slot}")));
        self.report(&Report::Started { serial, pid, host }, Some(&ended));
        let ImageIdentity { device, inode } = ImageIdentity::current();
        let hello = Frame::Hello(Hello { version: VERSION, pid, device, inode });
        link.tell(hello, &[]).map_err(|_| Errno::EPIPE)?;
        let worker = Worker { link, lifeline, _alive: alive, running: None };
        self.workers.insert(serial, worker);
        self.turn(serial).map_err(|_| Errno::EPROTO)
    }

    /// Gives the worker its next call, or lets it sleep.
    fn turn(&mut self, serial: u64) -> io::Result<()> {
        loop {
            let Some(worker) = self.workers.get_mut(&serial) else { return Ok(()) };
            while worker.running.is_none() && worker.link.fill()? == Progress::Frame {
                match worker.link.frame().frame() {
                    Ok(Frame::CallItem { index, .. }) => {
                        if worker.link.claim(index)? {
                            // Relaxed: nothing else depends on it.
                            let nanos = self.shared.nanos.load(Ordering::Relaxed);
                            let at = Instant::now() + Duration::from_nanos(nanos);
                            worker.running = Some((index, nanos));
                            self.due.push(Reverse((at, serial)));
                        }
                    }
                    Ok(Frame::Exit) => {
                        self.end(serial, WorkerExit::Code(0));
                        return Ok(());
                    }
                    Ok(other) => {
                        let what = format!("made-up workers cannot handle {other:?}");
                        return Err(io::Error::other(what));
                    }
                    Err(malformed) => return Err(io::Error::other(malformed.0)),
                }
            }
            if worker.link.may_sleep(worker.running.is_none(), false)? {
                return Ok(());
            }
        }
    }

    fn finish_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while let Some(Reverse((at, serial))) = self.due.peek().copied() {
            if at > now {
                break;
            }
            self.due.pop();
            let Some(worker) = self.workers.get_mut(&serial) else { continue };
            let Some((index, nanos)) = worker.running.take() else { continue };
            let result = Frame::ResultItem { index, status: ResultStatus::Value }.head(0);
            if worker.link.put(&result)? < result.len() {
                return Err(io::Error::other("there is no room for a result"));
            }
            // Relaxed: a count.
            self.shared.answered.fetch_add(1, Ordering::Relaxed);
            worker.link.finish_after(index, nanos)?;
            self.turn(serial)?;
        }
        Ok(())
    }

    fn end(&mut self, serial: u64, exit: WorkerExit) {
        if let Some(worker) = self.workers.remove(&serial) {
            let _ = self.epoll.delete(&worker.lifeline);
            drop(worker);
            let ended = Ended { exit, usage: None };
            self.report(&Report::Ended { serial, ended }, None);
        }
    }

    fn report(&self, report: &Report, descriptor: Option<&OwnedFd>) {
        let descriptor = descriptor.map(AsFd::as_fd);
        // The manager reads it soon. If the pool is gone, the lifeline says so.
        while procpool_control::send(&self.service.control, report, descriptor)
            == Err(Errno::EAGAIN)
        {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
