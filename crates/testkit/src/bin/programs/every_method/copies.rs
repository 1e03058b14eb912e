//! The parts of the program that a worker has, whether it is a copy of the program or not.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use procpool::Error;
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{os, trace};

use super::support::{builder, method, pool};

/// The open descriptors of this process.
fn descriptors((): ()) -> Vec<(i32, String)> {
    os::descriptors_of(std::process::id())
}

pub(crate) fn a_worker_has_only_its_own_descriptors() {
    let file = File::open("/dev/zero").expect("it is there");
    // Far from the numbers that are used next.
    let far = fcntl(&file, FcntlArg::F_DUPFD_CLOEXEC(100)).expect("the number is free");
    // SAFETY: the call succeeded, so this is a new descriptor that nothing else owns.
    let far = unsafe { OwnedFd::from_raw_fd(far) };
    let crossing = Crossing::new();
    let pool = pool(2);
    let busy = pool.submit(cross, crossing.places());
    crossing.wait_for(1);
    // In the second worker, whose forkserver has another one.
    let found = pool.submit(descriptors, ()).result().unwrap();
    crossing.let_go(1);
    busy.result().unwrap();
    let numbers: Vec<i32> = found.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers[..3], [0, 1, 2], "{found:?}");
    assert_eq!(found[0].1, "/dev/null", "{found:?}");
    let own: Vec<&String> = found[3..]
        .iter()
        .filter(|(number, _)| method() == "fork" || !is_handed_down(*number))
        .map(|(_, target)| target)
        .collect();
    // In the order of their numbers, which is not that of their creation.
    let has = |kind| own.iter().any(|target| target.starts_with(kind));
    assert!(own.len() == 2 && has("socket:") && has("pipe:"), "a link and a lifeline: {found:?}");
    drop(far);
}

/// Whether this program was started with `number` open for all its children.
fn is_handed_down(number: i32) -> bool {
    // SAFETY: the borrow ends with this function, and this program closes nothing during it.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let flags = fcntl(descriptor, FcntlArg::F_GETFD).map(FdFlag::from_bits_retain);
    flags.is_ok_and(|flags| !flags.contains(FdFlag::FD_CLOEXEC))
}

pub(crate) fn output_before_the_start_of_workers_is_printed_once() {
    // It stays in this process's buffer, and a copy of the process has a copy of the buffer.
    print!("once ");
    let pool = pool(2);
    let tell = |number: u32| print!("task {number} ");
    pool.submit(tell, 1).result().unwrap();
    drop(pool);
    print!("end");
    std::io::stdout().flush().expect("it is open");
}

/// Memory of the program when it makes a pool.
static LOADED: OnceLock<Vec<u32>> = OnceLock::new();

/// Data that `preload` sets.
static PRELOADED: OnceLock<u32> = OnceLock::new();

fn sum_of_loaded((): ()) -> Option<u32> {
    LOADED.get().map(|loaded| loaded.iter().sum())
}

pub(crate) fn only_a_forked_worker_has_the_programs_memory() {
    LOADED.set(vec![1, 2, 3]).expect("it is set once");
    let expected = if method() == "fork" { Some(6) } else { None };
    assert_eq!(pool(1).submit(sum_of_loaded, ()).result(), Ok(expected));
}

fn preload() {
    trace::append("preloads", "preload");
    PRELOADED.set(std::process::id()).expect("it runs once in a process");
}

fn preloaded_and_cross(places: (String, String)) -> Option<u32> {
    cross(places);
    PRELOADED.get().copied()
}

