//! User code that the pool calls, and its effects on the pool.
//!
//! An iterator, a `Serialize`, a `Deserialize`, a destructor, a callback and a waker each run on a thread
//! that is in the middle of a call. Every call returns, whatever they do to the pool.

use std::cell::{Cell, RefCell};
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::mpsc::{self, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use procpool::{Error, ProcessPoolExecutor, ShutdownOptions};
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::watch;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::behaviours::pools::pool;

/// An action on a pool.
type Act = fn(&ProcessPoolExecutor);

/// The ways to end a pool.
const ENDS: [(&str, Act); 6] = [
    ("shutdown", ProcessPoolExecutor::shutdown),
    ("shutdown that cancels", |executor| {
        executor.shutdown_with(ShutdownOptions::new().cancel_futures(true))
    }),
    ("shutdown without waiting", |executor| {
        executor.shutdown_with(ShutdownOptions::new().wait(false))
    }),
    ("shutdown that cancels, without waiting", |executor| {
        executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true))
    }),
    ("kill_workers", ProcessPoolExecutor::kill_workers),
    ("terminate_workers", ProcessPoolExecutor::terminate_workers),
];

/// The ways to use it.
const USES: [(&str, Act); 2] = [
    ("submit", |executor| drop(executor.submit(|x: u32| x, 1).result())),
    ("map", |executor| executor.map(|x: u32| x, 0..20).for_each(drop)),
];

/// Asserts the outcome of a map whose pool ended while item 3 was made.
fn assert_ended(results: &[Result<u32, Error>], by: &str) {
    assert_eq!(results.len(), 4, "{by}: {results:?}");
    match (by.starts_with("shutdown"), &results[3]) {
        (true, Err(Error::Shutdown)) | (false, Err(Error::BrokenProcessPool(_))) => {}
        _ => panic!("{by}: {results:?}"),
    }
}

// Behaviours: MAP-21, MAP-25.
#[test]
fn a_map_whose_iterator_ends_the_pool_stops_pulling() {
    watch::within(watch::HANG, || {
        for (end, act) in ENDS {
            for chunksize in [None, Some(1), Some(2), Some(100)] {
                for unordered in [false, true] {
                    let executor = pool(2);
                    let items = || {
                        (0_u32..).inspect(|item| {
                            if *item == 3 {
                                act(&executor)
                            }
                        })
                    };
                    let mut options = executor.map_options();
                    if let Some(chunksize) = chunksize {
                        options = options.chunksize(chunksize);
                    }
                    if unordered {
                        options = options.unordered();
                    }
                    let results: Vec<_> = options.map(|x| x, items()).collect();
                    assert_ended(&results, end);
                    if (end, chunksize, unordered) == ("shutdown", None, false) {
                        assert_eq!(results[..3], [Ok(0), Ok(1), Ok(2)], "they were taken");
                    }
                }
            }
        }
    });
}

// Behaviours: MAP-21, MAP-25.
#[test]
fn a_map_with_a_buffersize_whose_iterator_ends_the_pool_stops_pulling() {
    watch::within(watch::HANG, || {
        for (end, act) in ENDS {
            for buffersize in [1, 3, 10] {
                let executor = pool(2);
                let items = (0_u32..).inspect(|item| {
                    if *item == 3 {
                        act(&executor)
                    }
                });
                let results = executor.map_options().buffersize(buffersize).map(|x| x, items);
                assert_ended(&results.collect::<Vec<_>>(), end);
            }
        }
    });
}

// Behaviours: MAP-25.
#[test]
fn an_iterator_may_drop_the_last_handle_of_its_pool() {
    watch::within(watch::HANG, || {
        for buffersize in [1, 3, 10] {
            let executor = Arc::new(pool(2));
            let mut last = Some(Arc::clone(&executor));
            // Pulled by the first `next`, when no other handle exists.
            let items = (0..).inspect(|item| drop(last.take_if(|_| *item == buffersize)));
            let results = executor.map_options().buffersize(buffersize).map(|x: usize| x, items);
            drop(executor);
            let expected = (0..buffersize).map(Ok).chain([Err(Error::Shutdown)]);
            assert!(results.eq(expected), "{buffersize}");
        }
    });
}

#[test]
fn an_iterator_may_use_its_pool() {
    watch::within(watch::HANG, || {
        for (_, act) in USES {
            let executor = pool(1);
            let items = || (0_u32..20).inspect(|_| act(&executor));
            assert!(executor.map(|x| x, items()).map(Result::unwrap).eq(0..20));
            let buffered = executor.map_options().buffersize(2).map(|x| x, items());
            assert!(buffered.map(Result::unwrap).eq(0..20));
        }
    });
}

