//! `preload`: its data is in memory once, and its failures are the pool's cause.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{Signal, raise};
use procpool::{
    Activity, BrokenCause, Builder, Error, ProcessPoolExecutor, ShutdownOptions, StartMethod,
    WorkerExit,
};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::pool::{cause_of, cause_reported_by};
use procpool_testkit::{os, watch};

const MIB: usize = 1 << 20;

/// The size of the loaded block: much more than a worker has otherwise.
const LOADED: usize = 64 * MIB;
const PAGE: usize = 4096;

static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();

fn load() {
    BLOCK.get_or_init(|| vec![1; LOADED]);
}

fn forkserver() -> Builder {
    ProcessPoolExecutor::builder().start_method(StartMethod::Forkserver)
}

/// Reads every page of the block, and stays.
fn read_and_cross(places: (String, String)) -> (u32, usize) {
    let block = BLOCK.get().expect("it was loaded");
    let sum = block.chunks(PAGE).map(|page| usize::from(page[0])).sum();
    (cross(places), sum)
}

/// The proportional share of a process's memory: shared pages count in parts.
fn share_of(pid: u32) -> usize {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("it is there");
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a kernel with PSS");
    let number = line.trim().strip_suffix(" kB").expect("it is in KiB");
    number.parse::<usize>().expect("a number") * 1024
}

/// The shares of three workers that have each read the block.
fn shares_of_workers(builder: Builder) -> [usize; 3] {
    let crossing = Crossing::new();
    let executor = builder.max_workers(3).build().unwrap();
    let server = executor.submit(|()| std::os::unix::process::parent_id(), ()).result().unwrap();
    let tasks = [(); 3].map(|()| executor.submit(read_and_cross, crossing.places()));
    crossing.wait_for(3);
    let workers = os::children_of(server);
    let shares: Vec<usize> = workers.iter().map(|worker| share_of(worker.pid)).collect();
    crossing.let_go(3);
    let expected = LOADED / PAGE;
    assert!(tasks.iter().all(|task| task.result().unwrap().1 == expected), "they read the block");
    shares.try_into().expect("three workers")
}

/// Draws a random number in a worker of its own.
fn draw(places: (String, String)) -> u64 {
    cross(places);
    RandomState::new().hash_one(0)
}

#[test]
fn forked_workers_continue_the_same_random_numbers() {
    let two = |builder: Builder| {
        let crossing = Crossing::new();
        let executor = builder.max_workers(2).build().unwrap();
        let tasks = [(); 2].map(|()| executor.submit(draw, crossing.places()));
        crossing.wait_for(2);
        crossing.let_go(2);
        tasks.map(|task| task.result().unwrap())
    };
    watch::within(watch::HANG, move || {
        let [one, other] = two(forkserver().preload(|| drop(RandomState::new())));
        assert_eq!(one, other);
        let [one, other] = two(ProcessPoolExecutor::builder());
        assert_ne!(one, other, "workers that are started again have numbers of their own");
    });
}

#[test]
fn preloaded_data_is_in_memory_once() {
    watch::within(watch::HANG, || {
        let shared = shares_of_workers(forkserver().preload(load));
        // A quarter each, with the forkserver, and a few MiB of their own.
        assert!(shared.iter().all(|share| *share < LOADED / 2), "{shared:?}");
        let apart = shares_of_workers(forkserver().initializer(load));
        assert!(apart.iter().all(|share| *share >= LOADED), "{apart:?}");
    });
}

/// The cause of a pool that fails in `preload`, and the error of a second task.
fn cause_with(preload: fn(), limit: Duration) -> (BrokenCause, String) {
    watch::within(watch::HANG, move || {
        let builder = forkserver().preload(preload).start_timeout(limit);
        let executor = builder.max_workers(2).build().unwrap();
        let error = executor.submit(|()| (), ()).error().expect("it cannot run");
        let (text, cause) = (error.to_string(), cause_of(&error).clone());
        assert_eq!(cause_reported_by(&executor.submit(|()| (), ())), cause);
        (cause, text)
    })
}

