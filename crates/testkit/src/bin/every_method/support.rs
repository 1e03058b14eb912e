//! What the behaviours share: pools, crossings, and tasks that say who runs them.

use procpool::{BrokenCause, Builder, Error, ProcessPoolExecutor};
use procpool_testkit::gate::{self, Gate};
use procpool_testkit::start;
use tempfile::TempDir;

pub(crate) fn builder(max_workers: usize) -> Builder {
    start::builder_of_program().max_workers(max_workers)
}

pub(crate) fn pool(max_workers: usize) -> ProcessPoolExecutor {
    builder(max_workers).build().expect("a pool can be made")
}

/// The start method's name.
pub(crate) fn method() -> String {
    std::env::var(start::VARIABLE).expect("the test sets it")
}

pub(crate) fn pid((): ()) -> u32 {
    std::process::id()
}

/// Where tasks arrive, and wait to go on.
pub(crate) struct Crossing {
    pub(crate) arrived: Gate,
    pub(crate) go: Gate,
    pub(crate) folder: TempDir,
}

impl Crossing {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let gate = |name| Gate::new(folder.path(), name);
        Self { arrived: gate("arrived"), go: gate("go"), folder }
    }

    /// For [`cross`].
    pub(crate) fn places(&self) -> (String, String) {
        (self.arrived.path(), self.go.path())
    }

    /// Waits until so many tasks have arrived.
    pub(crate) fn wait_for(&self, tasks: usize) {
        for _ in 0..tasks {
            gate::take(&self.arrived.path());
        }
    }

    /// The path of a file in its folder.
    pub(crate) fn file(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("temporary folders have plain names").to_owned()
    }
}

/// Says that it is there, waits until it may go on, and says who it was.
pub(crate) fn cross((arrived, go): (String, String)) -> u32 {
    gate::give(&arrived);
    gate::take(&go);
    std::process::id()
}

/// What broke the pool, by the word of one error.
pub(crate) fn cause_of(error: Option<Error>) -> BrokenCause {
    match error {
        Some(Error::BrokenProcessPool(broken)) => broken.cause().clone(),
        other => panic!("not a broken pool: {other:?}"),
    }
}
