//! The known faults of other pools, as a page of the book: each fault, the cases that it fails, and the
//! program that reproduces it without the suite.
//!
//! Owns how the expectations and the first comments of those programs become one page. Knows nothing of
//! runs: the statements are checked by running the suite and the programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::suite::Known;

/// The folders of programs, below the repository's.
const FOLDERS: [&str; 6] = [
    "crates/conformance/adapters/python/faults",
    "crates/conformance/adapters/node/faults",
    "crates/conformance/adapters/perl/faults",
    "crates/conformance/adapters/ruby/faults",
    "crates/conformance/adapters/r/faults",
    "crates/peers/examples",
];

/// The files that pin versions, below the repository's folder, and the separator between name and version.
const PINS: [(&str, &str); 3] = [
    ("crates/bench/peers/python/requirements.txt", "=="),
    ("crates/bench/peers/node/package.json", "\": \""),
    ("crates/peers/Cargo.toml", " = \"="),
];

/// The versions of pools that are part of the system, so that no file here pins them.
const OF_THE_SYSTEM: [(&str, &str); 6] = [
    ("MCE", "1.884"),
    ("concurrent.futures", "of CPython 3.11.7"),
    ("future", "1.31.0"),
    ("multiprocessing.Pool", "of CPython 3.11.7"),
    ("parLapply", "of R 4.2.2"),
    ("parallel", "1.22.1"),
];

const INTRODUCTION: &str = "# What other pools do

The suite has found faults in every other pool that has an adapter. This page lists them. A fault is added
in two steps: a case failed, and then a program that uses only the pool, without the suite or its adapter,
reproduced the failure. Only then is it the pool's fault and not the suite's, and only then is the case an
[expected failure](adapter.md#failures-that-you-know-of). The programs are short, print their observations,
and fail when the fault does not occur, so a fixed fault is noticed:

```text
python3 crates/conformance/adapters/test_faults.py [NAME…]
```

All entries apply to the versions named here, on Linux. Some are documented behaviour, not bugs. They are
listed because the case still fails; the link leads to the documentation. A case marked ~ fails only at
times, because it depends on a race in the pool. If a pool has several start methods and not all fail a
case, those that do are named behind it.
";

/// The known faults of other pools.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// The known failures, by the pool's name and start method, joined by a dash.
    pub known: BTreeMap<String, BTreeMap<String, Known>>,
    /// The programs, by the names of their files.
    pub programs: BTreeMap<String, Program>,
    /// The tested versions, by pool.
    pub versions: BTreeMap<String, String>,
}

/// A program that reproduces a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its folder, below the repository's.
    pub folder: String,
    /// The pool that has the fault.
    pub pool: String,
    /// The fault.
    pub sentence: String,
    /// Its number of lines.
    pub lines: usize,
}

impl Field {
    /// Reads the files of a repository.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or a program does not begin with a sentence about a pool.
    pub fn read(repository: &Path) -> Result<Self, String> {
        let mut field = Self::default();
        for (name, text) in files(&repository.join("crates/conformance/expectations"))? {
            let column = name.strip_suffix(".toml").unwrap_or(&name).to_owned();
            let known = toml::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
            field.known.insert(column, known);
        }
        for folder in FOLDERS {
            for (name, text) in files(&repository.join(folder))? {
                let program = Program::of(folder, &text).ok_or_else(|| {
                    format!("{folder}/{name} does not begin with a comment \"POOL: its fault.\"")
                })?;
                field.programs.insert(name, program);
            }
        }
        let pools: BTreeSet<&String> = field.programs.values().map(|it| &it.pool).collect();
        let mut pins = OF_THE_SYSTEM.map(|(pool, version)| format!("{pool}=={version}")).join("\n");
        for (file, between) in PINS {
            let path = repository.join(file);
            let text = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
            pins += &format!("\n{}", text.replace(between, "=="));
        }
        for pool in pools {
            let pin = pins.lines().find_map(|line| {
                let line = line.trim_start_matches([' ', '"']);
                line.strip_prefix(pool.as_str())?.strip_prefix("==")
            });
            let version = pin.ok_or_else(|| format!("no file says which version {pool} has"))?;
            let version = version.trim_end_matches(['"', ',']).to_owned();
            field.versions.insert(pool.clone(), version);
        }
        Ok(field)
    }

    /// Returns the programs that are not the reason of any case.
    pub fn idle(&self) -> Vec<String> {
        let named: BTreeSet<&str> =
            self.known.values().flat_map(BTreeMap::values).map(|it| it.shown_by.as_str()).collect();
        self.programs.keys().filter(|name| !named.contains(name.as_str())).cloned().collect()
    }

