//! Copies of a test program with one thread, in which `StartMethod::Fork` is tested.
//!
//! ```text
//! test program ──before main──▶ template ──each case──▶ keeper ──▶ copy: runs the case
//!      ▲                                                  │
//!      └─────────── the copy's number, then how it ended ─┘
//! ```
//!
//! A test harness has threads, and starts one for every test, so no pool of a test can be forked from its
//! process. The template is forked from it before `main`, when there is one thread and no lock is held. A
//! request to it is the address of a function, which is the same in both, and the bytes of a closure that
//! owns nothing.
//!
//! Owns the template, the keepers and the copies: how they are made, what they inherit, and that none
//! outlives the test program. Knows nothing of pools, except that a worker must not have a template;
//! [`watch`](crate::watch) reports a case that fails or hangs.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recv,
    recvmsg, send, sendmsg, socketpair,
};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdout, fork, getpid, getppid};

use crate::left::Baseline;

/// The socket to the template, in a test program that has one.
static TEMPLATE: OnceLock<OwnedFd> = OnceLock::new();

/// The function that runs a case in its copy; it reads the closure from the socket.
type Entry = fn(OwnedFd);

/// The exit code of a copy whose case ended. Not 0, which a case that exits in its middle may use.
const FINISHED: i32 = 86;

/// The exit code of a copy whose case panicked, as of any Rust program that panics.
const PANICKED: i32 = 101;

/// The exit code of a process that cannot do its work.
const CONFUSED: i32 = 70;

/// Makes a test program run every case of [`watch::within`](crate::watch::within) in a copy of its
/// own, which has one thread. Write it once, at the top level of the test program, in place of
/// `procpool::init_tests!()`.
#[macro_export]
macro_rules! run_in_copies {
    () => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static INIT: extern "C" fn() = $crate::copies::start_before_main;
        };
    };
}

/// The function that [`run_in_copies!`](crate::run_in_copies) runs before `main`.
///
/// A panic cannot leave an `extern "C"` function: it aborts, with its message.
pub extern "C" fn start_before_main() {
    // Like Rust's runtime, which has not started yet, and never does in a copy.
    // SAFETY: ignoring a signal runs no code of this process.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }.expect("SIGPIPE can be ignored");
    // A worker, which is this program started again, never gets past this.
    procpool::init();
    let (ours, theirs) = pair();
    // SAFETY: nothing has started a thread before `main`, so the copy is complete.
    match unsafe { fork() }.expect("a process can be started") {
        ForkResult::Parent { .. } => TEMPLATE.set(ours).expect("it is started once"),
        ForkResult::Child => {
            // Only the test program has the other end, so the template notices its exit.
            drop(ours);
            serve(theirs)
        }
    }
}

/// Whether cases must run in copies. They need not in a copy, which has one thread.
pub(crate) fn are_made() -> bool {
    TEMPLATE.get().is_some()
}

/// A case that runs in a copy.
#[derive(Debug)]
pub(crate) struct Case {
    /// The copy's pid.
    pub(crate) pid: u32,
    report: OwnedFd,
    output: File,
}

/// How a copy ended: its wait(2) status, and its output, stderr included.
#[derive(Debug)]
pub(crate) struct Ended {
    status: i32,
    /// The output of the copy and its workers.
    pub(crate) output: String,
}

impl Ended {
    /// Whether the case ended.
    pub(crate) fn is_success(&self) -> bool {
        libc::WIFEXITED(self.status) && libc::WEXITSTATUS(self.status) == FINISHED
    }

    /// How it ended, in words.
    pub(crate) fn describe(&self) -> String {
        match self.status {
            status if libc::WIFSIGNALED(status) => {
                format!("its process was ended by signal {}", libc::WTERMSIG(status))
            }
            status if libc::WEXITSTATUS(status) == PANICKED => "it panicked".to_owned(),
            status => format!("its process exited with code {}", libc::WEXITSTATUS(status)),
        }
    }
}

/// A closure that owns nothing, and the function that runs it in a copy.
#[derive(Debug)]
pub(crate) struct Request<'case> {
    entry: Entry,
    closure: &'case [MaybeUninit<u8>],
}

