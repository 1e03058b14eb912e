//! A logger is user code: it may use the pool whose warning it gets, and it may panic.

use std::future::{Future as _, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::{Context, Wake, Waker};

use procpool::ProcessPoolExecutor;
use procpool_testkit::forked::report_of;
use procpool_testkit::gate::{Gate, take};
use procpool_testkit::limits::{Limit, first_free_descriptor};
use procpool_testkit::pool::assert_works;
use procpool_testkit::watch;

static POOL: OnceLock<ProcessPoolExecutor> = OnceLock::new();
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Curious;

impl log::Log for Curious {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let stats = POOL.get().expect("there is one").stats();
        WARNINGS.lock().unwrap().push(format!("{}, {} done", record.args(), stats.done));
    }

    fn flush(&self) {}
}

#[test]
fn a_warning_may_be_logged_by_a_logger_that_asks_the_pool() {
    watch::within(watch::HANG, || {
        // A copy of this program: logger and limit are global to a process.
        let report = report_of(|| {
            log::set_logger(&Curious).unwrap();
            log::set_max_level(log::LevelFilter::Trace);
            let pool = POOL.get_or_init(|| crate::builder().max_workers(3).build().unwrap());
            pool.start_workers(1).result().unwrap();
            Limit::Descriptors.set(first_free_descriptor());
            assert!(pool.start_workers(3).result_timeout(watch::HANG).is_err());
            assert_works(pool);
            pool.kill_workers();
            pool.shutdown();
            WARNINGS.lock().unwrap().join("; ")
        });
        assert!(report.starts_with("going on with 1 worker(s): "), "{report}");
    });
}

/// Panics with each record.
struct Panicking;

impl log::Log for Panicking {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        panic!("the logger got: {}", record.args());
    }

    fn flush(&self) {}
}

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("the waker");
    }
}

#[test]
fn a_logger_that_panics_stops_neither_callbacks_nor_the_pool() {
    watch::within(watch::HANG, || {
        let report = report_of(|| {
            log::set_logger(&Panicking).unwrap();
            log::set_max_level(log::LevelFilter::Trace);
            let pool = crate::builder().max_workers(2).build().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let gate = Gate::new(folder.path(), "gate");
            let futures = [(); 3].map(|()| pool.submit(|gate: String| take(&gate), gate.path()));
            let mut awaited = futures[0].clone().into_future();
            let waker = Waker::from(Arc::new(PanickingWaker));
            assert!(Pin::new(&mut awaited).poll(&mut Context::from_waker(&waker)).is_pending());
            futures[1].add_done_callback(|_| panic!("the callback"));
            let (sender, receiver) = mpsc::channel();
            futures[1].add_done_callback(move |_| sender.send(()).unwrap());
            gate.give(3);
            assert!(futures.iter().all(|future| future.result().is_ok()));
            receiver.recv().unwrap();
            pool.flush().result().unwrap();
            // A warning of the pool itself.
            Limit::Descriptors.set(first_free_descriptor());
            assert!(pool.start_workers(2).result_timeout(watch::HANG).is_ok());
            assert_works(&pool);
            pool.shutdown();
            "it ended".to_owned()
        });
        assert_eq!(report, "it ended");
    });
}