#[test]
fn a_panic_in_preload_is_the_cause_with_message_and_location() {
    let (cause, text) = cause_with(|| panic!("no data"), watch::HANG);
    let BrokenCause::PreloadPanicked { panic, .. } = cause else { panic!("{cause}") };
    assert_eq!(panic.message, "no data");
    assert!(panic.location.is_some_and(|place| place.contains("start_methods/preload.rs:")));
    assert!(text.contains("preload, in forkserver ") && text.contains("no data"), "{text}");
}

#[test]
fn an_exit_in_preload_is_the_cause() {
    let (cause, text) = cause_with(|| std::process::exit(7), watch::HANG);
    let BrokenCause::ForkserverDied { exit, activity, .. } = cause else { panic!("{cause}") };
    assert_eq!((exit, activity), (WorkerExit::Code(7), Activity::Preloading));
    assert!(text.ends_with("exited with code 7 while running preload"), "{text}");
}

#[test]
fn a_crash_in_preload_is_the_cause() {
    let crash = || raise(Signal::SIGKILL).expect("a process can signal itself");
    let (cause, _) = cause_with(crash, watch::HANG);
    let BrokenCause::ForkserverDied { exit, activity, .. } = cause else { panic!("{cause}") };
    assert_eq!((exit, activity), (WorkerExit::Signal(libc::SIGKILL), Activity::Preloading));
}

#[test]
fn a_thread_left_running_by_preload_is_the_cause() {
    let leave = || {
        std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        });
    };
    let (cause, text) = cause_with(leave, watch::HANG);
    assert!(matches!(cause, BrokenCause::PreloadLeftThreads { threads: 2, .. }), "{cause}");
    assert!(text.contains("with 2 threads"), "{text}");
}

#[test]
fn a_joined_thread_of_preload_is_accepted() {
    watch::within(watch::HANG, || {
        let join = || std::thread::spawn(|| ()).join().expect("it does not panic");
        let executor = forkserver().preload(join).build().unwrap();
        assert_eq!(executor.submit(|x: u32| 2 * x, 21).result(), Ok(42));
    });
}

/// Never returns.
fn hang() {
    loop {
        nix::unistd::pause();
    }
}

#[test]
fn a_preload_that_never_returns_is_killed() {
    let (cause, text) = cause_with(hang, Duration::from_millis(300));
    let BrokenCause::ForkserverTimeout { activity, pid, .. } = cause else { panic!("{cause}") };
    assert_eq!(activity, Activity::Preloading);
    assert!(text.contains("within 300ms while running preload"), "{text}");
    assert_eq!(os::process(pid), None, "it is killed and reaped");
}

#[test]
fn a_preload_that_never_returns_does_not_block_the_end_of_the_pool() {
    watch::within(watch::HANG, || {
        let executor = forkserver().preload(hang).start_timeout(watch::HANG * 10).build().unwrap();
        let task = executor.submit(|()| (), ());
        executor.kill_workers();
        assert_eq!(cause_reported_by(&task), BrokenCause::Killed);
        drop(executor);
        let executor = forkserver().preload(hang).start_timeout(watch::HANG * 10).build().unwrap();
        let task = executor.submit(|()| (), ());
        executor.shutdown_with(ShutdownOptions::new().cancel_futures(true));
        assert_eq!(task.result(), Err(Error::Cancelled));
    });
}

#[test]
fn a_preload_that_forks_and_returns_twice_leaves_one_forkserver() {
    watch::within(watch::HANG, || {
        static COPY: OnceLock<u32> = OnceLock::new();
        let fork = || COPY.set(procpool_testkit::forked::split()).expect("it runs once");
        let executor = forkserver().max_workers(2).preload(fork).build().unwrap();
        let copy = executor.submit(|()| *COPY.get().expect("preload ran"), ()).result().unwrap();
        assert_ne!(copy, 0, "workers are forked from the original");
        assert!(os::Watched::new(copy).ended_within(watch::HANG));
    });
}