// Behaviours: MAP-25.
#[test]
fn a_pool_ends_while_the_iterator_of_a_map_blocks() {
    watch::within(watch::HANG, || {
        for (end, act) in ENDS {
            for chunksize in [None, Some(1), Some(100)] {
                let executor = pool(2);
                let (give, given) = channel::<u32>();
                let (blocks, blocked) = channel();
                (0..3).for_each(|item| give.send(item).unwrap());
                let results = thread::scope(|scope| {
                    let executor = &executor;
                    let mapping = scope.spawn(move || {
                        let items = std::iter::from_fn(move || {
                            let item = given.try_recv();
                            item.or_else(|_| {
                                blocks.send(()).unwrap();
                                given.recv()
                            })
                            .ok()
                        });
                        match chunksize {
                            None => executor.map(|x| x, items).collect::<Vec<_>>(),
                            Some(size) => {
                                executor.map_options().chunksize(size).map(|x| x, items).collect()
                            }
                        }
                    });
                    blocked.recv().unwrap();
                    act(executor);
                    executor.shutdown();
                    give.send(3).unwrap();
                    mapping.join().unwrap()
                });
                assert_ended(&results, end);
                // The iterator was dropped; no item behind the refused one is pulled.
                assert!(give.send(4).is_err());
            }
        }
    });
}

#[test]
fn a_pool_ends_while_a_reader_of_a_map_waits() {
    watch::within(watch::HANG, || {
        for (end, act) in ENDS {
            for buffered in [false, true] {
                let crossing = Crossing::new();
                let executor = pool(1);
                let items = std::iter::repeat_n(crossing.places(), 3);
                let options = executor.map_options().chunksize(1);
                let mut results: Box<dyn Iterator<Item = Result<u32, Error>> + Send> = if buffered {
                    Box::new(options.buffersize(2).map(cross, items))
                } else {
                    Box::new(options.map(cross, items))
                };
                crossing.wait_for(1);
                let reading = thread::spawn(move || results.by_ref().count());
                crossing.let_go(3);
                act(&executor);
                executor.shutdown();
                assert!((2..=3).contains(&reading.join().unwrap()), "{end}");
            }
        }
    });
}

// ---- values ----

/// An action on a handle of a pool.
type Meddle = fn(Arc<ProcessPoolExecutor>);

thread_local! {
    /// The action of the next value on this thread, its moment, and its pool.
    static MEDDLING: RefCell<Option<(Moment, Meddle, Arc<ProcessPoolExecutor>)>> =
        const { RefCell::new(None) };
    static MEDDLED: Cell<u32> = const { Cell::new(0) };
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    Encoding,
    Decoding,
    Dropping,
}

/// A number that acts on the pool.
#[derive(Debug)]
struct Meddler(u32);

fn meddle(now: Moment) {
    let is_now = |meddling: &mut (Moment, _, _)| meddling.0 == now;
    // A destructor may run after the thread-locals are dropped; then there is nothing to do.
    let meddling = MEDDLING.try_with(|meddling| meddling.borrow_mut().take_if(is_now));
    if let Ok(Some((_, act, executor))) = meddling {
        MEDDLED.set(MEDDLED.get() + 1);
        act(executor);
    }
}

impl Serialize for Meddler {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        meddle(Moment::Encoding);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Meddler {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        meddle(Moment::Decoding);
        u32::deserialize(deserializer).map(Self)
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        meddle(Moment::Dropping);
    }
}

/// The actions of values, callbacks and wakers; they own the pool's handle.
const MEDDLINGS: [(&str, Meddle); 7] = [
    ("submit", |executor| drop(executor.submit(|x: u32| x, 1))),
    ("shutdown", |executor| executor.shutdown()),
    ("shutdown that cancels", |executor| {
        executor.shutdown_with(ShutdownOptions::new().cancel_futures(true))
    }),
    ("shutdown without waiting", |executor| {
        executor.shutdown_with(ShutdownOptions::new().wait(false))
    }),
    ("kill", |executor| executor.kill_workers()),
    ("terminate", |executor| executor.terminate_workers()),
    ("drop", drop),
];

/// Makes the next value of this thread do `act` to the pool at `moment`, which must happen during `call`.
fn with_meddling(
    moment: Moment,
    act: Meddle,
    executor: &Arc<ProcessPoolExecutor>,
    call: impl FnOnce(),
) {
    MEDDLED.set(0);
    MEDDLING.set(Some((moment, act, Arc::clone(executor))));
    call();
    assert_eq!(MEDDLED.get(), 1, "{moment:?}");
}

