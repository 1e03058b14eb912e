//! Maps and `as_completed` as streams, under each executor.

use std::cell::Cell;
use std::fmt::Debug;
use std::iter;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use async_executor::Executor;
use futures_lite::{Stream, StreamExt, future};
use procpool::{
    Error, Future, IntoStream, Map, ProcessPoolExecutor, ShutdownOptions, as_completed,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::pool::assert_works;
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use super::executors::{Named, block_on, current_thread, multi_thread, under_each};
use super::map::{ran, trace_and_cross, traced_pool, wait_for_gate};
use crate::behaviours::lives::{count, note, replacing};
use crate::behaviours::pools::{busy_pool, pool};

fn poll<S: Stream + Unpin>(stream: &mut S, waker: &Waker) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(waker))
}

/// Returns the next item of a stream that need not wait for it.
fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    let Poll::Ready(item) = poll(stream, Waker::noop()) else { panic!("it waits") };
    item
}

/// Polls a stream that has to wait. The receiver gets a word when the stream wakes, and is disconnected
/// when it drops the waker.
fn wait_for<S: Stream + Unpin>(stream: &mut S) -> Receiver<&'static str> {
    let (sender, woken) = channel();
    assert!(poll(stream, &Waker::from(Arc::new(Named("woken", sender)))).is_pending());
    woken
}

/// Reads both to their end.
async fn assert_same<S, I>(mut stream: S, mut iterator: I)
where
    S: Stream<Item = I::Item> + Unpin,
    I: Iterator<Item: Debug + PartialEq>,
{
    loop {
        assert_eq!(stream.size_hint(), iterator.size_hint());
        let (streamed, expected) = (stream.next().await, iterator.next());
        assert_eq!(streamed, expected);
        if expected.is_none() {
            break;
        }
    }
    assert_eq!((stream.next().await, stream.size_hint()), (None, (0, Some(0))));
}

#[test]
fn a_stream_yields_the_items_of_its_iterator_and_ends_with_it() {
    watch::within(watch::HANG, || {
        under_each(
            || pool(2),
            async |executor| {
                let task = |x: u32| if x % 3 == 1 { panic!("{x}") } else { vec![x; x as usize] };
                assert_same(executor.map(task, 0..30).into_stream(), executor.map(task, 0..30))
                    .await;
                // The first is an error of the call.
                for size in [0, 1, 7, 1000] {
                    let map = || executor.map_options().chunksize(size).map(task, 0..30);
                    assert_same(map().into_stream(), map()).await;
                    let map = || executor.map_options().buffersize(size).map(task, 0..30);
                    assert_same(map().into_stream(), map()).await;
                }
                let map = || executor.map_options().chunksize(3).buffersize(2).map(task, 0..0);
                assert_same(map().into_stream(), map()).await;
                executor.shutdown();
                let map = || executor.map(task, 0..30);
                assert_same(map().into_stream(), map()).await;
            },
        );
    });
}

#[test]
fn each_result_pulls_one_item_however_often_the_stream_is_polled() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let pulled = Cell::new(0);
        let items = iter::repeat_with(|| {
            pulled.set(pulled.get() + 1);
            crossing.places()
        });
        let options = executor.map_options().chunksize(1).buffersize(2);
        let mut stream = options.map(cross, items).into_stream();
        assert_eq!(pulled.get(), 2);
        for read in 1..=5 {
            for _ in 0..3 {
                drop(wait_for(&mut stream));
                assert_eq!(pulled.get(), 2 + read);
            }
            let woken = wait_for(&mut stream);
            crossing.let_go(1);
            woken.recv().expect("its result wakes it");
            assert!(next(&mut stream).is_some_and(|item| item.is_ok()));
            assert_eq!(pulled.get(), 2 + read);
        }
        drop(stream);
        crossing.let_go(1);
        assert_works(&executor);
    });
}

