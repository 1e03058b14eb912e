//! Signals to the program, and the signal settings that workers have from the forkserver.

use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use procpool_testkit::crossing::{Crossing, cross};

use super::support::{builder, method};

/// Every signal that would end an unprepared process, except those that cannot be handled and those by
/// which the kernel reports faults.
fn ending_signals() -> impl Iterator<Item = i32> {
    let others = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
    ];
    // 32 and 33 are the C library's.
    (1..=64).filter(move |number| !others.contains(number) && ![32, 33].contains(number))
}

fn set_action(action: libc::sighandler_t) {
    for number in ending_signals() {
        // SAFETY: ignoring a signal and its default action run no code of this process.
        unsafe { libc::signal(number, action) };
    }
}

/// Sends every signal to all processes of the program.
fn send_all() {
    for number in ending_signals() {
        // SAFETY: kill(2) takes two integers; 0 is the group that this program leads.
        assert_eq!(unsafe { libc::kill(0, number) }, 0, "signal {number}");
    }
}

/// An initializer: the worker itself is shielded from now on.
fn ignore() {
    set_action(libc::SIG_IGN);
}

/// Sends the signals to its forkserver only.
fn preload() {
    for number in ending_signals() {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::raise(number) }, 0, "signal {number}");
    }
}

pub(crate) fn no_signal_ends_the_forkserver() {
    let crossing = Crossing::new();
    let mut builder = builder(2).initializer(ignore);
    if method() != "spawn" {
        builder = builder.preload(preload);
    }
    let pool = builder.build().expect("it can be built");
    let first = pool.submit(cross, crossing.places());
    crossing.wait_for(1);
    // A worker that was about to start would not be shielded yet, under any start method.
    set_action(libc::SIG_IGN);
    send_all();
    set_action(libc::SIG_DFL);
    let second = pool.submit(cross, crossing.places());
    crossing.wait_for(1);
    crossing.let_go(2);
    assert_ne!(first.result().unwrap(), second.result().unwrap());
}

/// The signals that the calling thread blocks, ignores and handles.
fn masks((): ()) -> [u64; 3] {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("/proc is mounted");
    ["SigBlk:", "SigIgn:", "SigCgt:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        u64::from_str_radix(line.trim(), 16).expect("masks are hexadecimal")
    })
}

extern "C" fn do_nothing(_: libc::c_int) {}

const fn bit(number: i32) -> u64 {
    1 << (number - 1)
}

pub(crate) fn workers_have_the_builders_mask_and_the_actions_of_preload() {
    set_action(libc::SIG_DFL);
    // As Rust's runtime has it.
    // SAFETY: ignoring a signal runs no code of this process.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGUSR1);
    blocked.add(Signal::SIGTERM);
    blocked.thread_block().expect("they exist");
    let handle = || {
        let action = do_nothing as *const () as libc::sighandler_t;
        for number in [libc::SIGUSR2, 40] {
            // SAFETY: the handler touches nothing.
            unsafe { libc::signal(number, action) };
        }
    };
    let builder = builder(1);
    let has_server = method() != "spawn";
    let builder = if has_server { builder.preload(handle) } else { builder.initializer(handle) };
    let pool = builder.build().expect("it can be built");
    let [blocked, ignored, handled] = pool.submit(masks, ()).result().unwrap();
    assert_eq!(blocked, bit(libc::SIGUSR1) | bit(libc::SIGTERM));
    // The C library's use of its own two is not the pool's concern.
    assert_eq!(ignored & !(bit(32) | bit(33)), bit(libc::SIGPIPE), "{ignored:x}");
    let faults = bit(libc::SIGSEGV) | bit(libc::SIGBUS);
    let own = bit(libc::SIGINT) | bit(libc::SIGUSR2) | bit(40);
    assert_eq!(handled & !(faults | bit(32) | bit(33)), own, "{handled:x}");
    SigSet::empty().thread_set_mask().expect("it exists");
}
