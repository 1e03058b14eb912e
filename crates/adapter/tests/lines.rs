//! Each pool's own adapter is short: the common part is in the runtime of its language.
//!
//! Owns the definition of a line of code, and of an adapter's own files. Knows no pool: the adapters are
//! those of `crates/conformance/adapters/all.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of code of an adapter beyond the runtime of its language.
const MOST: usize = 80;

/// The adapter's own files among the sources of Rust programs, by the program's name. All other files in
/// `crates/adapter` are the runtime, or a saboteur.
const RUST: [(&str, &[&str]); 3] = [
    (
        "procpool-adapter",
        &["crates/adapter/src/procpool_pool.rs", "crates/adapter/src/bin/procpool-adapter.rs"],
    ),
    ("procpool-adapter-procspawn", &["crates/peers/src/bin/procpool-adapter-procspawn/main.rs"]),
    ("procpool-adapter-tarnish", &["crates/peers/src/bin/procpool-adapter-tarnish/main.rs"]),
];

/// The syntax of comments: the start of a line comment, and both ends of a block comment. A description
/// within a program's text counts; one in a JSON file is not program text.
struct Comments {
    line: &'static str,
    block: Option<(&'static str, &'static str)>,
}

fn comments(file: &Path) -> Comments {
    match file.extension().and_then(|it| it.to_str()) {
        Some("py") => Comments { line: "#", block: Some(("\"\"\"", "\"\"\"")) },
        Some("pl" | "pm" | "rb" | "R") => Comments { line: "#", block: None },
        Some("mjs" | "rs") => Comments { line: "//", block: Some(("/*", "*/")) },
        _ => panic!("{} is in a language that has no rule here", file.display()),
    }
}

/// Returns the number of lines that are neither blank, nor comments, nor tests of Rust, which are at the
/// end.
fn code_lines(text: &str, comments: &Comments) -> usize {
    let mut lines = text.lines().map(str::trim).take_while(|line| *line != "#[cfg(test)]");
    let mut count = 0;
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with(comments.line) {
            continue;
        }
        let opened = comments.block.and_then(|(open, end)| Some((line.strip_prefix(open)?, end)));
        match opened {
            Some((rest, end)) if !rest.contains(end) => {
                lines.find(|line| line.contains(end));
            }
            Some(_) => {}
            None => {
                // A long text could look like a comment at its end.
                let quotes = line.matches("\"\"\"").count();
                assert!(quotes % 2 == 0, "this begins a text of several lines: {line}");
                count += 1;
            }
        }
    }
    count
}

/// Returns the files beside `file`, or in folders there, that it loads.
fn loads(file: &Path) -> BTreeSet<PathBuf> {
    let folder = file.parent().expect("a file is in a folder");
    let text = read(file);
    let names: Vec<String> = match file.extension().and_then(|it| it.to_str()) {
        Some("py") => {
            let lines = text.lines().map(str::trim_start);
            let imported = lines.filter_map(|line| {
                line.strip_prefix("import ").or_else(|| line.strip_prefix("from "))
            });
            let modules = imported.flat_map(|rest| {
                let names = rest.split(" import ").next().unwrap_or_default();
                names.split(',').filter_map(|name| name.split_whitespace().next())
            });
            modules.map(|name| format!("{name}.py")).collect()
        }
        Some("pl" | "pm") => {
            let used = text.lines().filter_map(|line| line.trim_start().strip_prefix("use "));
            used.map(|rest| format!("{}.pm", rest.split([';', ' ']).next().unwrap_or_default()))
                .collect()
        }
        Some("rb") => {
            let lines = text.lines().map(str::trim_start);
            let required = lines.filter_map(|line| line.strip_prefix("require_relative "));
            required.map(|name| format!("{}.rb", name.trim_matches(['\'', '"']))).collect()
        }
        // It loads its runtime alone.
        Some("R") => Vec::new(),
        _ => {
            let quoted = text.split(['\'', '"', '`']);
            quoted
                .filter(|it| it.starts_with('.') && it.ends_with(".mjs"))
                .map(Into::into)
                .collect()
        }
    };
    names.iter().filter_map(|name| folder.join(name).canonicalize().ok()).collect()
}

fn is_runtime(file: &Path) -> bool {
    file.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("runtime"))
}