#[test]
fn unordered_results_are_streamed_as_they_finish() {
    watch::within(watch::HANG, || {
        under_each(
            || pool(2),
            async |executor| {
                let crossing = Crossing::new();
                let item = |item: u32| (item, crossing.places().1);
                let options = executor.map_options().chunksize(1).unordered();
                let mut stream = options.map(wait_for_gate, (0..10).map(item)).into_stream();
                let first: Vec<_> = (&mut stream).take(9).map(Result::unwrap).collect().await;
                assert_eq!(first.iter().sum::<u32>(), 45);
                crossing.let_go(1);
                assert_eq!(stream.collect::<Vec<_>>().await, [Ok(0)]);
                let options = executor.map_options().chunksize(1).unordered().buffersize(4);
                let mut stream = options.map(wait_for_gate, (0..10).map(item)).into_stream();
                let first: Vec<_> = (&mut stream).take(9).map(Result::unwrap).collect().await;
                assert_eq!(first.iter().sum::<u32>(), 45);
                crossing.let_go(1);
                assert_eq!(stream.collect::<Vec<_>>().await, [Ok(0)]);
            },
        );
    });
}

#[test]
fn futures_are_streamed_as_they_complete() {
    watch::within(watch::HANG, || {
        under_each(
            || pool(2),
            async |executor| {
                let crossing = Crossing::new();
                let done = executor.submit(wait_for_gate, (7, String::new()));
                done.result().unwrap();
                let slow = executor.submit(wait_for_gate, (0, crossing.places().1));
                let others: Vec<_> =
                    (1..50).map(|x| executor.submit(wait_for_gate, (x, String::new()))).collect();
                // One is given twice.
                let futures = [&slow, &done, &slow].into_iter().chain(&others);
                let mut stream = as_completed(futures).into_stream();
                assert_eq!(stream.next().await.map(Future::id), Some(done.id()));
                for left in (1..50).rev() {
                    assert_eq!(stream.size_hint(), (left + 1, Some(left + 1)));
                    let future = stream.next().await.expect("one is left");
                    assert!(future.done() && future.id() != slow.id());
                }
                crossing.let_go(1);
                assert_eq!(stream.next().await.map(Future::id), Some(slow.id()));
                assert!(stream.next().await.is_none() && stream.next().await.is_none());
            },
        );
    });
}

#[test]
fn a_death_fails_one_item_of_a_stream() {
    watch::within(watch::HANG, || {
        under_each(
            || replacing(2, 0),
            async |executor| {
                let task = |x: u32| {
                    if x == 17 {
                        kill_self();
                    }
                    x
                };
                for chunksize in [1, 40] {
                    let map = executor.map_options().chunksize(chunksize).map(task, 0..40);
                    let items: Vec<_> = map.into_stream().collect().await;
                    assert_eq!(items.len(), 40);
                    for (x, item) in (0..).zip(items) {
                        match (x, item) {
                            (17, Err(Error::WorkerDied(_))) => {}
                            (_, item) => assert_eq!(item, Ok(x)),
                        }
                    }
                }
            },
        );
    });
}

#[test]
fn a_death_that_breaks_the_pool_fails_the_rest_of_a_stream() {
    watch::within(watch::HANG, || {
        under_each(
            || pool(1),
            async |executor| {
                let task = |x: u32| {
                    if x == 17 {
                        kill_self();
                    }
                    x
                };
                let map = executor.map_options().chunksize(1).map(task, 0..40);
                let items: Vec<_> = map.into_stream().collect().await;
                assert!(items[..17].iter().cloned().eq((0..17).map(Ok)), "{items:?}");
                let is_broken = |item| matches!(item, &Err(Error::BrokenProcessPool(_)));
                assert!(items[17..].iter().all(is_broken) && items.len() == 40, "{items:?}");
            },
        );
    });
}

#[test]
fn a_stream_of_a_pool_that_is_shut_down_ends_as_its_iterator() {
    watch::within(watch::HANG, || {
        under_each(
            || pool(1),
            async |executor| {
                let (all, mut pulled) = (
                    executor.map(|x: u32| x, 0..100).into_stream(),
                    executor.map_options().buffersize(3).map(|x: u32| x, 0..).into_stream(),
                );
                assert_eq!(pulled.next().await, Some(Ok(0)));
                drop(executor);
                let items: Vec<_> = pulled.collect().await;
                assert_eq!(items, [Ok(1), Ok(2), Ok(3), Err(Error::Shutdown)]);
                assert_eq!(all.filter(Result::is_ok).count().await, 100);
            },
        );
    });
}

