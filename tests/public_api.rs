//! The public interface of procpool is the one in the listing beside this file.
//!
//! So each change of the interface shows in the diff that makes it. `INSTA_UPDATE=always` writes the listing.
//! Traits that are derived, or that the compiler adds, are not listed: `types.rs` of procpool checks these.
//! Once a version is published, `cargo semver-checks --package procpool` compares with that version.

use std::path::Path;
use std::process::Command;

use procpool_testkit::program::{root, say};
use public_api::Builder;

const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/public_api");

/// Lists the public items of procpool, from what rustdoc knows of them.
fn listing() -> String {
    say("the pool's documentation is built as JSON: about 20 s the first time");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["rustdoc", "--locked", "--package", "procpool", "--lib", "--all-features"]);
    cargo.args(["--target-dir", TARGET, "--", "-Z", "unstable-options", "--output-format", "json"]);
    // That format is behind a flag that a stable compiler has, but takes from nobody else.
    let output = cargo.current_dir(root()).env("RUSTC_BOOTSTRAP", "1").output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let items = Builder::from_rustdoc_json(Path::new(TARGET).join("doc/procpool.json"))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build();
    items.expect("the format is that of this version of public-api").to_string()
}

#[test]
#[ignore = "needs Rust 1.95, whose JSON it reads"]
fn the_public_interface_is_the_listed_one() {
    insta::assert_snapshot!(listing());
}
