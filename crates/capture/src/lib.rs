//! Captured stderr of workers: passes it on, and keeps its last lines.
//!
//! ```text
//! worker ──pipe──▶ thread `procpool-stderr` ──▶ the program's stderr, or what it was told to be
//!                    └──▶ Tail, which the manager asks for when the worker has died
//! ```
//!
//! An internal crate of procpool: its interface follows the pool's needs. It knows no task and no pool.
//!
//! # Guarantees
//!
//! - The caller never blocks. A thread of this crate passes the bytes on, for as long as nobody reads the
//!   program's stderr. A worker whose pipe is full blocks in its own `write`, as it does if stderr is
//!   inherited.
//! - Once a worker has died, everything that it wrote is in its pipe. The caller reads the part that the
//!   thread has not read, and hands it to the thread to pass on.
//! - Nobody waits for the end of a pipe: a program that a task started may hold it open. At the end the
//!   rest of each pipe is passed on, and the pipes are closed.
//!
//! These locks are held only for reads that do not block. A caller may hold a lock of its own.

#![forbid(unsafe_code)]

mod tail;

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::libc;
use nix::poll::PollTimeout;
use nix::unistd::{read, write};
use procpool_launch::Stream;
use procpool_launch::{OpenOutput, StartError};
use procpool_os::pipe::pipe;
use procpool_os::poller::{Poller, Writable};
use procpool_os::signal;

use crate::tail::Tail;

/// How much is read at once: the capacity of a pipe. Less takes more calls; more is never there.
const CHUNK: usize = 64 << 10;

/// How often a pipe is read at its worker's death and at the pool's end. A pipe can be enlarged to
/// hold this many chunks. More would only follow a process that keeps writing; fewer could miss a
/// worker's last words.
const READS: usize = 16;

/// How much is written at once. A writable pipe takes this much without blocking (`PIPE_BUF`), so
/// more could block; less takes more calls.
const WRITE: usize = 4 << 10;

/// How much output of dead workers is kept while the program's stderr is stuck. More can take more
/// memory; less loses last words sooner.
const REST: usize = 4 << 20;

/// How long the pool's end waits for an unwritable stderr, in milliseconds. Longer delays the end
/// behind a stuck reader; shorter loses last words to a slow one.
const STUCK_TIMEOUT: u16 = 1_000;

/// The stderr of all workers of a pool.
#[derive(Debug)]
pub struct Stderr {
    relay: Arc<Relay>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Stderr {
    /// Starts the thread, which passes on to `output`; the last `lines` lines of each worker are
    /// kept.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor or the thread.
    pub fn start(lines: usize, output: OpenOutput) -> Result<Self, StartError> {
        let failed = |what| move |errno| StartError { what, errno };
        let poller = Poller::new().map_err(failed("an epoll descriptor"))?;
        let relay = Arc::new(Relay {
            lines,
            output,
            poller,
            pipes: Mutex::default(),
            rest: Mutex::default(),
            over: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
        });
        let thread = thread::Builder::new().name("procpool-stderr".to_owned()).spawn({
            let relay = Arc::clone(&relay);
            move || relay.run()
        });
        let thread = thread
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EAGAIN)))
            .map_err(failed("the thread for stderr"))?;
        Ok(Self { relay, thread: Mutex::new(Some(thread)) })
    }

    /// Creates the stderr of the worker with number `slot`, and the worker's end of it. If the
    /// worker cannot be started, closing that end removes both.
    ///
    /// # Errors
    ///
    /// The system refuses a pipe.
    pub fn capture(&self, slot: usize) -> Result<(Captured, OwnedFd), StartError> {
        let failed = |what| move |errno| StartError { what, errno };
        let (ours, theirs) = pipe().map_err(failed("a pipe for stderr"))?;
        let tail = Mutex::new(Tail::new(self.relay.lines));
        let pipe = Arc::new(Pipe { slot, end: ours, tail });
        lock(&self.relay.pipes).push(Arc::clone(&pipe));
        let captured = Captured { relay: Arc::clone(&self.relay), pipe };
        if let Err(errno) = self.relay.poller.add(&captured.pipe.end, captured.pipe.number()) {
            self.relay.forget(&captured.pipe);
            return Err(StartError { what: "an epoll registration", errno });
        }
        Ok((captured, theirs))
    }

    /// Passes on the rest and ends the thread.
    pub fn stop(&self) {
        self.relay.over.store(true, Ordering::Release);
        if self.relay.poller.wake().is_err() {
            // The thread sleeps forever.
            return;
        }
        if let Some(thread) = lock(&self.thread).take() {
            // A panic of the thread is a bug, already reported by the hook; there is nobody else to
            // report it to.
            let _ = thread.join();
        }
    }
}