#[test]
fn a_next_that_is_dropped_before_it_is_ready_loses_no_item() {
    async fn read(mut stream: impl Stream<Item = u32> + Unpin) -> Vec<u32> {
        let mut items = Vec::new();
        loop {
            // As if another branch of a `select!` were ready first, each time.
            match future::poll_once(stream.next()).await {
                Some(Some(item)) => items.push(item),
                Some(None) => return items,
                None => future::yield_now().await,
            }
        }
    }
    watch::within(watch::HANG, || {
        under_each(
            || pool(2),
            async |executor| {
                let all = || (0..100).collect::<Vec<_>>();
                let map = executor.map(|x: u32| x, 0..100).into_stream();
                assert_eq!(read(map.map(Result::unwrap)).await, all());
                let map = executor.map_options().chunksize(1).map(|x: u32| x, 0..100);
                assert_eq!(read(map.into_stream().map(Result::unwrap)).await, all());
                let map = executor.map_options().buffersize(3).map(|x: u32| x, 0..100);
                assert_eq!(read(map.into_stream().map(Result::unwrap)).await, all());
                let futures: Vec<_> =
                    all().into_iter().map(|x| executor.submit(|x| x, x)).collect();
                let done = as_completed(&futures).into_stream();
                let mut items = read(done.map(|future| future.result().unwrap())).await;
                items.sort_unstable();
                assert_eq!(items, all());
            },
        );
    });
}

#[test]
fn dropping_a_stream_cancels_pending_items_and_wakes_nobody() {
    watch::within(watch::HANG, || {
        let (crossing, path, executor) = traced_pool();
        let items = (0..100).map(|number| (number, path.clone(), crossing.places()));
        let map = executor.map_options().chunksize(1).map(trace_and_cross, items);
        let mut stream = map.into_stream();
        crossing.wait_for(1);
        let woken = wait_for(&mut stream);
        crossing.let_go(1);
        woken.recv().expect("its first result wakes it");
        assert_eq!(next(&mut stream), Some(Ok(0)));
        crossing.wait_for(1);
        let woken = wait_for(&mut stream);
        drop(stream);
        woken.recv().expect_err("nobody reads it");
        crossing.let_go(100);
        executor.submit(pid, ()).result().unwrap();
        drop(executor);
        assert_eq!(ran(&path), [0, 1], "the second was running, and finished");
    });
}

#[test]
fn the_first_result_of_a_running_chunk_wakes_its_stream() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let places = vec![crossing.places(); 2];
        let mut stream = executor.map_options().chunksize(2).map(cross, places).into_stream();
        crossing.wait_for(1);
        let woken = wait_for(&mut stream);
        crossing.let_go(1);
        woken.recv().expect("its first result wakes it");
        assert!(next(&mut stream).is_some_and(|item| item.is_ok()));
        let woken = wait_for(&mut stream);
        crossing.let_go(1);
        woken.recv().expect("its last result wakes it");
        assert!(next(&mut stream).is_some_and(|item| item.is_ok()));
        assert_eq!(next(&mut stream), None);
    });
}

#[test]
fn the_results_before_a_death_wake_a_stream_while_the_culprit_runs_again() {
    // The first item stops; the second dies the first time, and stops the second time.
    fn task((number, path, places): (u32, String, Places)) -> u32 {
        note((path.clone(), number.to_string()));
        if number == 1 && count(&path, "1") == 1 {
            kill_self();
        }
        cross(places);
        number
    }
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let path = crossing.file("notes");
        let executor = replacing(1, 1);
        let items = [0, 1].map(|number| (number, path.clone(), crossing.places()));
        let mut stream = executor.map_options().chunksize(2).map(task, items).into_stream();
        crossing.wait_for(1);
        let woken = wait_for(&mut stream);
        crossing.let_go(1);
        woken.recv().expect("its first result wakes it");
        assert_eq!(next(&mut stream), Some(Ok(0)));
        crossing.wait_for(1);
        crossing.let_go(1);
        assert_eq!(block_on(stream.collect::<Vec<_>>()), [Ok(1)]);
    });
}

