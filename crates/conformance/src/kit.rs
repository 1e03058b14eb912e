//! The files with which an adapter begins: an adapter that runs, and the runtime of its language.
//!
//! Owns which files belong to a language. The files are those that the adapters of this package use.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// The beginning of an adapter in one language.
#[derive(Debug)]
pub struct Kit {
    /// The language, as a word of the command line.
    pub language: &'static str,
    /// The pool that its adapter is for.
    pub pool: &'static str,
    /// The command that installs that pool; empty if the language has it.
    pub install: &'static str,
    /// The program that runs the adapter.
    pub interpreter: &'static str,
    /// The name and the content of each file, first that of the adapter.
    pub files: &'static [(&'static str, &'static str)],
}

/// All of them.
pub const KITS: &[Kit] = &[
    Kit {
        language: "python",
        pool: "concurrent.futures",
        install: "",
        interpreter: "python3",
        files: &[
            ("adapter.py", include_str!("../adapters/python/template.py")),
            ("runtime.py", include_str!("../adapters/python/runtime.py")),
        ],
    },
    Kit {
        language: "javascript",
        pool: "workerpool",
        install: "npm install workerpool",
        interpreter: "node",
        files: &[
            ("workerpool.mjs", include_str!("../adapters/node/workerpool.mjs")),
            ("runtime.mjs", include_str!("../adapters/node/runtime.mjs")),
            ("workers/workerpool.mjs", include_str!("../adapters/node/workers/workerpool.mjs")),
        ],
    },
    Kit {
        language: "perl",
        pool: "MCE",
        install: "cpan MCE",
        interpreter: "perl",
        files: &[
            ("mce.pl", include_str!("../adapters/perl/mce.pl")),
            ("Runtime.pm", include_str!("../adapters/perl/Runtime.pm")),
        ],
    },
    Kit {
        language: "ruby",
        pool: "Processes",
        install: "",
        interpreter: "ruby",
        files: &[
            ("adapter.rb", include_str!("../adapters/ruby/template.rb")),
            ("runtime.rb", include_str!("../adapters/ruby/runtime.rb")),
        ],
    },
    Kit {
        language: "r",
        pool: "parLapply",
        install: "",
        interpreter: "sh",
        files: &[
            ("cluster.R", include_str!("../adapters/r/cluster.R")),
            ("runtime.R", include_str!("../adapters/r/runtime.R")),
        ],
    },
];

impl Kit {
    /// Returns the kit of a language.
    pub fn of(language: &str) -> Option<&'static Self> {
        KITS.iter().find(|kit| kit.language == language)
    }

    /// Returns the command of the adapter, in its folder.
    pub fn command(&self) -> String {
        let (adapter, _) = self.files[0];
        format!("{} {adapter}", self.interpreter)
    }

    /// Writes the files into `folder`, and makes that if it is missing. Returns their paths.
    ///
    /// # Errors
    ///
    /// One of them exists, and then none is written; or the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, String> {
        let files: Vec<(PathBuf, &str)> =
            self.files.iter().map(|(name, content)| (folder.join(name), *content)).collect();
        if let Some((present, _)) = files.iter().find(|(file, _)| file.exists()) {
            let present = present.display();
            return Err(format!("{present} exists, and nothing was written; name another folder"));
        }
        for (file, content) in &files {
            write(file, content).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(files.into_iter().map(|(file, _)| file).collect())
    }
}

fn write(file: &Path, content: &str) -> std::io::Result<()> {
    let folder = file.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    OpenOptions::new().write(true).create_new(true).open(file)?.write_all(content.as_bytes())
}
