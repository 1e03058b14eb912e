//! A place where tasks stop until the test releases them.

use std::path::Path;

use tempfile::TempDir;

use crate::gate::{self, Gate};
use crate::watch;

/// A place where tasks stop: each reports its arrival, and continues when the test releases it.
#[derive(Debug)]
pub struct Crossing {
    arrived: Gate,
    go: Gate,
    /// Dropped last, with the gates in it.
    folder: TempDir,
}

/// The two gates of a [`Crossing`], in a form that can be sent.
pub type Places = (String, String);

impl Crossing {
    /// Makes one in a folder of its own.
    ///
    /// # Panics
    ///
    /// When the folder or a gate cannot be made.
    #[expect(clippy::new_without_default, reason = "nobody has use for a default crossing")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (arrived, go) = (Gate::new(folder.path(), "arrived"), Gate::new(folder.path(), "go"));
        Self { arrived, go, folder }
    }

    /// The argument of [`cross`].
    pub fn places(&self) -> Places {
        (self.arrived.path(), self.go.path())
    }

    /// The folder of the gates.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path beside the gates, for the records of tasks.
    ///
    /// # Panics
    ///
    /// When the folder's name is no text.
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a plain name").to_owned()
    }

    /// Waits until `count` further tasks have arrived.
    ///
    /// # Panics
    ///
    /// When they do not arrive.
    pub fn wait_for(&self, tasks: usize) {
        self.arrived.take(tasks, watch::HANG).expect("the tasks arrive");
    }

    /// Releases `count` tasks.
    ///
    /// # Panics
    ///
    /// As for [`Gate::give`].
    pub fn let_go(&self, tasks: usize) {
        self.go.give(tasks);
    }
}

/// Stops at a crossing; returns the worker's pid.
///
/// # Panics
///
/// When there is no such crossing.
pub fn cross((arrived, go): Places) -> u32 {
    gate::give(&arrived);
    gate::take(&go);
    std::process::id()
}