#[test]
fn cancelling_and_killing_wake_a_stream() {
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let mut map = executor.map(|x: u32| x, 0..10).into_stream();
        let pending = [executor.submit(pid, ())];
        let mut completed = as_completed(&pending).into_stream();
        let woken = [wait_for(&mut map), wait_for(&mut completed)];
        executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
        woken.iter().for_each(|woken| assert!(woken.recv().is_ok(), "its end wakes it"));
        let cancelled = iter::repeat_n(Err(Error::Cancelled), 10);
        assert!(block_on(map.collect::<Vec<_>>()).into_iter().eq(cancelled));
        assert!(next(&mut completed).is_some_and(Future::cancelled));
        crossing.let_go(1);
        busy.result().unwrap();

        let crossing = Crossing::new();
        let executor = pool(1);
        let map = executor.map_options().chunksize(1).map(cross, vec![crossing.places(); 3]);
        let mut map = map.into_stream();
        crossing.wait_for(1);
        let woken = wait_for(&mut map);
        executor.kill_workers();
        woken.recv().expect("its end wakes it");
        let is_broken = |item: &_| matches!(item, Err(Error::BrokenProcessPool(_)));
        assert_eq!(block_on(map.filter(is_broken).count()), 3);
    });
}

#[test]
fn the_waker_of_a_streams_last_poll_is_woken_and_no_other() {
    fn woken_by<S: Stream + Unpin>(stream: &mut S, event: impl FnOnce()) -> Vec<&'static str> {
        let (sender, receiver) = channel();
        for name in ["first", "second"] {
            let waker = Waker::from(Arc::new(Named(name, sender.clone())));
            assert!(poll(stream, &waker).is_pending());
        }
        drop(sender);
        event();
        // Both wakers have been dropped when one of them has been woken.
        receiver.iter().collect()
    }
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let mut map = executor.map(cross, [crossing.places()]).into_stream();
        let futures = [busy];
        let mut completed = as_completed(&futures).into_stream();
        assert_eq!(woken_by(&mut completed, || crossing.let_go(1)), ["second"]);
        assert_eq!(woken_by(&mut map, || crossing.let_go(1)), ["second"]);
        assert!(next(&mut completed).is_some() && next(&mut map).is_some());
    });
}

#[test]
fn streams_get_the_results_of_a_worker_that_another_thread_watches() {
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let behind = [executor.submit(pid, ())];
        let mut completed = as_completed(&behind).into_stream();
        let mut map = executor.map(|x: u32| x, 0..1).into_stream();
        let watcher = thread::spawn(move || busy.result());
        let woken = [wait_for(&mut completed), wait_for(&mut map)];
        crossing.let_go(1);
        woken.iter().for_each(|woken| assert!(woken.recv().is_ok(), "its result wakes it"));
        assert_eq!(next(&mut map), Some(Ok(0)));
        assert!(next(&mut completed).is_some());
        assert!(watcher.join().unwrap().is_ok());
    });
}

#[test]
fn a_stream_that_moves_is_woken_where_it_is_polled() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = pool(1);
        let map = executor.map_options().chunksize(1).map(cross, vec![crossing.places(); 3]);
        let mut stream = map.into_stream();
        let read = async |mut stream: IntoStream<Map<u32>>| {
            assert!(stream.next().await.is_some_and(|item| item.is_ok()));
            stream
        };
        let earlier = wait_for(&mut stream);
        let thread = thread::spawn(move || block_on(read(stream)));
        earlier.recv().expect_err("the thread has polled, and replaced the waker");
        crossing.let_go(1);
        let mut stream = thread.join().unwrap();

        let runtime = multi_thread();
        let earlier = wait_for(&mut stream);
        let task = runtime.spawn(async move {
            assert!(stream.next().await.is_some_and(|item| item.is_ok()));
            stream
        });
        earlier.recv().expect_err("the task has polled, and replaced the waker");
        crossing.let_go(1);
        let mut stream = runtime.block_on(task).unwrap();

        let smol = Executor::new();
        let earlier = wait_for(&mut stream);
        let task = smol.spawn(async move { stream.next().await });
        while smol.try_tick() {}
        earlier.recv().expect_err("the task has polled, and replaced the waker");
        crossing.let_go(1);
        assert!(block_on(smol.run(task)).is_some_and(|item| item.is_ok()));
    });
}