impl Drop for Stderr {
    /// Stops the thread of a pool that never had a manager.
    fn drop(&mut self) {
        self.stop();
    }
}

/// The stderr of one worker.
#[derive(Debug)]
pub struct Captured {
    relay: Arc<Relay>,
    pipe: Arc<Pipe>,
}

impl Captured {
    /// Returns the last lines of a worker that has ended.
    pub fn last_lines(&self) -> String {
        let mut chunk = vec![0; CHUNK];
        let mut rest = Vec::new();
        for _ in 0..READS {
            match self.pipe.read(&mut chunk) {
                Read::Bytes(count) => rest.extend_from_slice(&chunk[..count]),
                Read::Nothing => break,
                Read::Ended => {
                    self.relay.forget(&self.pipe);
                    break;
                }
            }
        }
        self.relay.leave(self.pipe.slot, rest);
        lock(&self.pipe.tail).text()
    }
}

/// The parent's end of a worker's stderr, and the last lines read from it.
#[derive(Debug)]
struct Pipe {
    slot: usize,
    end: OwnedFd,
    tail: Mutex<Tail>,
}

enum Read {
    Bytes(usize),
    Nothing,
    Ended,
}

impl Pipe {
    /// The number under which its end is registered.
    fn number(&self) -> u64 {
        u64::from(self.end.as_raw_fd().unsigned_abs())
    }

    /// Reads the available bytes and keeps the last lines, both under the lock, so that they stay
    /// in order whichever thread reads.
    fn read(&self, chunk: &mut [u8]) -> Read {
        let mut tail = lock(&self.tail);
        match read(&self.end, chunk) {
            Ok(0) => Read::Ended,
            Ok(count) => {
                tail.push(&chunk[..count]);
                Read::Bytes(count)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Read::Nothing,
            Err(_) => Read::Ended,
        }
    }
}

/// The state of the thread.
#[derive(Debug)]
struct Relay {
    lines: usize,
    output: OpenOutput,
    poller: Poller,
    pipes: Mutex<Vec<Arc<Pipe>>>,
    /// Bytes of dead workers that the manager read, each with its worker's number.
    rest: Mutex<Vec<(usize, Vec<u8>)>>,
    /// Whether no worker is left and none will be started.
    over: AtomicBool,
    /// Whether the wait for a stuck sink at the pool's end has timed out. It happens once.
    stuck: AtomicBool,
}

impl Relay {
    /// Runs the thread. Returns when the pool is over.
    fn run(&self) {
        signal::block_all();
        let mut chunk = vec![0; CHUNK];
        let mut ready = Vec::new();
        loop {
            self.pass_on_rest();
            // Checked here: a wake-up during `pass_on_rest` ends a wait for the sink and nothing
            // else.
            if self.over.load(Ordering::Acquire) || self.poller.wait(&mut ready, None).is_err() {
                break;
            }
            for number in &ready {
                let found = lock(&self.pipes).iter().find(|pipe| pipe.number() == *number).cloned();
                if let Some(pipe) = found {
                    self.relay(&pipe, &mut chunk);
                }
            }
        }
        self.pass_on_rest();
        // Not in the loop's head, which would hold the lock for the whole loop: forgetting a pipe
        // that has ended takes it.
        let pipes = std::mem::take(&mut *lock(&self.pipes));
        for pipe in pipes {
            let _ = (0..READS).take_while(|_| self.relay(&pipe, &mut chunk)).count();
        }
    }

    /// Passes on the bytes of one read. Returns `false` if there were none.
    fn relay(&self, pipe: &Pipe, chunk: &mut [u8]) -> bool {
        match pipe.read(chunk) {
            Read::Bytes(count) => self.pass_on(pipe.slot, &chunk[..count]),
            Read::Nothing => return false,
            Read::Ended => {
                self.forget(pipe);
                return false;
            }
        }
        true
    }

    /// Forgets a pipe. It is closed once its worker is forgotten as well.
    fn forget(&self, pipe: &Pipe) {
        self.poller.remove(&pipe.end);
        lock(&self.pipes).retain(|other| !std::ptr::eq(&**other, pipe));
    }

