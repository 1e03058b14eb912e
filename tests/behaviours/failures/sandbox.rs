//! Workers in a sandbox: a filter refuses one system call, each in turn. Every operation of a worker then
//! works, or its error names the call.

use std::time::{Duration, Instant};

use nix::libc;
use procpool::{DeathPolicy, Error, Future, ProcessPoolExecutor};
use procpool_testkit::crossing::Crossing;
use procpool_testkit::sandbox::{ANSWERS, Answer, CALLS, Call, OLD_CALLS, refuse};
use procpool_testkit::{gate, os, watch};
use serde::de::DeserializeOwned;

const MIB: usize = 1 << 20;

/// The code that puts a worker into its sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installer {
    Initializer,
    Task,
}

/// An initializer or a task.
fn enter((number, errno): (libc::c_long, i32)) -> u32 {
    refuse(number, Answer::Errno(errno));
    std::process::id()
}

fn enter_as_initializer(place: (libc::c_long, i32)) {
    if place.0 >= 0 {
        enter(place);
    }
}

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn bytes(length: usize) -> Vec<u8> {
    vec![7; length]
}

/// Longer than a thread looks for a result without sleeping.
fn compute(millis: u64) -> u64 {
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(millis) {
        std::hint::spin_loop();
    }
    millis
}

/// The calls without which a worker may be unable to continue.
const MAY_END: [&str; 6] = ["sendmsg", "futex", "mmap", "mremap", "munmap", "mprotect"];

/// Whether an error names a call without which an operation cannot work. The allocator reports missing
/// memory in the worker's last words; and the C library's own waiting fails if a panic unwinds first.
fn names(text: &str, call: &str) -> bool {
    match call {
        "sendmsg" => text.contains("the system refused sendmsg(2)"),
        "futex" => text.contains("The futex facility"),
        "mmap" | "mremap" | "munmap" | "mprotect" => text.contains("memory allocation of "),
        _ => false,
    }
}

/// Failures whose error does not name the call.
fn complaint<T>(future: &Future<T>, call: &str, is_right: impl FnOnce(&T) -> bool) -> Option<String>
where
    T: DeserializeOwned + std::fmt::Debug + 'static,
{
    match future.result_timeout(watch::HANG) {
        Ok(value) => (!is_right(&value)).then(|| format!("{value:.80?}")),
        Err(error) => {
            let text = error.to_string();
            (!names(&text, call)).then_some(text)
        }
    }
}

/// Waits until a process sleeps, or has ended.
fn wait_for_sleep(pid: u32) {
    while os::process(pid).is_some_and(|process| !"SZ".contains(process.state)) {
        std::thread::yield_now();
    }
}

/// Runs every operation of a worker under a filter.
fn complaints(call: Call, errno: i32, installer: Installer) -> Vec<String> {
    let Call(name, number) = call;
    let policy = DeathPolicy::Replace { retries: 0 };
    let builder = crate::builder().max_workers(1).death_policy(policy).capture_stderr(5);
    let first = if installer == Installer::Initializer { number } else { -1 };
    // A backtrace with symbols takes longer than everything else.
    let builder = builder.env("RUST_LIB_BACKTRACE", "0");
    let builder = builder.initializer_with_args(enter_as_initializer, (first, errno));
    let executor: ProcessPoolExecutor<_> = builder.build().unwrap();
    let mut found: Vec<Option<String>> = Vec::new();
    let who = executor.submit(|()| std::process::id(), ());
    found.push(complaint(&who, name, |_| true));
    for _ in 0..2 {
        if installer == Installer::Task {
            found.push(complaint(&executor.submit(enter, (number, errno)), name, |_| true));
        }
        if let Ok(worker) = who.result() {
            wait_for_sleep(worker);
        }
        found.push(complaint(&executor.submit(|x: u32| x + 1, 1), name, |two| *two == 2));
        let large = executor.submit(length, vec![7; MIB]);
        found.push(complaint(&large, name, |length| *length == MIB));
        let large = executor.submit(bytes, MIB);
        found.push(complaint(&large, name, |bytes| bytes.len() == MIB));
        found.push(complaint(&executor.submit(compute, 2), name, |two| *two == 2));
        match executor.submit(|()| -> () { panic!("as asked") }, ()).result_timeout(watch::HANG) {
            Err(Error::Panicked(panic)) if panic.message == "as asked" => {}
            Err(error) if names(&error.to_string(), name) => {}
            other => found.push(Some(format!("a panic: {other:?}"))),
        }
    }
    let restarts = executor.stats().restarts;
    if restarts > 0 && !MAY_END.contains(&name) {
        found.push(Some(format!("workers have ended, {restarts} of which were replaced")));
    }
    drop(executor);
    let place = format!("{name} refused with {errno} by the {installer:?}");
    found.into_iter().flatten().map(|what| format!("{place}: {what}\n")).collect()
}

fn assert_all_named(installer: Installer) {
    let mut found = String::new();
    for call in CALLS.into_iter().chain(OLD_CALLS) {
        for errno in ANSWERS {
            println!("{call:?} {errno}");
            found.extend(complaints(call, errno, installer));
        }
    }
    assert_eq!(found, "");
}

#[test]
fn a_syscall_refused_by_an_initializer_is_named_in_the_error() {
    watch::within(10 * watch::HANG, || assert_all_named(Installer::Initializer));
}

#[test]
fn a_syscall_refused_by_a_task_is_named_in_the_error() {
    watch::within(10 * watch::HANG, || assert_all_named(Installer::Task));
}

#[test]
fn a_worker_killed_for_a_syscall_is_reported_with_the_signal() {
    watch::within(watch::HANG, || {
        let enter = |()| refuse(libc::SYS_prctl, Answer::Kill);
        let policy = DeathPolicy::Replace { retries: 0 };
        let executor = crate::builder().max_workers(1).death_policy(policy).build().unwrap();
        let mut events = executor.events();
        assert_eq!(executor.submit(enter, ()).result(), Ok(()));
        let exit = events.find_map(|event| match event.kind {
            procpool::EventKind::WorkerExited(_, reason) => Some(reason.to_string()),
            _ => None,
        });
        assert_eq!(exit.as_deref(), Some("was killed by SIGSYS"));
    });
}

#[test]
fn a_program_that_enters_a_sandbox_after_its_first_map_misses_no_item() {
    watch::within(watch::HANG, || {
        for errno in ANSWERS {
            let crossing = Crossing::new();
            // A copy of this program, because the filter applies to the whole process.
            let report = procpool_testkit::forked::report_of(|| {
                let executor = crate::builder().max_workers(2).build().unwrap();
                let mut sum: u32 = executor.map(|x: u32| x, 0..100).map(Result::unwrap).sum();
                refuse(libc::SYS_membarrier, Answer::Errno(errno));
                for _ in 0..50 {
                    // The second item exists when the first one's task has run.
                    let items = (0..2_u32).map(|x| {
                        if x == 1 {
                            crossing.wait_for(1);
                        }
                        (x, crossing.places().0)
                    });
                    let tell = |(x, ran): (u32, String)| {
                        if x == 0 {
                            gate::give(&ran);
                        }
                        x
                    };
                    sum += executor.map(tell, items).map(Result::unwrap).sum::<u32>();
                }
                sum.to_string()
            });
            assert_eq!(report, (4950 + 50).to_string());
        }
    });
}
