//! Tasks that write to the memory that their worker shares with the parent: they break their own task or
//! worker, never the parent and never another pool, and no future stays pending forever.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use procpool::{BrokenCause, Error, ProcessPoolExecutor, Report};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::os::Watched;
use procpool_testkit::pool::{assert_works, cause_of};
use procpool_testkit::task::pid;
use procpool_testkit::{gate, watch};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::memory;
use crate::behaviours::errors::{PROMISE, exit, prompt_error};
use crate::behaviours::lives::until;
use crate::behaviours::pools::{builder, pool, pool_beside_another};

/// The numbers that one side writes and the other one reads.
const LINES: usize = 18;
/// The last of them: how many reports the worker has sent, and in the word how many were handled.
const REPORTS: usize = 17;

fn scribble_number((index, number): (usize, u64)) {
    memory::line(index).store(number, SeqCst);
}

/// The pool ends in every state, and its worker with it.
fn assert_ends(executor: ProcessPoolExecutor, worker: u32) {
    let worker = Watched::new(worker);
    executor.kill_workers();
    drop(executor);
    assert!(worker.ended_within(watch::HANG));
}

#[test]
fn an_impossible_number_breaks_only_its_worker() {
    watch::within(watch::HANG, || {
        for index in 0..LINES {
            for number in [0, 1, 1 << 40, u64::MAX] {
                let executor = pool(1);
                let other = pool_beside_another(1);
                assert_works(&other);
                let worker = executor.submit(pid, ()).result().unwrap();
                let scribbled = executor.submit(scribble_number, (index, number));
                // Settled in time, in any way: a number may happen to be right, or not matter.
                if let Err(error) = scribbled.result_timeout(PROMISE) {
                    assert!(!matches!(error, Error::TimedOut(_)), "line {index}, {number}: hangs");
                    let cause = cause_of(&error);
                    let blamed = match cause {
                        BrokenCause::Protocol { pid, .. } => *pid,
                        BrokenCause::WorkerDied(death) => death.pid,
                        other => panic!("line {index}, {number}: {other}"),
                    };
                    assert_eq!(blamed, worker, "line {index}, {number}: {cause}");
                }
                assert_works(&other);
                assert_ends(executor, worker);
            }
        }
    });
}

/// Values for a number, from its current one, of every class that one side may mistake for another.
const NUMBERS: [fn(u64) -> u64; 9] = [
    |_| 0,
    |_| 1,
    |now| now.wrapping_sub(1),
    |now| now.wrapping_add(1),
    |now| now.wrapping_add(2),
    |now| now.wrapping_add(64),
    |now| now ^ 1,
    |_| 1 << 40,
    |_| u64::MAX,
];

/// The same for a word; each has two or three meanings.
const WORDS: [u32; 5] = [0, 1, 2, 3, u32::MAX];

/// Writes the value of one class to one line, which is a number below [`CLASSES`].
const CLASSES: usize = LINES * (NUMBERS.len() + WORDS.len());

fn scribble_class(class: usize) {
    let (index, class) = (class % LINES, class / LINES);
    match NUMBERS.get(class) {
        Some(value) => memory::line(index).store(value(memory::line(index).load(SeqCst)), SeqCst),
        None => memory::word(index).store(WORDS[class - NUMBERS.len()], SeqCst),
    }
}

/// Scribbles when the test releases it, after the task.
fn scribble_later((class, (done, go)): (usize, Places)) {
    std::thread::spawn(move || {
        gate::take(&go);
        scribble_class(class);
        gate::give(&done);
    });
}

/// Much longer than the pool needs to notice a fault.
const BOUND: std::time::Duration = std::time::Duration::from_secs(20);

/// Whether `futures` settle, without a thread that waits for one and looks for its result itself.
fn settle_by_themselves(futures: &[procpool::Future<u32>]) -> bool {
    let (sender, settled) = std::sync::mpsc::channel();
    for future in futures {
        let sender = sender.clone();
        // The receiver is dropped if the test has failed.
        future.add_done_callback(move |_| {
            let _ = sender.send(());
        });
    }
    futures.iter().all(|_| settled.recv_timeout(BOUND).is_ok())
}

#[test]
fn in_a_busy_pool_every_task_settles_whatever_is_written_to_one_word() {
    watch::within(5 * watch::HANG, || {
        for class in 0..CLASSES {
            let executor = pool(1);
            // So short that the next ones are sent ahead.
            assert!(executor.map(|x: u32| x, 0..100).all(|result| result.is_ok()));
            (0..50).for_each(|_| drop(executor.submit(pid, ()).result()));
            let scribbles = |class: usize| {
                scribble_class(class);
                0_u32
            };
            let mut futures = vec![executor.submit(pid, ()), executor.submit(scribbles, class)];
            futures.extend((0..3).map(|_| executor.submit(pid, ())));
            let settled = settle_by_themselves(&futures);
            assert!(settled, "class {class}: {futures:?}, {:?}", executor.stats());
            // Later ones settle, too, and so does the end of the pool.
            drop(executor.submit(pid, ()).result_timeout(BOUND));
            executor.kill_workers();
        }
    });
}

