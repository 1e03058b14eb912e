//! A place where tasks stop until the test lets them go on.

use procpool_testkit::gate::{self, Gate};
use procpool_testkit::watch;
use tempfile::TempDir;

/// Where tasks stop: each says that it has arrived, and goes on when the test lets it.
#[derive(Debug)]
pub(crate) struct Crossing {
    arrived: Gate,
    go: Gate,
    /// Deleted last, with the gates in it.
    folder: TempDir,
}

/// The two gates of a [`Crossing`], as they travel.
pub(crate) type Places = (String, String);

impl Crossing {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
        Self { arrived, go, folder }
    }

    /// The argument of [`cross`].
    pub(crate) fn places(&self) -> Places {
        (self.arrived.path(), self.go.path())
    }

    /// A path beside the gates, for what tasks write down.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a plain name").to_owned()
    }

    /// Waits until so many tasks have arrived that were not waited for before.
    pub(crate) fn wait_for(&self, tasks: usize) {
        self.arrived.take(tasks, watch::HANG).expect("the tasks arrive");
    }

    /// Lets so many tasks go on.
    pub(crate) fn let_go(&self, tasks: usize) {
        self.go.give(tasks);
    }
}

/// Stops at a crossing; returns the worker's pid.
pub(crate) fn cross((arrived, go): Places) -> u32 {
    gate::give(&arrived);
    gate::take(&go);
    std::process::id()
}

/// A task that says which worker it ran in.
pub(crate) fn pid(_: ()) -> u32 {
    std::process::id()
}
