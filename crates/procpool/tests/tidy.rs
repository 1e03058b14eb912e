//! The shape of the crates that the pool consists of: one-way arrows between crates and modules, small
//! files, one fence for unsafe code in each, one word per thing, and ceilings for their sizes.
//!
//! Each rule is a function from the sources to its violations, and has a test that shows it
//! something to find.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One of the crates that the pool consists of.
struct Crate {
    name: &'static str,
    /// The modules of `src`, bottom up: each may import those before it and nothing after it.
    order: &'static [&'static str],
    /// Whether its public items are for users, and have examples.
    is_public: bool,
}

/// All of them, and what is built on the pool, bottom up: each may depend on those before it.
const CRATES: [Crate; 11] = [
    Crate {
        name: "os",
        order: &[
            "model",
            "refused",
            "exit",
            "lineage",
            "descriptor",
            "pipe",
            "futex",
            "word",
            "poller",
            "image",
            "code",
            "signal",
        ],
        is_public: false,
    },
    Crate {
        name: "codec",
        order: &["number", "cut", "part", "writer", "reader", "probe", "log", "self_describing"],
        is_public: false,
    },
    Crate {
        name: "link",
        order: &[
            "sys", "wire", "socket", "clock", "ring", "claim", "bell", "draft", "worker", "parent",
            "relay",
        ],
        is_public: false,
    },
    Crate { name: "control", order: &["ended", "host", "sys", "report"], is_public: false },
    Crate {
        name: "launch",
        order: &[
            "refusal",
            "sys",
            "surroundings",
            "process",
            "oom",
            "spawn",
            "elsewhere",
            "forkserver_main",
            "forkserver",
            "init",
        ],
        is_public: false,
    },
    Crate { name: "capture", order: &["tail"], is_public: false },
    Crate { name: "buffer", order: &["sys"], is_public: false },
    Crate { name: "callbacks", order: &["panic", "thread"], is_public: false },
    Crate {
        name: "procpool",
        order: &[
            "error",
            "payload",
            "sys",
            "lifecycle",
            "codec",
            "chunk",
            "failure",
            "panics",
            "future",
            "task",
            "worker",
            "report",
            "start",
            "chunk_source",
            "pool",
            "executor",
            "builder",
            "map",
            "before_main",
        ],
        is_public: true,
    },
    Crate {
        name: "tracing",
        order: &["site", "packet", "worker", "call", "program"],
        is_public: true,
    },
    Crate {
        name: "hosts",
        order: &[
            "sys",
            "address",
            "build",
            "message",
            "handshake",
            "channel",
            "frames",
            "seat",
            "relay",
            "command",
            "server",
        ],
        is_public: true,
    },
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

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Every source file: its path under `src`, and its text without the unit tests at its end.
type Sources = BTreeMap<String, String>;

fn sources(name: &str) -> Sources {
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
    collect(&folder(name).join("src"), "", &mut sources);
    sources
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or(file)
}

/// Imports that point up.
fn upward_arrows(of: &Crate, sources: &Sources) -> Vec<String> {
    let rank = |module: &str| of.order.iter().position(|name| *name == module);
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
                found.push(format!("{file}: {module} imports {}", of.order[theirs]));
            }
        }
    }
    found
}

fn long_files(_: &Crate, sources: &Sources) -> Vec<String> {
    let long = sources.iter().filter(|(_, text)| code_lines(text) > LINES);
    long.map(|(file, text)| format!("{file}: {} lines", code_lines(text))).collect()
}

/// Lines that are neither blank nor comments.
fn code_lines(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

fn unsafe_outside_the_fence(of: &Crate, sources: &Sources) -> Vec<String> {
    // The lowest crate is a fence itself.
    let outside = sources.iter().filter(|(file, _)| of.name != "os" && module_of(file) != "sys");
    outside
        .flat_map(|(file, text)| text.lines().map(move |line| (file, line.trim())))
        .filter(|(_, line)| !line.starts_with("//"))
        .filter(|(_, line)| {
            ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|u| line.contains(u))
        })
        .map(|(file, line)| format!("{file}: {line}"))
        .collect()
}

fn other_words(_: &Crate, sources: &Sources) -> Vec<String> {
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

fn files_without_header(_: &Crate, sources: &Sources) -> Vec<String> {
    sources
        .iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(file, _)| file.clone())
        .collect()
}