/// Returns every file that a program loads, starting from its first one, without those of the runtime.
fn reached(first: &Path) -> BTreeSet<PathBuf> {
    let (mut all, mut next) = (BTreeSet::new(), vec![first.to_owned()]);
    while let Some(file) = next.pop() {
        if !is_runtime(&file) && all.insert(file.clone()) {
            next.extend(loads(&file));
        }
    }
    all
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("this package is in the workspace")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Returns an adapter's own files, by the first name in the list.
fn adapters() -> BTreeMap<String, BTreeSet<PathBuf>> {
    let list = root().join("crates/conformance/adapters/all.json");
    let list: serde_json::Value = serde_json::from_str(&read(&list)).expect("it is a list");
    let mut programs: BTreeMap<PathBuf, (String, BTreeSet<PathBuf>)> = BTreeMap::new();
    for adapter in list.as_array().expect("it is a list") {
        let word = |member: &str| adapter[member].as_str().expect("each has two texts").to_owned();
        let (name, command) = (word("name"), word("command"));
        let first = command.split(' ').next().unwrap_or_default();
        let (program, own) = match Path::new(first).strip_prefix("target/debug") {
            Ok(program) => {
                let known = RUST.iter().find(|(name, _)| Path::new(name) == program);
                let (_, files) = known.unwrap_or_else(|| panic!("RUST has no {first} of {name}"));
                (root().join(first), files.iter().map(|file| root().join(file)).collect())
            }
            Err(_) => {
                let mut paths = command.split(' ').map(|word| root().join(word));
                let program = paths.find(|path| path.starts_with(list_folder()) && path.is_file());
                let program = program.unwrap_or_else(|| panic!("{command} runs no file here"));
                let own = reached(&program);
                (program, own)
            }
        };
        programs.entry(program).or_insert((name, own));
    }
    // A file that several programs load belongs to their runtime, in any folder.
    let mut users: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in programs.values().flat_map(|(_, files)| files) {
        *users.entry(file.clone()).or_default() += 1;
    }
    let own = |(name, files): (String, BTreeSet<PathBuf>)| {
        (name, files.into_iter().filter(|file| users[file] == 1).collect())
    };
    programs.into_values().map(own).collect()
}

fn list_folder() -> PathBuf {
    root().join("crates/conformance/adapters")
}

#[test]
fn every_adapter_is_short() {
    let (mut table, mut found) = (String::new(), BTreeMap::new());
    for (name, files) in adapters() {
        let counted = files.iter().map(|file| (file, code_lines(&read(file), &comments(file))));
        let counted: Vec<(&PathBuf, usize)> = counted.collect();
        let lines: usize = counted.iter().map(|(_, lines)| lines).sum();
        let mark = if lines > MOST { "too long" } else { "" };
        writeln!(table, "{lines:>4}  {name:<26} {mark}").expect("a text takes everything");
        for (file, lines) in counted {
            let file = file.strip_prefix(root()).unwrap_or(file).display();
            writeln!(table, "      {lines:>4}  {file}").expect("a text takes everything");
        }
        found.insert(name, lines);
    }
    println!("{table}");
    assert!(found.values().all(|lines| (20..=MOST).contains(lines)), "of {MOST} lines:\n{table}");
    assert!(found.len() >= RUST.len() + 3, "each language has an adapter:\n{table}");
}

#[test]
fn every_source_of_an_adapter_is_counted() {
    for (program, known) in &RUST[1..] {
        let folder = root().join("crates/peers/src/bin").join(program);
        let files = fs::read_dir(&folder).expect("the adapter has sources").map(|entry| {
            let path = entry.expect("the folder can be read").path();
            path.strip_prefix(root()).expect("it is in the workspace").to_owned()
        });
        let sources = files.filter(|file| file.extension().is_some_and(|it| it == "rs"));
        let known: Vec<PathBuf> = known.iter().map(PathBuf::from).collect();
        assert_eq!(sources.collect::<Vec<_>>(), known);
    }
}

#[test]
fn blank_lines_comments_and_tests_do_not_count() {
    let count = |file: &str, text: &str| code_lines(text, &comments(Path::new(file)));
    let rust = "//! About.\nuse a;\n\n/* more\n   of it */\n/// A.\nfn a() {} // It does.\n";
    assert_eq!(count("a.rs", rust), 2);
    assert_eq!(count("a.rs", &format!("{rust}#[cfg(test)]\nmod tests {{\n}}\n")), 2);
    let python =
        "\"\"\"About.\n\nmore\n\"\"\"\n# A.\nclass A:\n    \"\"\"One.\"\"\"\n    x = 1  # B\n";
    assert_eq!(count("a.py", python), 2);
    assert_eq!(count("a.mjs", "// A.\nexport class A {\n\n  /* B. */\n}\n"), 2);
    assert_eq!(count("a.pl", "#!/usr/bin/perl\n# A.\nuse strict;\n"), 1);
}
