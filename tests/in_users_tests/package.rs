//! The user's package, whose sources are in the folder of this module's name.
//!
//! It is written into the build's own folder, as is what is built of it, so only its first run compiles
//! procpool and its dependencies, unless `compile_errors` has done so. Cargo's locks keep builds of several
//! tests apart.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use assert_cmd::Command;
use procpool_testkit::program;

/// The parts of the package.
const SOURCES: [(&str, &str); 8] = [
    ("Cargo.toml", include_str!("package/Cargo.toml.in")),
    ("fancy/Cargo.toml", include_str!("package/fancy/Cargo.toml.in")),
    ("fancy/src/lib.rs", include_str!("package/fancy/src/lib.rs")),
    ("src/bin/plain_main.rs", include_str!("package/src/bin/plain_main.rs")),
    ("src/lib.rs", include_str!("package/src/lib.rs")),
    ("tests/init_in_test.rs", include_str!("package/tests/init_in_test.rs")),
    ("tests/printing.rs", include_str!("package/tests/printing.rs")),
    ("tests/without_macro.rs", include_str!("package/tests/without_macro.rs")),
];

/// Returns `cargo` in the package, without network, colours or settings of the caller's build.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder()).args(arguments);
    // Variables that the runner of this test has set for itself.
    for name in ["RUST_TEST_THREADS", "RUSTDOCFLAGS", "NEXTEST_PROFILE", "NEXTEST"] {
        command.env_remove(name);
    }
    command
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/users"));
    command
}

/// Returns the package's folder, written once per process.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        program::say("a user's package is compiled: about 10 s the first time");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("users_crate");
        let procpool = program::root().join("crates/procpool");
        let procpool = procpool.to_str().expect("the workspace's path is text");
        for (name, text) in SOURCES {
            write_if_changed(&folder.join(name), &text.replace("PROCPOOL", procpool));
        }
        // The versions of the workspace: none has to be looked up or fetched.
        let lock = fs::read_to_string(program::root().join("Cargo.lock")).expect("it is there");
        let seed = folder.join("Cargo.lock.seed");
        if fs::read_to_string(&seed).ok().as_ref() != Some(&lock) {
            write_if_changed(&folder.join("Cargo.lock"), &lock);
            write_if_changed(&seed, &lock);
        }
        folder
    })
}

/// Writes a file, all at once, unless it has this content already: cargo compares the file's time.
fn write_if_changed(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it can be made");
    let new = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, text).expect("the build's folder is writable");
    fs::rename(&new, path).expect("the build's folder is writable");
}