    /// Queues bytes that were read elsewhere for the thread.
    fn leave(&self, slot: usize, bytes: Vec<u8>) {
        let mut rest = lock(&self.rest);
        let waiting: usize = rest.iter().map(|(_, bytes)| bytes.len()).sum();
        if !bytes.is_empty() && waiting + bytes.len() <= REST {
            rest.push((slot, bytes));
            // If the thread cannot be woken, it passes on nothing more.
            let _ = self.poller.wake();
        }
    }

    /// Passes on all queued bytes, including those queued in the meantime: their wake-up may be
    /// consumed here.
    fn pass_on_rest(&self) {
        loop {
            let rest = std::mem::take(&mut *lock(&self.rest));
            if rest.is_empty() {
                return;
            }
            rest.iter().for_each(|(slot, bytes)| self.pass_on(*slot, bytes));
        }
    }

    /// Writes to the destination of worker `slot`'s stderr. Bytes that cannot be written are lost,
    /// as they would be if the worker itself had failed to write them.
    fn pass_on(&self, slot: usize, mut bytes: &[u8]) {
        let stderr = io::stderr();
        let sink = match self.output.stream(slot) {
            Stream::Inherited => stderr.as_fd(),
            Stream::Null => return,
            Stream::Descriptor(sink) => sink,
        };
        // Relaxed: only this thread uses it.
        while !bytes.is_empty() && !self.stuck.load(Ordering::Relaxed) {
            let over = self.over.load(Ordering::Acquire);
            let timeout = if over { PollTimeout::from(STUCK_TIMEOUT) } else { PollTimeout::NONE };
            match self.poller.wait_writable(sink, timeout) {
                Writable::Woken => {}
                Writable::TimedOut => self.stuck.store(true, Ordering::Relaxed),
                Writable::Now => match write(sink, &bytes[..bytes.len().min(WRITE)]) {
                    Ok(count) => bytes = &bytes[count..],
                    Err(Errno::EAGAIN | Errno::EINTR) => {}
                    Err(_) => return,
                },
            }
        }
    }
}

/// Under these locks only a failed allocation panics, and it leaves the guarded values whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    /// Longer than any step takes, so that a hang becomes a failure.
    const HANG: Duration = Duration::from_secs(60);

    /// A thread that waits until a full pipe takes the output of a dead worker, and that pipe.
    fn waiting_for_sink() -> (Stderr, OwnedFd) {
        let (reader, sink) = nix::unistd::pipe().unwrap();
        fcntl(&sink, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        while write(&sink, &[b'.'; WRITE]).is_ok() {}
        let stderr = Stderr::start(1, OpenOutput::Files(vec![sink])).unwrap();
        stderr.relay.leave(0, b"first".to_vec());
        while !lock(&stderr.relay.rest).is_empty() {
            thread::yield_now();
        }
        (stderr, reader)
    }

    /// Reads on a thread of its own until `last` arrives, then returns the reader through the
    /// channel.
    fn read_until(last: &'static [u8], reader: OwnedFd) -> Receiver<OwnedFd> {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let (mut text, mut chunk) = (Vec::new(), [0; WRITE]);
            while !text.ends_with(last) {
                let count = read(&reader, &mut chunk).unwrap();
                text.extend_from_slice(&chunk[..count]);
            }
            // The test waits for it, or has already failed.
            let _ = sender.send(reader);
        });
        receiver
    }

    #[test]
    fn an_end_while_the_sink_is_waited_for_is_not_missed() {
        let (stderr, reader) = waiting_for_sink();
        stderr.relay.over.store(true, Ordering::Release);
        stderr.relay.poller.wake().unwrap();
        // Makes room for the waiting bytes. They may have been given up, which ends the thread as
        // well.
        let _open = read_until(b".", reader).recv_timeout(HANG).unwrap();
        let thread = lock(&stderr.thread).take().unwrap();
        let (sender, joined) = channel();
        thread::spawn(move || sender.send(thread.join().is_ok()));
        assert_eq!(joined.recv_timeout(HANG), Ok(true), "the thread has missed the end");
    }

    #[test]
    fn bytes_left_while_the_sink_is_waited_for_are_passed_on() {
        let (stderr, reader) = waiting_for_sink();
        stderr.relay.leave(0, b"second".to_vec());
        let read = read_until(b"second", reader).recv_timeout(HANG);
        assert!(read.is_ok(), "the thread has missed what was left");
    }
}
