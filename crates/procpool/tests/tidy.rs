//! What keeps the crate's shape: one-way arrows between modules, small files, one fence for
//! unsafe code, one word per thing.
//!
//! Each rule is a function from the sources to its violations, and has a test that shows it
//! something to find.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The modules of `src`, bottom up: each may import those before it and nothing after it.
const ORDER: [&str; 22] = [
    "error",
    "payload",
    "model",
    "wire",
    "sys",
    "lifecycle",
    "codec",
    "chunk",
    "panics",
    "callbacks",
    "future",
    "link",
    "task",
    "worker",
    "start",
    "chunk_source",
    "manager",
    "executor",
    "builder",
    "map",
    "self_describing",
    "before_main",
];

/// The longest file that one noun should need, tests not counted.
const LINES: usize = 350;

/// Words that stand for something else here.
const BANNED: [(&str, &str); 6] = [
    ("master", "parent"),
    ("slave", "worker"),
    ("supervisor", "manager"),
    ("pickle", "encode"),
    ("marshal", "encode"),
    (" job", "task"),
];

/// Every source file: its path under `src`, and its text without the unit tests at its end.
type Sources = BTreeMap<String, String>;

fn sources() -> Sources {
    fn collect(folder: &Path, prefix: &str, sources: &mut Sources) {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
            if path.is_dir() {
                collect(&path, &format!("{prefix}{name}/"), sources);
            } else if name.ends_with(".rs")
                && !matches!(
                    name,
                    "tests.rs" | "model.rs" | "segment_model.rs" | "word_model.rs" | "fuzzing.rs"
                )
            {
                let text = fs::read_to_string(&path).expect("sources are text");
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                sources.insert(format!("{prefix}{name}"), code.to_owned());
            }
        }
    }
    let mut sources = Sources::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    sources
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or(file)
}

/// Imports that point up.
fn upward_arrows(sources: &Sources) -> Vec<String> {
    let rank = |module: &str| ORDER.iter().position(|name| *name == module);
    let mut found = Vec::new();
    for (file, text) in sources.iter().filter(|(file, _)| *file != "lib.rs") {
        let module = module_of(file);
        let Some(own) = rank(module) else {
            found.push(format!("{file}: module {module} has no place in the order"));
            continue;
        };
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for used in code.flat_map(|line| line.split("crate::").skip(1)) {
            let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            if let Some(theirs) = used.and_then(rank)
                && theirs > own
            {
                found.push(format!("{file}: {module} imports {}", ORDER[theirs]));
            }
        }
    }
    found
}

fn long_files(sources: &Sources) -> Vec<String> {
    let long = sources.iter().filter(|(_, text)| code_lines(text) > LINES);
    long.map(|(file, text)| format!("{file}: {} lines", code_lines(text))).collect()
}

/// Lines that are neither blank nor comments.
fn code_lines(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

fn unsafe_outside_the_fence(sources: &Sources) -> Vec<String> {
    let outside = sources.iter().filter(|(file, _)| module_of(file) != "sys");
    outside
        .flat_map(|(file, text)| text.lines().map(move |line| (file, line.trim())))
        .filter(|(_, line)| !line.starts_with("//"))
        .filter(|(_, line)| {
            ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|u| line.contains(u))
        })
        .map(|(file, line)| format!("{file}: {line}"))
        .collect()
}

fn other_words(sources: &Sources) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources {
        for (banned, ours) in BANNED {
            for line in text.lines().filter(|line| line.to_lowercase().contains(banned)) {
                found.push(format!("{file}: say {ours}: {}", line.trim()));
            }
        }
    }
    found
}

fn files_without_header(sources: &Sources) -> Vec<String> {
    sources
        .iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(file, _)| file.clone())
        .collect()
}

/// Public items whose documentation has no example.
fn items_without_example(sources: &Sources) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources {
        let mut has_example = false;
        for line in text.lines().map(str::trim) {
            let kinds = ["pub fn ", "pub struct ", "pub enum ", "pub trait "];
            // What is sealed is nobody's to use.
            let is_item =
                kinds.iter().any(|kind| line.starts_with(kind)) && !line.contains("Sealed");
            if is_item && !has_example {
                found.push(format!("{file}: {line}"));
            }
            // A blank line, or the end of something else, is before the next item's documentation.
            if line.is_empty() || line == "}" {
                has_example = false;
            }
            has_example |= line == "/// # Examples";
        }
    }
    found
}