/// Public items whose documentation has no example.
fn items_without_example(of: &Crate, sources: &Sources) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources.iter().filter(|_| of.is_public) {
        let mut has_example = false;
        for line in text.lines().map(str::trim) {
            let kinds = ["pub fn ", "pub struct ", "pub enum ", "pub trait "];
            // A sealed name is for nobody to use.
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
fn closed_enums(of: &Crate, sources: &Sources) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources.iter().filter(|_| of.is_public) {
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
type Rule = fn(&Crate, &Sources) -> Vec<String>;

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
fn the_crates_are_tidy() {
    let mut found = Vec::new();
    for of in &CRATES {
        let sources = sources(of.name);
        assert!(sources.len() >= of.order.len(), "the sources were found");
        for (rule, check) in RULES {
            let violations = check(of, &sources).into_iter();
            found.extend(violations.map(|violation| format!("{}: {rule}: {violation}", of.name)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn crates_depend_on_those_below_them() {
    let mut found = Vec::new();
    for (place, of) in CRATES.iter().enumerate() {
        let manifest = fs::read_to_string(folder(of.name).join("Cargo.toml")).expect("it is text");
        for above in &CRATES[place..] {
            if manifest.contains(&format!("\nprocpool-{}.", above.name)) {
                found.push(format!("{} depends on {}", of.name, above.name));
            }
        }
    }
    // Two that a pool joins, and that do not know of each other.
    let launch = fs::read_to_string(folder("launch").join("Cargo.toml")).expect("it is text");
    if launch.contains("\nprocpool-link.") || launch.contains("\nprocpool-codec.") {
        found.push("launch depends on link or codec".to_owned());
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// How far below its ceiling a crate may be before the ceiling follows.
const SLACK: usize = 40;

/// The ceilings only go down: `.ci/ceilings` refuses a commit that raises one.
#[test]
fn the_crates_stay_below_their_ceilings() {
    let ceilings =
        fs::read_to_string(folder("procpool").join("tests/ceilings.txt")).expect("it is text");
    let ceiling = |of: &Crate| {
        let line = ceilings.lines().find_map(|line| line.strip_prefix(of.name)?.strip_prefix(' '));
        line.and_then(|number| number.trim().parse::<usize>().ok()).expect("it has a ceiling")
    };
    let mut found = Vec::new();
    for of in &CRATES {
        let lines: usize = sources(of.name).values().map(|text| code_lines(text)).sum();
        let ceiling = ceiling(of);
        if lines > ceiling {
            found.push(format!(
                "{}: {lines} lines of code, {} over its ceiling; ceilings are not raised, but for the rest \
                 that .ci/ceilings allows: remove lines, or move a part to a crate below",
                of.name,
                lines - ceiling
            ));
        } else if lines + SLACK < ceiling {
            found.push(format!(
                "{}: {lines} lines of code: lower its ceiling of {ceiling}",
                of.name
            ));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
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
fn every_rule_finds_its_violation() {
    let of = CRATES.iter().find(|of| of.name == "procpool").expect("it is one of them");
    let bad = "use crate::executor::X;\n// the master\nfn f() { unsafe { g() } }\n";
    let long = format!("//! Long.\n{}", "f();\n".repeat(LINES + 1));
    let sources = Sources::from([
        ("future/wait.rs".to_owned(), bad.to_owned()),
        ("codec.rs".to_owned(), long),
        ("unheard.rs".to_owned(), "//! New.\n\n/// Silent.\npub fn silent() {}\n".to_owned()),
        ("worker.rs".to_owned(), CLOSED.to_owned()),
    ]);
    let found = |check: Rule| check(of, &sources);
    assert_eq!(
        found(upward_arrows),
        [
            "future/wait.rs: future imports executor",
            "unheard.rs: module unheard has no place in the order"
        ]
    );
    assert_eq!(found(long_files), [format!("codec.rs: {} lines", LINES + 1)]);
    assert_eq!(found(unsafe_outside_the_fence), ["future/wait.rs: fn f() { unsafe { g() } }"]);
    assert_eq!(found(other_words), ["future/wait.rs: say parent: // the master"]);
    assert_eq!(found(files_without_header), ["future/wait.rs"]);
    assert_eq!(found(items_without_example), ["unheard.rs: pub fn silent() {}"]);
    assert_eq!(found(closed_enums), ["worker.rs: pub enum Silent {}"]);
}
