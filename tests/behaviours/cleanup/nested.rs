//! Programs and pools inside tasks: they work, and end with their worker.

use std::convert::Infallible;
use std::path::Path;
use std::process::{Command, Stdio};

use predicates::str::{is_empty, is_match};
use procpool::{Future, ProcessPoolExecutor};
use procpool_testkit::bystander::Bystander;
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::os::{self, Watched};
use procpool_testkit::{program, start, trace, watch};
use tempfile::TempDir;

fn pool(max_workers: usize) -> ProcessPoolExecutor {
    crate::builder().max_workers(max_workers).build().expect("a pool can be made")
}

// Behaviours: NEST-01, OUT-03.
#[test]
fn a_program_that_a_task_starts_has_an_empty_stdin() {
    fn read_by_own_program(_: ()) -> (bool, Vec<u8>) {
        let output = Command::new("cat").stdin(Stdio::inherit()).output().expect("there is a cat");
        (output.status.success(), output.stdout)
    }
    watch::within(watch::HANG, || {
        let executor = pool(1);
        assert_eq!(executor.submit(read_by_own_program, ()).result(), Ok((true, Vec::new())));
        assert_eq!(executor.submit(|x: u32| x, 1).result(), Ok(1), "the link is as it was");
    });
}

// Behaviours: NEST-02.
#[test]
fn a_task_can_create_use_and_drop_a_pool() {
    fn squares(numbers: u64) -> (u64, u32) {
        let inner = pool(2);
        let worker = inner.submit(|()| std::process::id(), ()).result().unwrap();
        (inner.map(|x: u64| x * x, 0..numbers).map(Result::unwrap).sum(), worker)
    }
    watch::within(watch::HANG, || {
        let executor = pool(1);
        let (sum, inner_worker) = executor.submit(squares, 10).result().unwrap();
        assert_eq!(sum, 285);
        assert_eq!(os::process(inner_worker), None, "the inner pool was dropped with the task");
        assert_eq!(executor.submit(squares, 3).result().unwrap().0, 5, "and the worker lives on");
    });
}

// Behaviours: NEST-03.
#[test]
fn pools_can_be_nested_ten_deep() {
    fn nest(depth: u32) -> u32 {
        if depth == 0 { 0 } else { pool(1).submit(nest, depth - 1).result().unwrap() + 1 }
    }
    watch::within(watch::HANG, || assert_eq!(pool(1).submit(nest, 10).result(), Ok(10)));
}

/// The file for the pids of nested tasks, and the gates at which the innermost one reports and waits.
struct Place {
    folder: TempDir,
    running: Gate,
    _never: Gate,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [running, never] = ["running", "never"].map(|name| Gate::new(folder.path(), name));
        Self { folder, running, _never: never }
    }

    fn path(&self) -> String {
        self.folder.path().to_str().expect("a plain name").to_owned()
    }

    /// Waits until the innermost task runs, and watches the workers of all.
    fn wait_for(&self, workers: usize) -> Vec<Bystander> {
        self.running.take(1, watch::HANG).expect("the innermost task runs");
        let records = trace::read::<()>(&self.folder.path().join("trace"));
        assert_eq!(records.len(), workers);
        records.iter().map(|record| Bystander(Watched::new(record.pid))).collect()
    }
}

/// Stops at `place`, `depth` nested pools further in.
fn stay_within((depth, place): (u32, String)) {
    trace::append(Path::new(&place).join("trace").to_str().expect("a plain name"), ());
    if depth == 0 {
        gate::give(&format!("{place}/running"));
        return gate::take(&format!("{place}/never"));
    }
    pool(1).submit(stay_within, (depth - 1, place)).result().expect("nobody lets it go on");
}

// Behaviours: SHUT-20.
#[test]
fn killing_workers_ends_the_pools_inside_them() {
    watch::within(watch::HANG, || {
        let place = Place::new();
        let executor = pool(1);
        let outermost = executor.submit(stay_within, (4, place.path()));
        let workers = place.wait_for(5);
        executor.kill_workers();
        assert!(outermost.error().is_some());
        assert!(workers.iter().all(|worker| worker.0.ended_within(watch::HANG)));
    });
}

// Behaviours: NEST-04.
#[test]
fn a_worker_that_never_dropped_its_pool_still_exits() {
    fn leak_a_pool(place: String) {
        let inner = pool(1);
        let _stays: Future<()> = inner.submit(stay_within, (0, place));
        std::mem::forget(inner);
    }
    watch::within(watch::HANG, || {
        let place = Place::new();
        let executor = pool(1);
        executor.submit(leak_a_pool, place.path()).result().unwrap();
        let inner_workers = place.wait_for(1);
        drop(executor);
        assert!(inner_workers[0].0.ended_within(watch::HANG), "it has nobody to work for");
    });
}

// Behaviours: NEST-04.
#[test]
fn a_pool_that_is_a_workers_state_is_dropped_with_it() {
    fn inner_pool() -> Result<ProcessPoolExecutor, Infallible> {
        Ok(pool(1))
    }
    fn inner_pid(inner: &mut ProcessPoolExecutor, _: ()) -> u32 {
        inner.submit(|()| std::process::id(), ()).result().unwrap()
    }
    watch::within(watch::HANG, || {
        let builder = crate::builder().max_workers(1);
        let executor = builder.initializer(inner_pool).build().unwrap();
        let worker = executor.submit_with(inner_pid, ()).result().unwrap();
        assert_eq!(executor.submit_with(inner_pid, ()).result(), Ok(worker));
        drop(executor);
        assert_eq!(os::process(worker), None, "its own parent has waited for it");
    });
}

// Behaviours: NEST-05.
#[test]
fn errors_of_inner_tasks_arrive_and_are_not_printed() {
    watch::within(watch::HANG, || {
        let expected = r"(?x)\A
            the\ task\ panicked\ at\ .*clean_nested\.rs:\d+:\d+:\ number\ 7\ is\ refused\n
            the\ process\ pool\ is\ broken:\ worker\ \d+\ was\ killed\ by\ SIGKILL\ while\ 
            running\ work\ item\ 2\n\z";
        let mut command = assert_cmd::Command::from_std(program::command("clean_nested"));
        command.env(start::VARIABLE, crate::start_method());
        command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
        let expected = is_match(expected).expect("it is an expression");
        command.assert().success().stderr(is_empty()).stdout(expected);
    });
}