impl<'case> Request<'case> {
    /// Returns the request to run `case`.
    ///
    /// # Panics
    ///
    /// When the closure owns a value, which would stay in this process.
    pub(crate) fn of<T, F: FnOnce() -> T + Send + 'static>(case: &'case F) -> Self {
        assert!(
            !std::mem::needs_drop::<F>(),
            "a case that runs in a copy can capture only what owns nothing: make the rest in it"
        );
        // SAFETY: that many bytes can be read there for as long as `case` is borrowed; some may be padding.
        let closure = unsafe { slice::from_raw_parts((&raw const *case).cast(), size_of::<F>()) };
        Self { entry: enter::<T, F>, closure }
    }
}

impl Case {
    /// Runs a closure in a copy of the test program as it was before `main`.
    ///
    /// # Panics
    ///
    /// When there is no template, or it has exited.
    pub(crate) fn start(case: &Request) -> Self {
        let template = TEMPLATE.get().expect("the test program says run_in_copies!()");
        let (report, theirs) = pair();
        let size = case.closure.len();
        if size > 0 {
            let closure = case.closure.as_ptr().cast();
            // SAFETY: these bytes are borrowed; the kernel does not care that some may be padding.
            let sent = unsafe { libc::send(report.as_raw_fd(), closure, size, libc::MSG_NOSIGNAL) };
            assert_eq!(sent, size as isize, "a closure is sent whole: {}", Errno::last());
        }
        let output = tempfile::tempfile().expect("a temporary file can be made");
        let bytes = (case.entry as usize).to_ne_bytes();
        let descriptors = [theirs.as_raw_fd(), output.as_raw_fd()];
        let descriptors = [ControlMessage::ScmRights(&descriptors)];
        let bytes = [IoSlice::new(&bytes)];
        let flags = MsgFlags::MSG_NOSIGNAL;
        sendmsg::<()>(template.as_raw_fd(), &bytes, &descriptors, flags, None)
            .expect("the template lives as long as the test program");
        drop(theirs);
        let pid = read_number(&report).expect("the template makes a copy");
        Self { pid: pid as u32, report, output }
    }

    /// Waits for its exit; `None` if it has not exited within `limit`.
    ///
    /// # Panics
    ///
    /// When its keeper was killed.
    pub(crate) fn ended_within(&mut self, limit: Duration) -> Option<Ended> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let millis = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.report.as_fd(), PollFlags::POLLIN)], millis) {
                Ok(0) => return None,
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => panic!("a copy cannot be waited for: {errno}"),
            }
        }
        let status = read_number(&self.report).expect("a keeper tells how its copy ended");
        Some(Ended { status, output: self.output() })
    }

    /// Kills it. Its keeper, which has not waited for it yet, exits with it.
    pub(crate) fn kill(&self) {
        // It only fails if the copy has just exited, which the keeper then reports to no reader.
        let _ = kill(Pid::from_raw(self.pid as i32), Signal::SIGKILL);
    }

    /// The output so far, including its workers'.
    ///
    /// # Panics
    ///
    /// When the file cannot be read.
    pub(crate) fn output(&mut self) -> String {
        let mut output = Vec::new();
        self.output.rewind().expect("a file has a beginning");
        self.output.read_to_end(&mut output).expect("a temporary file can be read");
        String::from_utf8_lossy(&output).into_owned()
    }
}

/// The template: starts a keeper for each request, until the test program has exited.
fn serve(control: OwnedFd) -> ! {
    // The kernel reaps the keepers.
    // SAFETY: ignoring a signal runs no code of this process.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.expect("SIGCHLD can be ignored");
    let this = getpid();
    while let Some((entry, report, output)) = receive(&control) {
        // SAFETY: the template starts no thread.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                drop(control);
                keep(this, entry, report, output)
            }
            // If there is no room for a process, the socket closes, which the test notices.
            Ok(ForkResult::Parent { .. }) | Err(_) => {}
        }
    }
    exit(0)
}

