//! What does not fit by its type is refused by the compiler, in words that help.
//!
//! The programs below become a package of their own, which depends on the pool like a user's
//! does. Cargo checks it once, in a target folder of its own that is kept, and offline, with the
//! versions of this workspace. Asserted are fragments that say what is wrong, not whole messages:
//! those are the compiler's and change with it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use predicates::Predicate;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_match};
use procpool_testkit::program::root;
use serde_json::Value;

/// The name of each program and what stands in its `main`, before which these items stand.
const PROGRAMS: [(&str, &str); 12] = [
    ("fits", "pool.submit(task, \"a\".to_owned()); pool.submit(|x: u32| x, 1);"),
    ("captures", "let factor = 2; pool.submit(|x: u32| x * factor, 1);"),
    ("captures_in_map", "let factor = 2; pool.map(|x: u32| x * factor, [1]);"),
    ("borrowed_argument", "let text = String::new(); pool.submit(borrowing, text.as_str());"),
    ("borrowed_for_ever", "pool.submit(borrowing, \"text\");"),
    (
        "borrowed_items",
        "let texts = [String::new()]; pool.map(borrowing, texts.iter().map(String::as_str));",
    ),
    ("no_serde_argument", "pool.submit(|_: Plain| (), Plain);"),
    ("no_serde_result", "pool.submit(|(): ()| Plain, ());"),
    ("no_function", "builder().initializer(7).build().unwrap();"),
    ("bare_state", "builder().initializer(bare).build().unwrap();"),
    (
        "foreign_state",
        "let pool = builder().initializer(number).build().unwrap();
         pool.submit_with(|_: &mut String, (): ()| (), ());",
    ),
    (
        "unread",
        "#[deny(unused_must_use)]
         fn unread(pool: &ProcessPoolExecutor) {
             let futures = [pool.submit(|x: u32| x, 1)];
             pool.map(|x: u32| x, [1]);
             pool.map(|x: u32| x, [1]).indexed();
             pool.map_options();
             pool.map_options().buffersize(1).map(|x: u32| x, [1]);
             pool.timeout(std::time::Duration::MAX);
             pool.events();
             builder().max_workers(1);
             procpool::as_completed(&futures);
             procpool::as_completed(&futures).timeout(std::time::Duration::MAX);
             futures.into_iter().map(IntoFuture::into_future).next().unwrap();
         }
         unread(&pool);",
    ),
];

const ITEMS: &str = "
#![allow(unused, reason = \"every program uses its part\")]
use procpool::{Builder, ProcessPoolExecutor};

fn builder() -> Builder {
    ProcessPoolExecutor::builder()
}
struct Plain;
fn task(text: String) -> usize { text.len() }
fn borrowing(text: &str) -> usize { text.len() }
fn bare() -> Plain { Plain }
fn number() -> Result<u32, std::fmt::Error> { Ok(1) }
";

/// Returns what the compiler says about the program called `name`.
fn errors_of(name: &str) -> &'static str {
    static CHECKED: OnceLock<HashMap<String, String>> = OnceLock::new();
    &CHECKED.get_or_init(check)[name]
}

/// Writes the package and returns the errors of each of its programs, none for one that compiles.
fn check() -> HashMap<String, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_errors");
    let programs = folder.join("src/bin");
    fs::create_dir_all(&programs).expect("cargo made the folder for it");
    let procpool = root().join("crates/procpool");
    let manifest = format!(
        "[package]\nname = \"compile-errors\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\nprocpool = {{ path = {procpool:?} }}\n\n\
         # Not a member of the workspace around it.\n[workspace]\n"
    );
    write(&folder.join("Cargo.toml"), &manifest);
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the workspace has versions");
    write(&folder.join("Cargo.lock"), &lock);
    for (name, body) in PROGRAMS {
        let pool = "let pool = builder().build().unwrap();";
        let text = format!("{ITEMS}\nfn main() {{\n    {pool}\n    {body}\n}}\n");
        write(&programs.join(format!("{name}.rs")), &text);
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["check", "--offline", "--bins", "--keep-going", "--message-format=json"]);
    cargo.current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = cargo.stdin(Stdio::null()).output().expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut errors = HashMap::<String, String>::new();
    for message in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let Some(target) = message["target"]["name"].as_str() else { continue };
        let compiled = message["reason"] == "compiler-artifact";
        if compiled || message["message"]["level"] == "error" {
            let rendered = message["message"]["rendered"].as_str().unwrap_or_default();
            errors.entry(target.to_owned()).or_default().push_str(rendered);
        }
    }
    let missing = PROGRAMS.iter().find(|(name, _)| !errors.contains_key(*name));
    assert_eq!(missing, None, "{cargo:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    errors
}