#[test]
fn hundreds_of_streams_are_read_concurrently() {
    const STREAMS: u32 = 400;
    type Boxed = Pin<Box<dyn Stream<Item = Result<u32, Error>> + Send>>;
    fn stream(executor: &ProcessPoolExecutor, first: u32) -> Boxed {
        let items = first..first + 3;
        match first % 2 {
            0 => executor.map(|x: u32| x, items).into_stream().boxed(),
            _ => executor.map_options().buffersize(2).map(|x: u32| x, items).into_stream().boxed(),
        }
    }
    async fn sum(stream: Boxed) -> u32 {
        stream.fold(0, |sum, item| sum + item.unwrap()).await
    }
    watch::within(watch::HANG, || {
        for make_runtime in [current_thread, multi_thread] {
            let executor = pool(2);
            let runtime = make_runtime();
            let tasks: Vec<_> =
                (0..STREAMS).map(|first| runtime.spawn(sum(stream(&executor, first)))).collect();
            runtime.block_on(async {
                for (first, task) in (0..).zip(tasks) {
                    assert_eq!(task.await.unwrap(), 3 * first + 3);
                }
            });
        }
        let executor = pool(2);
        let smol = Executor::new();
        let tasks: Vec<_> =
            (0..STREAMS).map(|first| smol.spawn(sum(stream(&executor, first)))).collect();
        block_on(smol.run(async {
            for (first, task) in (0..).zip(tasks) {
                assert_eq!(task.await, 3 * first + 3);
            }
        }));
    });
}

/// When it is woken, calls its pool and reads its stream.
struct Busy {
    executor: Mutex<Option<Arc<ProcessPoolExecutor>>>,
    stream: Mutex<IntoStream<Map<u32>>>,
    sender: Sender<Option<Result<u32, Error>>>,
}

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        let executor = self.executor.lock().unwrap().take().expect("it is woken once");
        executor.submit(pid, ()).cancel();
        assert_eq!(executor.stats().failed, 0);
        let item = next(&mut *self.stream.lock().unwrap());
        // The test has the last one.
        drop(executor);
        self.sender.send(item).expect("the test waits");
    }
}

/// The items that a waker that calls its pool reads from `stream` after `event`.
fn read_by_waker(
    executor: &Arc<ProcessPoolExecutor>,
    stream: IntoStream<Map<u32>>,
    event: impl FnOnce(),
) -> Option<Result<u32, Error>> {
    let (sender, receiver) = channel();
    let executor = Mutex::new(Some(Arc::clone(executor)));
    let busy = Arc::new(Busy { executor, stream: Mutex::new(stream), sender });
    let waker = Waker::from(Arc::clone(&busy));
    assert!(poll(&mut *busy.stream.lock().unwrap(), &waker).is_pending());
    drop(waker);
    event();
    receiver.recv().expect("it is woken")
}

#[test]
fn no_lock_is_held_while_a_streams_waker_runs() {
    watch::within(watch::HANG, || {
        let (crossing, executor, _busy) = busy_pool();
        let executor = Arc::new(executor);
        let whole = executor.map(|x: u32| x, 5..6).into_stream();
        let item = read_by_waker(&executor, whole, || crossing.let_go(1));
        assert_eq!(item, Some(Ok(5)));

        let places = vec![crossing.places(); 2];
        let part = executor.map_options().chunksize(2).map(cross, places).into_stream();
        crossing.wait_for(1);
        let item = read_by_waker(&executor, part, || crossing.let_go(1));
        assert!(item.is_some_and(|item| item.is_ok()));
        // Reading it has ended it.
        crossing.let_go(1);

        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(2);
        let stopped = executor.map(|x: u32| x, 0..10).into_stream();
        let cancel = ShutdownOptions::new().wait(false).cancel_futures(true);
        let item = read_by_waker(&executor, stopped, || executor.shutdown_with(cancel));
        assert_eq!(item, Some(Err(Error::Cancelled)));
        crossing.let_go(1);
        assert!(running.result().is_ok());
    });
}

/// Shuts its pool down when it is dropped.
struct Closing(Arc<ProcessPoolExecutor>);

impl Wake for Closing {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.shutdown_with(ShutdownOptions::new().wait(false));
    }
}

#[test]
fn no_lock_is_held_while_a_streams_waker_is_dropped() {
    watch::within(watch::HANG, || {
        let (crossing, executor, busy) = busy_pool();
        let executor = Arc::new(executor);
        let mut map = executor.map(|x: u32| x, 0..10).into_stream();
        let waker = Waker::from(Arc::new(Closing(Arc::clone(&executor))));
        assert!(poll(&mut map, &waker).is_pending());
        drop(waker);
        drop(wait_for(&mut map));
        assert_eq!(executor.submit(pid, ()).error(), Some(Error::Shutdown), "it was dropped");
        crossing.let_go(1);
        busy.result().unwrap();
        assert!(block_on(map.collect::<Vec<_>>()).into_iter().eq((0..10).map(Ok)));
    });
}