#[test]
fn the_next_tasks_settle_whatever_an_idle_workers_thread_writes() {
    watch::within(5 * watch::HANG, || {
        for class in 0..CLASSES {
            let (executor, crossing) = (pool(1), Crossing::new());
            let other = pool_beside_another(1);
            executor.submit(scribble_later, (class, crossing.places())).result().unwrap();
            crossing.let_go(1);
            crossing.wait_for(1);
            let futures: Vec<_> = (0..3).map(|_| executor.submit(pid, ())).collect();
            let settled = settle_by_themselves(&futures);
            assert!(settled, "class {class}: {futures:?}, {:?}", executor.stats());
            let late = executor.submit(pid, ()).result_timeout(BOUND);
            assert!(!matches!(late, Err(Error::TimedOut(_))), "class {class}");
            assert_works(&other);
            executor.kill_workers();
        }
    });
}

#[test]
fn a_tail_beyond_the_ring_is_a_protocol_error() {
    watch::within(watch::HANG, || {
        fn scribble_and_cross(places: Places) {
            scribble_number((memory::RESULTS_TAIL, 1 << 40));
            cross(places);
        }
        let crossing = Crossing::new();
        let executor = pool(1);
        let waiting = executor.submit(scribble_and_cross, crossing.places());
        crossing.wait_for(1);
        // An unfinished task rings no bell; but a submission looks.
        let nudging = executor.submit(pid, ());
        let BrokenCause::Protocol { what, .. } = cause_of(&prompt_error(&waiting)).clone() else {
            panic!("{waiting:?}")
        };
        assert!(what.starts_with("sent nonsense through shared memory: a task"), "{what}");
        assert!(prompt_error(&nudging).to_string().ends_with(&what));
    });
}

#[test]
fn a_result_for_a_task_of_another_worker_is_refused() {
    watch::within(watch::HANG, || {
        let forge = |()| {
            memory::publish_result(&memory::result_frame(77, &[1]));
            exit(0);
        };
        let error = prompt_error(&pool(1).submit(forge, ()));
        let BrokenCause::Protocol { what, .. } = cause_of(&error) else { panic!("{error}") };
        assert!(what.starts_with("sent a frame out of turn: ResultItem"), "{what}");
    });
}

/// Writes noise into the whole segment, several times.
fn scribble_all(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let size = memory::segment().1 - memory::LINES;
    for _ in 0..200 {
        memory::line(random.random_range(0..LINES)).store(random.random(), SeqCst);
        let offset = random.random_range(0..size - 64);
        memory::write(offset, &random.random::<[u8; 32]>());
        memory::write(offset % 4096, &random.random::<[u8; 32]>());
    }
}

#[test]
fn noise_in_all_shared_memory_breaks_only_its_worker() {
    watch::within(watch::HANG, || {
        for seed in 0..20 {
            let executor = pool(2);
            let other = pool_beside_another(1);
            let worker = executor.submit(pid, ()).result().unwrap();
            let futures: Vec<_> =
                (0..4).map(|n| executor.submit(scribble_all, 4 * seed + n)).collect();
            assert_works(&other);
            for future in futures {
                // Settled, in any way; a task that damaged itself may need the pool's end.
                if let Err(Error::TimedOut(_)) = future.result_timeout(PROMISE) {
                    executor.kill_workers();
                    prompt_error(&future);
                }
            }
            assert_works(&other);
            assert_ends(executor, worker);
        }
    });
}

/// Sends reports until `end` are counted, and waits until they are handled.
fn report_to(end: u32) {
    while memory::line(REPORTS).load(SeqCst) < u64::from(end) {
        procpool::report(&()).expect("it can be sent");
    }
    until(|| memory::word(REPORTS).load(SeqCst) == end);
}

#[test]
fn reports_arrive_after_the_count_of_those_before_was_overwritten() {
    watch::within(watch::HANG, || {
        let handled = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&handled);
        let hook = move |_: Report<()>| {
            theirs.fetch_add(1, SeqCst);
        };
        let executor = builder().max_workers(1).on_report(hook).build().unwrap();
        let scribbles = |()| {
            report_to(200);
            memory::line(REPORTS).store(0, SeqCst);
            (0..50).for_each(|_| procpool::report(&()).expect("it can be sent"));
        };
        assert_eq!(executor.submit(scribbles, ()).result(), Ok(()));
        drop(executor);
        assert_eq!(handled.load(SeqCst), 250);
    });
}

#[test]
fn every_report_of_a_burst_is_handled_after_their_count_was_overwritten() {
    watch::within(watch::HANG, || {
        let executor = builder().max_workers(1).on_report(|_: Report<()>| ()).build().unwrap();
        let scribbles = |()| {
            // The pool reads many at once, and some of them before it knows that they were sent.
            for end in (300..=6_000).step_by(300) {
                memory::line(REPORTS).store(0, SeqCst);
                (0..300).for_each(|_| procpool::report(&()).expect("it can be sent"));
                until(|| memory::word(REPORTS).load(SeqCst) == end);
            }
        };
        assert_eq!(executor.submit(scribbles, ()).result(), Ok(()));
    });
}

#[test]
fn a_report_continues_after_the_handled_count_was_overwritten() {
    watch::within(watch::HANG, || {
        let scribbles = |()| {
            report_to(5);
            // It seems that more are not handled than may wait.
            memory::word(REPORTS).store(5_u32.wrapping_sub(1_000), SeqCst);
            procpool::report(&()).expect("it can be sent");
        };
        assert_eq!(pool(1).submit(scribbles, ()).result_timeout(BOUND), Ok(()));
    });
}