#[test]
fn an_argument_may_use_or_end_its_pool_while_encoded_or_dropped() {
    watch::within(watch::HANG, || {
        for (_, act) in MEDDLINGS {
            for moment in [Moment::Encoding, Moment::Dropping] {
                for way in 0..4 {
                    let executor = Arc::new(pool(1));
                    with_meddling(moment, act, &executor, || match way {
                        0 => drop(executor.submit(|value: Meddler| value.0, Meddler(1)).result()),
                        1 => {
                            let items = (0..5).map(Meddler);
                            executor.map(|value| value.0, items).for_each(drop);
                        }
                        2 => {
                            let items = (0..5).map(Meddler);
                            executor
                                .map_options()
                                .chunksize(2)
                                .map(|value| value.0, items)
                                .for_each(drop);
                        }
                        _ => {
                            let options = executor.map_options().buffersize(2);
                            options.map(|value| value.0, (0..5).map(Meddler)).for_each(drop);
                        }
                    });
                }
            }
        }
    });
}

/// Reads a map whose first result, at least, is available.
fn read(mut results: impl Iterator<Item = Result<Meddler, Error>>) {
    drop(results.next().expect("there is a result").expect("nothing ends the pool before"));
    results.for_each(drop);
}

#[test]
fn a_result_may_use_or_end_its_pool_while_decoded_or_dropped() {
    watch::within(watch::HANG, || {
        for (_, act) in MEDDLINGS {
            for moment in [Moment::Decoding, Moment::Dropping] {
                for way in 0..3 {
                    let executor = Arc::new(pool(1));
                    let task = |number: u32| Meddler(number);
                    match way {
                        0 => {
                            let future = executor.submit(task, 1);
                            with_meddling(moment, act, &executor, || {
                                drop(future.result().unwrap())
                            });
                        }
                        1 => {
                            let results = executor.map(task, 0..5);
                            with_meddling(moment, act, &executor, || read(results));
                        }
                        _ => {
                            let results = executor.map_options().buffersize(2).map(task, 0..5);
                            with_meddling(moment, act, &executor, || read(results));
                        }
                    }
                }
            }
        }
    });
}

// ---- callbacks and wakers ----

/// Calls `act` when it is woken or dropped.
struct Meddling {
    act: Meddle,
    executor: Mutex<Option<Arc<ProcessPoolExecutor>>>,
    woken: mpsc::Sender<()>,
    when_dropped: bool,
}

impl Meddling {
    fn meddle(&self) {
        let executor = self.executor.lock().unwrap().take();
        if let Some(executor) = executor {
            (self.act)(executor);
            self.woken.send(()).unwrap();
        }
    }
}

impl Wake for Meddling {
    fn wake(self: Arc<Self>) {
        if !self.when_dropped {
            self.meddle();
        }
    }
}

impl Drop for Meddling {
    fn drop(&mut self) {
        self.meddle();
    }
}

#[test]
fn a_callback_and_its_captures_may_use_or_end_the_pool() {
    watch::within(watch::HANG, || {
        for (_, act) in MEDDLINGS {
            for when_dropped in [false, true] {
                let executor = Arc::new(pool(1));
                let (woken, done) = channel();
                let future = executor.submit(|x: u32| x, 1);
                let meddling =
                    Meddling { act, executor: Mutex::new(Some(executor)), woken, when_dropped };
                future.add_done_callback(move |_| {
                    if !meddling.when_dropped {
                        meddling.meddle();
                    }
                });
                done.recv().unwrap();
                assert_eq!(future.result(), Ok(1));
            }
        }
    });
}

#[test]
fn a_waker_and_its_destructor_may_use_or_end_the_pool() {
    watch::within(watch::HANG, || {
        for (_, act) in MEDDLINGS {
            for when_dropped in [false, true] {
                let crossing = Crossing::new();
                let executor = Arc::new(pool(1));
                let (woken, done) = channel();
                let future = executor.submit(cross, crossing.places());
                let mut awaiting = pin!(future.into_future());
                crossing.wait_for(1);
                let executor = Mutex::new(Some(executor));
                let waker = Waker::from(Arc::new(Meddling { act, executor, woken, when_dropped }));
                let polled = awaiting.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
                drop(waker);
                crossing.let_go(1);
                done.recv().unwrap();
                // It is settled in any case.
                let polled = awaiting.poll(&mut Context::from_waker(Waker::noop()));
                assert!(matches!(polled, Poll::Ready(_)));
            }
        }
    });
}
