//! Arguments that a worker cannot receive: only their task fails, after a bounded number of deliveries.

use nix::sys::resource::{Resource, setrlimit};
use procpool::{
    Activity, BrokenCause, CodecStep, DeathPolicy, Error, EventKind, Events, ProcessPoolExecutor,
    SelfDescribing,
};
use procpool_testkit::pool::assert_works;
use procpool_testkit::{sandbox, watch};

const MIB: usize = 1 << 20;

/// So much that glibc always maps it: above the highest threshold to which it adapts.
const MAPPED: usize = 40 * MIB;

/// More than a worker has room for.
const LARGE: usize = 96 * MIB;

/// Leaves this worker less memory than [`LARGE`].
fn confine() {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux has /proc");
    let pages: usize =
        pages.split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
    let limit = (pages * 4096 + LARGE / 2) as u64;
    setrlimit(Resource::RLIMIT_AS, limit, limit).expect("a limit can be lowered");
}

fn policies() -> [DeathPolicy; 2] {
    [DeathPolicy::Break, DeathPolicy::Replace { retries: 0 }]
}

fn confined(policy: DeathPolicy) -> ProcessPoolExecutor {
    let builder = crate::builder().max_workers(1).death_policy(policy).max_failed_starts(1);
    builder.initializer(confine).build().expect("a pool can be made")
}

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn assert_names_memory(error: Option<Error>) {
    let error = error.expect("there is no room");
    let Error::OutOfMemory { step: CodecStep::DecodeArguments, bytes } = error else {
        panic!("{error}")
    };
    assert!(bytes >= LARGE as u64, "{bytes}");
    let text = error.to_string();
    assert!(text.contains("memory") && text.contains(&bytes.to_string()), "{text}");
}

#[test]
fn an_argument_beyond_the_memory_limit_fails_only_its_task() {
    watch::within(watch::HANG, || {
        for policy in policies() {
            let executor = confined(policy);
            let large = executor.submit(length, vec![0; LARGE]);
            let behind = executor.submit(|x: u32| x + 1, 1);
            assert_names_memory(large.error());
            assert_eq!(behind.result(), Ok(2));
            // Inside another value, which is encoded and not moved.
            let wrapped = executor.submit(
                |SelfDescribing(text): SelfDescribing<(u8, String)>| text.1.len(),
                SelfDescribing((1, "x".repeat(LARGE))),
            );
            assert_names_memory(wrapped.error());
            let items = || [vec![1], vec![0; LARGE], vec![2, 2]];
            let mut lengths = executor.map_options().chunksize(1).map(length, items());
            assert_eq!(lengths.next(), Some(Ok(1)));
            assert_names_memory(lengths.next().and_then(Result::err));
            assert_eq!(lengths.next(), Some(Ok(2)));
            // A chunk is one delivery.
            let chunk: Vec<_> = executor.map_options().chunksize(3).map(length, items()).collect();
            assert_eq!(chunk.len(), 3);
            chunk.into_iter().for_each(|result| assert_names_memory(result.err()));
            assert_works(&executor);
            assert_eq!(executor.stats().restarts, 0);
        }
    });
}

#[test]
fn a_result_beyond_the_parents_memory_limit_fails_only_its_task() {
    watch::within(watch::HANG, || {
        let report = procpool_testkit::forked::report_of(|| {
            let executor = crate::builder_beside_another().max_workers(1).build().unwrap();
            assert_works(&executor);
            confine();
            let large = executor.submit(|()| vec![0_u8; LARGE], ());
            let text =
                large.result_timeout(watch::HANG).map(drop).map_err(|error| error.to_string());
            assert_works(&executor);
            format!("{text:?}")
        });
        assert!(report.contains(&format!("the task's result, {LARGE} bytes")), "{report}");
    });
}

/// Makes this worker die as soon as it makes room for a long frame, whose beginning has arrived.
fn die_while_receiving() {
    sandbox::refuse_mappings_from(MAPPED as u32, sandbox::Answer::Kill);
}

fn fragile(policy: DeathPolicy) -> (ProcessPoolExecutor, Events) {
    let builder = crate::builder().max_workers(1).death_policy(policy).max_failed_starts(1);
    let executor = builder.initializer(die_while_receiving).build().expect("a pool can be made");
    let events = executor.events();
    (executor, events)
}

fn starts(events: Events) -> usize {
    events.filter(|event| matches!(event.kind, EventKind::WorkerStarted(_))).count()
}

/// Sends a task to workers that die of its arguments, in a process whose allocator has not yet had such
/// large ones: it keeps memory that it once had, and its copies then ask the kernel for none.
fn workers_die_of_what_they_receive(retries: u32) {
    let (executor, events) = fragile(DeathPolicy::Replace { retries });
    let small = executor.submit(|x: u32| x + 1, 1);
    assert_eq!(small.result(), Ok(2));
    let deadly = executor.submit(length, vec![0; MAPPED]);
    let behind = executor.submit(|x: u32| x + 1, 2);
    let Some(Error::WorkerDied(death)) = deadly.error() else { panic!("{deadly:?}") };
    assert_eq!(death.activity, Activity::Receiving(2));
    assert!(death.to_string().ends_with("while receiving the arguments of work item 2"));
    assert_eq!(behind.result(), Ok(3));
    drop(executor);
    assert_eq!(starts(events), 4);
}

#[test]
fn an_argument_that_kills_its_receiver_costs_three_workers() {
    watch::within(watch::HANG, || workers_die_of_what_they_receive(0));
}

#[test]
fn an_argument_that_kills_its_receiver_costs_three_despite_retries() {
    watch::within(watch::HANG, || workers_die_of_what_they_receive(5));
}

#[test]
fn a_chunk_that_kills_its_receiver_is_sent_to_three_workers() {
    watch::within(watch::HANG, || {
        let (executor, events) = fragile(DeathPolicy::Replace { retries: 0 });
        let deadly: Vec<_> =
            executor.map_options().chunksize(2).map(length, vec![vec![0; MAPPED]; 2]).collect();
        assert_eq!(deadly.len(), 2);
        for result in deadly {
            let Err(Error::WorkerDied(death)) = result else { panic!("{result:?}") };
            assert!(matches!(death.activity, Activity::Receiving(_)), "{death}");
        }
        assert_works(&executor);
        drop(executor);
        assert_eq!(starts(events), 4);
    });
}

#[test]
fn a_broken_pool_names_the_argument_that_its_worker_was_receiving() {
    watch::within(watch::HANG, || {
        let (executor, _events) = fragile(DeathPolicy::Break);
        let deadly = executor.submit(length, vec![0; MAPPED]);
        let Some(Error::BrokenProcessPool(broken)) = deadly.error() else { panic!("{deadly:?}") };
        let BrokenCause::WorkerDied(death) = broken.cause() else { panic!("{broken}") };
        assert_eq!(death.activity, Activity::Receiving(1));
    });
}