/// Writes a file whose content is not this already: another run may be reading it.
fn write(path: &Path, content: &str) {
    if fs::read_to_string(path).is_ok_and(|present| present == content) {
        return;
    }
    let written = path.with_extension("new");
    fs::write(&written, content).expect("the folder is writable");
    fs::rename(&written, path).expect("the folder is writable");
}

/// Asserts that the compiler's words about a program are as `expected`.
fn assert_refused(name: &str, expected: impl Predicate<str>) {
    let errors = errors_of(name);
    assert!(expected.eval(errors), "{name}: expected {expected}\ngot:\n{errors}");
}

#[test]
fn what_fits_compiles() {
    // Without this the others could fail for a reason that they share.
    assert_eq!(errors_of("fits"), "");
}

#[test]
fn a_closure_that_captures_is_refused() {
    for name in ["captures", "captures_in_map"] {
        assert_refused(
            name,
            contains("expected fn pointer, found closure")
                .and(contains("closures can only be coerced to `fn` types if they do not capture"))
                .and(contains("`factor` captured here")),
        );
    }
}

#[test]
fn a_borrowed_argument_is_refused() {
    for (name, owner) in [("borrowed_argument", "text"), ("borrowed_items", "texts")] {
        assert_refused(
            name,
            contains(format!("`{owner}` does not live long enough"))
                .and(contains("requires that"))
                .and(contains("borrowed for `'static`")),
        );
    }
}

#[test]
fn an_argument_borrowed_for_ever_is_refused_by_its_type() {
    assert_refused("borrowed_for_ever", contains("Deserialize").and(contains("`&str`")));
}

#[test]
fn a_type_without_serde_is_refused() {
    for name in ["no_serde_argument", "no_serde_result"] {
        let words = is_match("the trait bound `Plain: .*Serialize` is not satisfied");
        assert_refused(
            name,
            words.expect("it is an expression").and(contains("#[derive(serde::Serialize)]")),
        );
    }
}

// Behaviours: CFG-03.
#[test]
fn an_initializer_that_is_no_function_is_refused() {
    assert_refused(
        "no_function",
        contains("mismatched types").and(contains("expected fn pointer `fn() -> _`")),
    );
}

#[test]
fn a_bare_state_is_to_be_returned_in_ok() {
    assert_refused(
        "bare_state",
        contains("an initializer returns `()` or `Result<S, E>`, not `Plain`")
            .and(contains("this initializer returns `Plain`"))
            .and(contains("to give `Plain` to the tasks as their state, return it in `Ok`"))
            .and(contains("returns `Result<Plain, E>`"))
            .and(contains("`E` may be `std::convert::Infallible`")),
    );
}

#[test]
fn a_task_for_another_state_is_refused() {
    assert_refused("foreign_state", contains("mismatched types").and(contains("u32")));
}

#[test]
fn a_value_that_does_nothing_when_it_is_dropped_is_not_to_be_dropped() {
    let map = "read its results, with `for` or `collect`";
    for (times, words) in [
        (2, map),
        (1, "nothing is submitted before `map`"),
        (1, "nothing is submitted before `submit`"),
        (1, "events that happen after it is dropped are lost"),
        (1, "no pool is made before `build`"),
        (2, "an iterator does nothing before it is read"),
        (1, "dropping it cancels the task"),
        (10, "error: unused"),
    ] {
        assert_refused("unread", contains(words).count(times));
    }
    let map = contains("dropping a map cancels its items that have not started");
    assert_refused("unread", map);
}
