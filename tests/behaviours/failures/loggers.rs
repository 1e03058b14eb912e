//! A logger is user code, and may use the pool whose warning it gets.

use std::sync::{Mutex, OnceLock};

use procpool::ProcessPoolExecutor;
use procpool_testkit::forked::report_of;
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