    /// Returns the page, in Markdown.
    pub fn page(&self) -> String {
        let mut page = INTRODUCTION.to_owned();
        for (pool, version) in &self.versions {
            let programs = self.programs.iter().filter(|(_, program)| program.pool == *pool);
            let folders: BTreeSet<String> =
                programs.clone().map(|(_, it)| format!("`{}`", it.folder)).collect();
            let folders = folders.into_iter().collect::<Vec<_>>().join(", ");
            let _ = write!(page, "\n## {pool} {version}\n\nThe programs are in {folders}.\n");
            for (name, Program { sentence, .. }) in programs {
                let (cases, links) = (self.cases(pool, name), self.links(name));
                let see = if links.is_empty() { links } else { format!(" See {links}.") };
                let sentence = escaped(sentence);
                let _ = write!(page, "\n**{sentence}** Fails {cases}. Shown by `{name}`.{see}\n");
            }
        }
        page
    }

    /// Returns the columns of a pool, by start method.
    fn columns(&self, pool: &str) -> Vec<(&str, &BTreeMap<String, Known>)> {
        let named = self.known.iter().filter_map(|(name, known)| {
            let (of, method) = name.rsplit_once('-')?;
            (of == pool).then_some((method, known))
        });
        named.collect()
    }

    fn cases(&self, pool: &str, program: &str) -> String {
        let columns = self.columns(pool);
        let mut cases: BTreeMap<&str, (Vec<&str>, bool)> = BTreeMap::new();
        for (method, known) in &columns {
            for (id, known) in known.iter().filter(|(_, it)| it.shown_by == program) {
                let (methods, at_times) = cases.entry(id).or_default();
                methods.push(method);
                *at_times |= known.at_times.is_some();
            }
        }
        let links = cases.into_iter().map(|(id, (methods, at_times))| {
            let mark = if at_times { " ~" } else { "" };
            let only = match methods.len() == columns.len() {
                true => String::new(),
                false => format!(" ({})", methods.join(", ")),
            };
            format!("[{id}](catalogue.md#{}){mark}{only}", id.replace('.', "-"))
        });
        links.collect::<Vec<_>>().join(", ")
    }

    fn links(&self, program: &str) -> String {
        let known = self.known.values().flat_map(BTreeMap::values);
        let links: BTreeSet<&str> = known
            .filter(|it| it.shown_by == program && !it.link.is_empty())
            .map(|it| it.link.as_str())
            .collect();
        links.into_iter().map(link).collect::<Vec<_>>().join(" and ")
    }
}

impl Program {
    /// Reads the first comment of a program: `POOL: its fault.`
    fn of(folder: &str, text: &str) -> Option<Self> {
        let comment = first_comment(text);
        let (pool, sentence) = comment.split_once(": ")?;
        sentence.ends_with('.').then(|| Self {
            folder: folder.to_owned(),
            pool: pool.to_owned(),
            sentence: sentence.to_owned(),
            lines: text.lines().count(),
        })
    }
}

/// Returns the first paragraph of a docstring, or the first lines that are comments, as one line.
fn first_comment(text: &str) -> String {
    let lines: Vec<&str> = match text.strip_prefix("\"\"\"") {
        Some(docstring) => {
            let (said, _) = docstring.split_once("\"\"\"").unwrap_or((docstring, ""));
            said.lines().take_while(|line| !line.is_empty()).collect()
        }
        None => text
            .lines()
            .skip_while(|line| line.starts_with("#!"))
            .map_while(|line| ["//!", "//", "#"].iter().find_map(|it| line.strip_prefix(*it)))
            .collect(),
    };
    lines.into_iter().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Returns the files of a folder that are text, with their names.
fn files(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let of = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(of)? {
        let path = entry.map_err(of)?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            files.insert(name, text);
        }
    }
    Ok(files)
}

/// Names an issue by its repository and number, anything else by its server.
fn link(address: &str) -> String {
    let path = address.strip_prefix("https://").unwrap_or(address);
    let parts: Vec<&str> = path.split('/').collect();
    let name = match parts.as_slice() {
        ["github.com", owner, name, "issues" | "pull", number] => {
            format!("{owner}/{name}#{number}")
        }
        [server, ..] => (*server).to_owned(),
        [] => String::new(),
    };
    format!("[{name}]({address})")
}

/// Begins a sentence with a capital letter, and escapes it.
fn escaped(text: &str) -> String {
    let text = text.replace('*', "\\*").replace('<', "&lt;");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