pub(crate) fn preload_runs_once_and_every_worker_has_its_data() {
    let crossing = Crossing::new();
    std::env::set_current_dir(crossing.folder()).expect("it is there");
    let built = builder(3).preload(preload).build();
    if method() == "spawn" {
        let error = built.unwrap_err();
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
        assert!(error.to_string().contains("choose StartMethod::Forkserver"), "{error}");
    } else {
        let pool = built.expect("it can be built");
        let tasks = [(); 3].map(|()| pool.submit(preloaded_and_cross, crossing.places()));
        crossing.wait_for(3);
        let servers = os::servers_of(std::process::id());
        crossing.let_go(3);
        for task in tasks {
            assert_eq!(task.result(), Ok(Some(servers[0].pid)));
        }
        let preloads = trace::read::<String>(Path::new("preloads"));
        assert_eq!(preloads.len(), 1, "{preloads:?}");
    }
    std::env::set_current_dir("/").expect("it is there");
}

/// The program's exit handler: the length of the file is the number of its calls.
extern "C" fn on_exit() {
    let file = fs::OpenOptions::new().append(true).open("exits");
    // A handler cannot fail; the test counts the bytes.
    let _ = file.and_then(|mut file| file.write_all(b"x"));
}

struct Witness;

impl Drop for Witness {
    fn drop(&mut self) {
        on_exit();
    }
}

thread_local! {
    static WITNESS: Witness = const { Witness };
}

pub(crate) fn no_worker_runs_the_programs_exit_handlers() {
    let crossing = Crossing::new();
    std::env::set_current_dir(crossing.folder()).expect("it is there");
    File::create("exits").expect("it can be made");
    // SAFETY: the handler is a function of this program, which outlives its calls.
    assert_eq!(unsafe { libc::atexit(on_exit) }, 0);
    WITNESS.with(|_| ());
    let pool = pool(2);
    let tasks = [(); 2].map(|()| pool.submit(cross, crossing.places()));
    crossing.wait_for(2);
    crossing.let_go(2);
    for task in tasks {
        task.result().unwrap();
    }
    drop(pool);
    assert_eq!(fs::read_to_string("exits").expect("it is there"), "");
    std::env::set_current_dir("/").expect("it is there");
}

extern "C" fn do_nothing(_: libc::c_int) {}

fn status((): ()) -> String {
    fs::read_to_string("/proc/thread-self/status").expect("/proc is mounted")
}

pub(crate) fn signal_settings_are_a_workers_own() {
    // The dispositions that this program inherited do not count: nohup ignores SIGHUP, a shell's `&`
    // SIGINT.
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        // SAFETY: the default action runs no code of this process.
        unsafe { sigaction(signal, &default) }.expect("it has one");
    }
    let handler = SigHandler::Handler(do_nothing);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGTERM, Signal::SIGUSR1] {
        // SAFETY: the handler touches nothing.
        unsafe { sigaction(signal, &action) }.expect("it can be handled");
    }
    let pool = pool(1);
    let found = pool.submit(status, ()).result().unwrap();
    let has = |name: &str, signal: Signal| {
        let line = found.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        let mask = u64::from_str_radix(line.trim(), 16).expect("masks are hexadecimal");
        mask & 1 << (signal as i32 - 1) != 0
    };
    for signal in Signal::iterator() {
        assert!(!has("SigBlk:", signal), "{signal} is blocked");
        assert_eq!(has("SigIgn:", signal), signal == Signal::SIGPIPE, "{signal}");
    }
    assert!(has("SigCgt:", Signal::SIGINT), "a worker survives Ctrl-C");
    assert!(!has("SigCgt:", Signal::SIGTERM) && !has("SigCgt:", Signal::SIGUSR1), "{found}");
}

pub(crate) fn workers_are_named_after_the_program() {
    let this = os::process(std::process::id()).expect("it is this one").name;
    assert_eq!(this, "programs");
    let pool = pool(1);
    let worker = os::process(pool.submit(pid, ()).result().unwrap()).expect("it is idle");
    assert_eq!(worker.name, this);
    let servers: Vec<String> =
        os::servers_of(std::process::id()).into_iter().map(|server| server.name).collect();
    let expected: &[&str] = if method() == "spawn" { &[] } else { &["procpool-server"] };
    assert_eq!(servers, expected);
}
