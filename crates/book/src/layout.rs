//! The folders of a book. Owns no content, and reads only the names in a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folders of one book.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Commands in transcripts are run here; problems name files relative to it.
    pub root: PathBuf,
    /// The folder of `book.toml`.
    pub book: PathBuf,
    /// Programs that exist only for the book: all of their anchors must be used.
    pub programs: Vec<PathBuf>,
}

impl Layout {
    /// Returns the layout of the procpool book.
    pub fn procpool() -> Self {
        let root = procpool_testkit::program::root().to_owned();
        let book = root.join("book");
        let programs = vec![book.join("listings"), root.join("crates/book/examples")];
        Self { root, book, programs }
    }

    /// Returns the folder of the pages.
    pub fn pages(&self) -> PathBuf {
        self.book.join("src")
    }

    /// Returns the folder of the figures. It is inside the pages' folder.
    pub fn figures(&self) -> PathBuf {
        self.pages().join("figures")
    }

    /// Returns the folder of the transcripts.
    pub fn transcripts(&self) -> PathBuf {
        self.book.join("transcripts")
    }

    /// Returns the folder of the traces.
    pub fn traces(&self) -> PathBuf {
        self.book.join("traces")
    }

    /// Returns the folder of the measurements, and of their parts of pages.
    pub fn measurements(&self) -> PathBuf {
        self.book.join("bench")
    }

    /// Returns the folder of the conformance suite's judgements, and of their parts of pages.
    pub fn judgements(&self) -> PathBuf {
        self.book.join("conformance")
    }

    /// Returns the folder of the simulator: its engine, its page's program and the runs that it is
    /// compared with.
    pub fn simulator(&self) -> PathBuf {
        self.book.join("simulator")
    }

    /// Returns the list of the adapters that the conformance suite judges.
    pub fn adapters(&self) -> PathBuf {
        self.root.join("crates/conformance/adapters/all.json")
    }

    /// Returns `path` in the form that problems use.
    pub fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Returns the files in `folder` and below, in the order of their names; none if it is missing.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