/// Public enums that cannot get another variant without breaking a `match`, and do not say why they need
/// none.
fn closed_enums(sources: &Sources) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate().filter(|(_, it)| it.starts_with("pub enum "))
        {
            let mut above = lines[..index].iter().rev().take_while(|line| !line.is_empty());
            let excuses = ["#[non_exhaustive]", "The set is closed"];
            if !above.any(|line| excuses.iter().any(|excuse| line.contains(excuse))) {
                found.push(format!("{file}: {line}"));
            }
        }
    }
    found
}

/// From the sources to what violates a rule in them.
type Rule = fn(&Sources) -> Vec<String>;

/// All rules, by name.
const RULES: [(&str, Rule); 7] = [
    ("imports point down the order", upward_arrows),
    ("files stay small", long_files),
    ("unsafe code stays in sys", unsafe_outside_the_fence),
    ("one word per thing", other_words),
    ("every file says what it is", files_without_header),
    ("every public item has an example", items_without_example),
    ("public enums can grow", closed_enums),
];

#[test]
fn the_crate_is_tidy() {
    let sources = sources();
    assert!(sources.len() > 20, "the sources were found");
    let mut found = Vec::new();
    for (rule, check) in RULES {
        found.extend(check(&sources).into_iter().map(|violation| format!("{rule}: {violation}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The longest that the crate may be. A pool that does what Python's does, and no more, was 3,400
/// lines, and a result took 10 µs. What the rest is for, in round numbers: 2,400 for speed without
/// being inexact (the shared segment in `link` and `sys`, sending ahead and taking back in `manager`);
/// 1,300 for workers from a server (`start`, `manager/server`, `sys/fork`, `sys/packet`); 1,000 for how
/// workers live and end (`manager/{starts,ends,deadlines}`, `lifecycle`, `builder/policies`); 700 for
/// where they live and what they say at their end (`start/{place,output}`, `manager/{stderr,tail}`);
/// 700 for the ways to wait (`future`, `callbacks`); 400 for the options of a map; 1,300 for values that
/// arrive equal or are refused before they are sent (`codec`), half of them serde's many small methods;
/// 1,300 for what attacks from outside found: forked copies, refused signals and system calls, servers
/// that die, payloads without memory, results of chunks that are not over, and errors that say what to do.
///
/// The last two were more than what was there to be given up for them. Most of it knows no task and no
/// pool, and belongs below this crate.
const CRATE_LINES: usize = 12_769;

#[test]
fn the_whole_crate_stays_small() {
    let lines: usize = sources().values().map(|text| code_lines(text)).sum();
    assert!(lines > 1_000 && lines <= CRATE_LINES, "{lines} lines of code");
}

/// One enum of three can neither grow nor says why.
const CLOSED: &str = "//! Enums.

/// The set is closed: it is what it is.
///
/// # Examples
pub enum Told {}

/// # Examples
#[non_exhaustive]
pub enum Open {}

/// # Examples
pub enum Silent {}
";

#[test]
fn every_rule_finds_what_it_is_for() {
    let bad = "use crate::executor::X;\n// the master\nfn f() { unsafe { g() } }\n";
    let long = format!("//! Long.\n{}", "f();\n".repeat(LINES + 1));
    let sources = Sources::from([
        ("wire/reader.rs".to_owned(), bad.to_owned()),
        ("codec.rs".to_owned(), long),
        ("unheard.rs".to_owned(), "//! New.\n\n/// Silent.\npub fn silent() {}\n".to_owned()),
        ("worker.rs".to_owned(), CLOSED.to_owned()),
    ]);
    let found = |check: Rule| check(&sources);
    assert_eq!(
        found(upward_arrows),
        [
            "unheard.rs: module unheard has no place in the order",
            "wire/reader.rs: wire imports executor"
        ]
    );
    assert_eq!(found(long_files), [format!("codec.rs: {} lines", LINES + 1)]);
    assert_eq!(found(unsafe_outside_the_fence), ["wire/reader.rs: fn f() { unsafe { g() } }"]);
    assert_eq!(found(other_words), ["wire/reader.rs: say parent: // the master"]);
    assert_eq!(found(files_without_header), ["wire/reader.rs"]);
    assert_eq!(found(items_without_example), ["unheard.rs: pub fn silent() {}"]);
    assert_eq!(found(closed_enums), ["worker.rs: pub enum Silent {}"]);
}
