//! Types that do not fit are refused by the compiler, with a helpful message.
//!
//! The programs below become a package of their own, which depends on the pool like a user's. Cargo builds
//! it once, offline, with the versions of this workspace, in a target folder that is kept. `in_users_tests`
//! builds there, too, and finds the pool compiled: both have the same profile.
//! The tests assert fragments that name the fault, not whole messages, which change with the compiler.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use predicates::Predicate;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_match};
use procpool_testkit::program::{root, say};
use serde_json::Value;

/// The name of each program and the body of its `main`, which these items precede.
const PROGRAMS: [(&str, &str); 23] = [
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
    ("no_serde_in_map", "pool.map(|_: Plain| (), [Plain]);"),
    ("no_serde_initargs", "builder().initializer_with_args(|_| (), Plain);"),
    ("borrowed_result", "pool.submit(name, 1);"),
    ("slice", "pool.submit(<[u64]>::len, &[1, 2][..]);"),
    ("error_of_io", "pool.submit(|path: String| std::fs::read(path), String::new());"),
    (
        "error_in_a_box",
        "pool.submit(|(): ()| fails().map_err(Box::<dyn std::error::Error>::from), ());",
    ),
    ("error_of_anyhow", "pool.map(|(): ()| fails().map_err(anyhow::Error), [()]);"),
    ("several_arguments", "pool.submit(|a: u32, b: u32| a + b, (1, 2));"),
    ("several_arguments_loose", "pool.submit(add, 1, 2);"),
    ("async_function", "pool.submit(waits, 1);"),
    ("other_initargs", "builder().initializer_with_args(opens, 1_u32);"),
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
             pool.submit_options();
             pool.events();
             builder().max_workers(1);
             procpool::ShutdownOptions::new().wait(false);
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
fn name(number: u32) -> &'static str { \"one\" }
fn fails() -> Result<u8, std::fmt::Error> { Ok(1) }
mod anyhow { pub struct Error(pub std::fmt::Error); }
fn add(a: u32, b: u32) -> u32 { a + b }
async fn waits(number: u32) -> u32 { number }
fn bare() -> Plain { Plain }
fn opens(path: String) {}
fn number() -> Result<u32, std::fmt::Error> { Ok(1) }
";

/// Returns the compiler's output for the program called `name`.
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
         [profile.dev]\ndebug = \"line-tables-only\"\nincremental = false\n\
         [profile.dev.package.\"*\"]\ndebug = false\n\n\
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
    cargo.args(["build", "--offline", "--bins", "--keep-going", "--message-format=json"]);
    cargo
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/users"));
    say("a package with 23 programs is compiled, with the pool: about 15 s the first time");
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

/// Writes a file unless it has this content already: another run may be reading it.
fn write(path: &Path, content: &str) {
    if fs::read_to_string(path).is_ok_and(|present| present == content) {
        return;
    }
    let written = path.with_extension("new");
    fs::write(&written, content).expect("the folder is writable");
    fs::rename(&written, path).expect("the folder is writable");
}

/// Asserts that the compiler's output for a program is as `expected`.
fn assert_refused(name: &str, expected: impl Predicate<str>) {
    let errors = errors_of(name);
    assert!(expected.eval(errors), "{name}: expected {expected}\ngot:\n{errors}");
}

#[test]
fn valid_programs_compile() {
    // Without this the others could fail for a common reason.
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
fn a_static_borrow_is_refused_by_its_type() {
    for name in ["borrowed_for_ever", "borrowed_result"] {
        assert_refused(name, contains("Deserialize").and(contains("`&str`")));
    }
}

/// Asserts that the compiler rejects `subject`, in few lines that name this remedy.
fn assert_no_payload(name: &str, subject: &str, cure: &str) {
    assert_refused(
        name,
        contains(format!("error[E0277]: `{subject}` cannot be sent to another process"))
            .and(contains(cure))
            .and(is_match("error.*E0[^2]|Serialize` must").expect("it is an expression").not()),
    );
    assert!(errors_of(name).lines().count() <= 26, "{name}:\n{}", errors_of(name));
}

#[test]
fn a_type_without_serde_is_refused() {
    for name in ["no_serde_argument", "no_serde_result", "no_serde_in_map", "no_serde_initargs"] {
        assert_no_payload(name, "Plain", "#[derive(serde::Serialize, serde::Deserialize)]");
    }
}

#[test]
fn the_advice_for_an_error_without_serde_is_to_return_text() {
    for (name, error) in [
        ("error_of_io", "Result<Vec<u8>, std::io::Error>"),
        ("error_in_a_box", "Result<u8, Box<dyn std::error::Error>>"),
        ("error_of_anyhow", "Result<u8, anyhow::Error>"),
    ] {
        assert_no_payload(name, error, "`.map_err(|error| error.to_string())`");
    }
}

#[test]
fn the_advice_for_a_slice_is_an_owned_type() {
    assert_no_payload("slice", "&[u64]", "own it (`String` instead of `&str`, `Vec<T>` instead of");
}

#[test]
fn the_advice_for_an_async_function_is_to_block_inside() {
    let future = "impl std::future::Future<Output = u32>";
    assert_no_payload("async_function", future, "block on it inside the task");
}

#[test]
fn the_advice_for_several_arguments_is_a_tuple() {
    assert_refused(
        "several_arguments",
        contains("change the closure to accept a tuple").and(contains("|(a, b)| a + b")),
    );
    let function = contains("expected fn pointer `fn({integer}) -> _`")
        .and(contains("found fn item `fn(u32, u32) -> u32 {add}`"));
    assert_refused("several_arguments_loose", function);
}

#[test]
fn initargs_of_another_type_than_the_initializer_takes_are_refused() {
    assert_refused(
        "other_initargs",
        contains("mismatched types").and(contains("expected `String`, found `u32`")),
    );
}

// Behaviours: CFG-03.
#[test]
fn an_initializer_that_is_not_a_function_is_refused() {
    assert_refused(
        "no_function",
        contains("mismatched types").and(contains("expected fn pointer `fn() -> _`")),
    );
}

#[test]
fn the_advice_for_a_bare_state_is_to_return_ok() {
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
fn unused_values_are_refused_with_advice() {
    let map = "read its results, with `for` or `collect`";
    for (times, words) in [
        (2, map),
        (1, "nothing is submitted before `map`"),
        (1, "nothing is submitted before `submit`"),
        (1, "events that happen after it is dropped are lost"),
        (1, "no pool is made before `build`"),
        (1, "no pool is shut down before `shutdown_with`"),
        (2, "an iterator does nothing before it is read"),
        (1, "dropping it cancels the task"),
        (11, "error: unused"),
    ] {
        assert_refused("unread", contains(words).count(times));
    }
    let map = contains("dropping a map cancels its items that have not started");
    assert_refused("unread", map);
}
