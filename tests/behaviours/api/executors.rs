//! Executors of asynchronous code: a bare one, two kinds of tokio, and that of smol.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use async_executor::Executor;
use procpool::ProcessPoolExecutor;
use tokio::runtime::{Builder, Runtime};

/// Wakes the thread that polls.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor: polls, and sleeps until it is woken.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

pub(super) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime can be made")
}

pub(super) fn multi_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_time().build().expect("a runtime can be made")
}

/// Runs `case` under each executor, with a pool that was made before the executor has threads.
pub(super) fn under_each<F: Future<Output = ()>>(
    make_pool: impl Fn() -> ProcessPoolExecutor,
    case: impl Fn(ProcessPoolExecutor) -> F,
) {
    block_on(case(make_pool()));
    let executor = make_pool();
    current_thread().block_on(case(executor));
    let executor = make_pool();
    multi_thread().block_on(case(executor));
    block_on(Executor::new().run(case(make_pool())));
}

/// Sends its name when it is woken.
pub(super) struct Named(pub(super) &'static str, pub(super) Sender<&'static str>);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.send(self.0).expect("the test waits");
    }
}