/// Receives a request; `None` when the test program has exited.
fn receive(control: &OwnedFd) -> Option<(Entry, OwnedFd, OwnedFd)> {
    let mut bytes = [0; size_of::<usize>()];
    let mut space = nix::cmsg_space!([RawFd; 2]);
    let mut buffers = [IoSliceMut::new(&mut bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(control.as_raw_fd(), &mut buffers, Some(&mut space), flags).ok()?;
    let mut messages = message.cmsgs().ok()?;
    let Some(ControlMessageOwned::ScmRights(descriptors)) = messages.next() else { return None };
    let [report, output] = descriptors[..] else { return None };
    // SAFETY: the kernel has just made it for this process, and no other object owns it.
    let report = unsafe { OwnedFd::from_raw_fd(report) };
    // SAFETY: as above.
    let output = unsafe { OwnedFd::from_raw_fd(output) };
    let address = usize::from_ne_bytes(bytes);
    // SAFETY: the test program sent the address of such a function of its own, and this process is a copy
    // of it, with the same code at the same address.
    let entry = unsafe { std::mem::transmute::<usize, Entry>(address) };
    Some((entry, report, output))
}

/// The keeper of one copy: starts it, waits for it, and reports how it ended.
fn keep(template: Pid, entry: Entry, report: OwnedFd, output: OwnedFd) -> ! {
    end_with(template);
    // SAFETY: the default action runs no code of this process.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }.expect("it has a default action");
    let this = getpid();
    // SAFETY: a keeper starts no thread.
    match unsafe { fork() } {
        Err(_) => exit(CONFUSED),
        Ok(ForkResult::Child) => become_copy(this, entry, report, output),
        Ok(ForkResult::Parent { child }) => {
            drop(output);
            write_number(&report, child.as_raw());
            let mut status = 0;
            // SAFETY: the status is written to a variable of this frame.
            while unsafe { libc::waitpid(child.as_raw(), &raw mut status, 0) } == -1 {
                if Errno::last() != Errno::EINTR {
                    exit(CONFUSED);
                }
            }
            write_number(&report, status);
            exit(0)
        }
    }
}

/// The copy: runs its case, checks for leftovers, and exits without the test program's own exit handlers.
fn become_copy(keeper: Pid, entry: Entry, report: OwnedFd, output: OwnedFd) -> ! {
    end_with(keeper);
    if dup2_stdout(&output).is_err() || dup2_stderr(&output).is_err() {
        exit(CONFUSED);
    }
    drop(output);
    let outcome = catch_unwind(AssertUnwindSafe(|| entry(report)));
    // A failure here only loses output of a test whose file is full.
    let _ = std::io::stdout().flush();
    exit(if outcome.is_ok() { FINISHED } else { PANICKED })
}

/// Runs the case whose closure is in the socket.
fn enter<T, F: FnOnce() -> T>(socket: OwnedFd) {
    let mut case = MaybeUninit::<F>::uninit();
    // SAFETY: any bytes may be written there, until the borrow ends.
    let bytes = unsafe { slice::from_raw_parts_mut(case.as_mut_ptr().cast(), size_of::<F>()) };
    receive_closure(&socket, bytes);
    drop(socket);
    // SAFETY: these are the bytes of such a closure, which owns nothing, so it may exist twice; its
    // references are static, and this process is a copy of the one in which it was made. A closure without
    // bytes is valid in any memory.
    let case = unsafe { case.assume_init() };
    let baseline = Baseline::look();
    case();
    baseline.assert_back();
}

fn receive_closure(socket: &OwnedFd, closure: &mut [MaybeUninit<u8>]) {
    let size = closure.len();
    if size > 0 {
        // SAFETY: there is room for that many bytes.
        let read = unsafe { libc::recv(socket.as_raw_fd(), closure.as_mut_ptr().cast(), size, 0) };
        assert_eq!(read, size as isize, "a closure is received whole: {}", Errno::last());
    }
}

/// Makes this process exit with its parent, at once if that has already exited.
fn end_with(parent: Pid) {
    if set_pdeathsig(Signal::SIGKILL).is_err() || getppid() != parent {
        exit(CONFUSED);
    }
}

/// Ends this process without the test program's exit handlers.
fn exit(code: i32) -> ! {
    // SAFETY: it does not return, and touches no memory.
    unsafe { libc::_exit(code) }
}

fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
        .expect("a socket pair can be made")
}

/// Sends a number. Only the test program reads it; if it has exited, the number is not needed.
fn write_number(socket: &OwnedFd, number: i32) {
    if send(socket.as_raw_fd(), &number.to_ne_bytes(), MsgFlags::MSG_NOSIGNAL).is_err() {
        exit(CONFUSED);
    }
}

/// Waits for a number; `None` when none will arrive.
fn read_number(socket: &OwnedFd) -> Option<i32> {
    let mut bytes = [0; 4];
    loop {
        match recv(socket.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
            Ok(4) => return Some(i32::from_ne_bytes(bytes)),
            Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => return None,
        }
    }
}
