//! The initializer's value, for every task of its worker.

use std::cell::RefCell;
use std::collections::HashSet;
use std::convert::Infallible;
use std::num::ParseIntError;
use std::path::Path;
use std::rc::Rc;

use procpool::{Error, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::task::pid;
use procpool_testkit::{trace, watch};

/// State that counts its uses and records when it is made, used and dropped.
#[derive(Debug)]
struct Connection {
    path: String,
    uses: u32,
}

fn connect(path: String) -> Result<Connection, Infallible> {
    trace::append(&path, "made");
    Ok(Connection { path, uses: 0 })
}

impl Drop for Connection {
    fn drop(&mut self) {
        trace::append(&self.path, "dropped");
    }
}

fn use_it(connection: &mut Connection, (): ()) -> (u32, u32) {
    connection.uses += 1;
    trace::append(&connection.path, "used");
    (std::process::id(), connection.uses)
}

fn cross_with(_: &mut Connection, places: Places) -> u32 {
    cross(places)
}

/// A pool with such state, and the file in the crossing's folder in which that writes.
fn connected_pool(max_workers: usize) -> (Crossing, String, ProcessPoolExecutor<Connection>) {
    let crossing = Crossing::new();
    let path = crossing.file("trace");
    let builder = crate::builder().max_workers(max_workers);
    let executor = builder.initializer_with_args(connect, path.clone()).build().unwrap();
    (crossing, path, executor)
}

/// As [`connected_pool`], with two workers that have run a task each: with their numbers.
fn two_used_workers() -> (Crossing, String, ProcessPoolExecutor<Connection>, [u32; 2]) {
    let (crossing, path, executor) = connected_pool(2);
    let places = crossing.places();
    let workers = [places.clone(), places].map(|at| executor.submit_with(cross_with, at));
    crossing.wait_for(2);
    crossing.let_go(2);
    let pids = workers.map(|future| future.result().unwrap());
    assert_ne!(pids[0], pids[1]);
    (crossing, path, executor, pids)
}

/// The records, as (pid, event).
fn events(path: &str) -> Vec<(u32, String)> {
    let records = trace::read::<String>(Path::new(path));
    records.into_iter().map(|record| (record.pid, record.event)).collect()
}

#[test]
fn state_lives_from_task_to_task() {
    watch::within(watch::HANG, || {
        let (_crossing, _, executor) = connected_pool(1);
        let uses: Vec<u32> =
            (0..3).map(|_| executor.submit_with(use_it, ()).result().unwrap().1).collect();
        assert_eq!(uses, [1, 2, 3]);
        let mapped = executor.map_with(use_it, [(), (), ()]).map(|result| result.unwrap().1);
        assert_eq!(mapped.collect::<Vec<_>>(), [4, 5, 6]);
        let chunk = executor.map_options().chunksize(2).map_with(use_it, [(), ()]);
        assert_eq!(chunk.map(|result| result.unwrap().1).collect::<Vec<_>>(), [7, 8]);
    });
}

// Behaviours: INIT-01.
#[test]
fn every_worker_has_its_own_state() {
    watch::within(watch::HANG, || {
        let (_crossing, path, executor, pids) = two_used_workers();
        for result in executor.map_with(use_it, vec![(); 50]) {
            assert!(pids.contains(&result.unwrap().0));
        }
        drop(executor);
        for pid in pids {
            let mut own = events(&path).into_iter().filter(|(who, _)| *who == pid);
            assert_eq!(own.next().unwrap().1, "made", "before its first task");
            assert_eq!(own.next_back().unwrap().1, "dropped", "after its last");
            assert!(own.all(|(_, event)| event == "used"), "once each");
        }
    });
}

#[test]
fn tasks_without_state_run_beside_those_with_it() {
    watch::within(watch::HANG, || {
        let (_crossing, _, executor) = connected_pool(1);
        let (worker, uses) = executor.submit_with(use_it, ()).result().unwrap();
        assert_eq!((executor.submit(pid, ()).result(), uses), (Ok(worker), 1));
        assert_eq!(executor.map(pid, [()]).next(), Some(Ok(worker)));
        assert_eq!(executor.submit_with(use_it, ()).result(), Ok((worker, 2)));
    });
}

#[test]
fn a_panic_keeps_the_state() {
    watch::within(watch::HANG, || {
        let (_crossing, path, executor) = connected_pool(1);
        let break_off = |connection: &mut Connection, (): ()| {
            connection.uses = 10;
            panic!("half-way");
        };
        let error: Error = executor.submit_with::<_, ()>(break_off, ()).error().unwrap();
        assert!(error.to_string().contains("half-way"), "{error}");
        assert_eq!(executor.submit_with(use_it, ()).result().unwrap().1, 11);
        drop(executor);
        let events = events(&path);
        assert_eq!(events.iter().filter(|(_, event)| event == "dropped").count(), 1);
    });
}

#[test]
fn without_an_initializer_the_state_is_unit() {
    watch::within(watch::HANG, || {
        let executor = crate::builder().max_workers(1).build().unwrap();
        assert_eq!(executor.submit_with(|(): &mut (), x: u8| x, 3).result(), Ok(3));
    });
}

#[test]
fn an_initializer_without_a_return_value_gives_unit_state() {
    watch::within(watch::HANG, || {
        fn nothing() {}
        fn nothing_with((_, _): (u8, String)) {}
        let builder = || crate::builder().max_workers(1);
        let executor = builder().initializer(nothing).build().unwrap();
        assert_eq!(executor.submit_with(|(): &mut (), x: u8| x, 3).result(), Ok(3));
        drop(executor);
        let executor =
            builder().initializer_with_args(nothing_with, (1, "a".to_owned())).build().unwrap();
        assert_eq!(executor.submit_with(|(): &mut (), x: u8| x, 4).result(), Ok(4));
    });
}

#[test]
fn state_needs_neither_serde_nor_send() {
    watch::within(watch::HANG, || {
        type State = Rc<RefCell<Vec<fn(u32) -> u32>>>;
        fn functions() -> Result<State, Infallible> {
            Ok(Rc::new(RefCell::new(vec![|x| x + 1, |x| x * 2])))
        }
        fn apply(state: &mut State, x: u32) -> u32 {
            state.borrow().iter().fold(x, |value, function| function(value))
        }
        let builder = crate::builder().max_workers(1);
        let executor = builder.initializer(functions).build().unwrap();
        assert_eq!(executor.submit_with(apply, 4).result(), Ok(10));
    });
}

#[test]
fn an_initializer_may_fail_with_any_displayable_error() {
    watch::within(watch::HANG, || {
        fn parse(text: String) -> Result<u16, ParseIntError> {
            text.parse()
        }
        let builder = || crate::builder().max_workers(1);
        let executor = builder().initializer_with_args(parse, "80".to_owned()).build().unwrap();
        assert_eq!(executor.submit_with(|port, ()| *port, ()).result(), Ok(80));
        drop(executor);
        let executor = builder().initializer_with_args(parse, "x".to_owned()).build().unwrap();
        let error = executor.submit_with(|port, ()| *port, ()).error().unwrap().to_string();
        assert!(error.ends_with("invalid digit found in string"), "{error}");
    });
}

/// Ends a pool of two used workers by `end`; returns their records.
fn drops_after(end: fn(ProcessPoolExecutor<Connection>)) -> usize {
    let (_crossing, path, executor, _) = two_used_workers();
    end(executor);
    let dropped = events(&path).into_iter().filter(|(_, event)| event == "dropped");
    let pids: HashSet<u32> = dropped.clone().map(|(pid, _)| pid).collect();
    assert_eq!(dropped.count(), pids.len(), "at most once in each");
    pids.len()
}

#[test]
fn state_is_dropped_in_its_worker_when_the_executor_is_dropped() {
    watch::within(watch::HANG, || assert_eq!(drops_after(drop), 2));
}

#[test]
fn state_is_dropped_before_shutdown_returns() {
    watch::within(watch::HANG, || {
        for end in [
            |pool| pool.shutdown(),
            |pool| pool.shutdown_with(ShutdownOptions::new().cancel_futures(true)),
        ] as [fn(&ProcessPoolExecutor<Connection>); 2]
        {
            let (_crossing, path, executor) = connected_pool(1);
            executor.submit_with(use_it, ()).result().unwrap();
            end(&executor);
            assert_eq!(events(&path).last().map(|(_, event)| event.as_str()), Some("dropped"));
        }
    });
}

#[test]
fn killed_workers_do_not_drop_their_state() {
    watch::within(watch::HANG, || assert_eq!(drops_after(|executor| executor.kill_workers()), 0));
}

#[test]
fn a_panic_in_the_states_destructor_does_not_prevent_an_orderly_exit() {
    watch::within(watch::HANG, || {
        struct Bomb(String);
        impl Drop for Bomb {
            fn drop(&mut self) {
                trace::append(&self.0, "dropped");
                panic!("in a destructor");
            }
        }
        fn arm(path: String) -> Result<Bomb, Infallible> {
            Ok(Bomb(path))
        }
        let crossing = Crossing::new();
        let path = crossing.file("trace");
        let builder = crate::builder().max_workers(1);
        let executor = builder.initializer_with_args(arm, path.clone()).build().unwrap();
        let future = executor.submit(pid, ());
        drop(executor);
        assert!(future.result().is_ok());
        assert_eq!(events(&path).len(), 1);
    });
}
