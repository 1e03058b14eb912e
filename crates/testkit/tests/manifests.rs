//! The packages `examples` and `tests` name every program in their folders: cargo looks for those of a
//! package in other places, so it would not miss one.

use std::fs;
use std::path::{Path, PathBuf};

use procpool_testkit::program;

/// Returns the programs in `folder` that its manifest does not name.
fn unnamed(folder: &Path) -> Vec<PathBuf> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a package has a manifest");
    let entries = fs::read_dir(folder).expect("it is a folder");
    let names = entries.map(|entry| PathBuf::from(entry.expect("it can be listed").file_name()));
    let programs = names.filter_map(|name| match name.extension() {
        Some(extension) => (extension == "rs").then_some(name),
        None => Some(name.join("main.rs")).filter(|program| folder.join(program).exists()),
    });
    let is_named =
        |program: &PathBuf| manifest.contains(&format!("path = \"{}\"", program.display()));
    programs.filter(|program| !is_named(program)).collect()
}

#[test]
fn every_example_and_every_test_is_named() {
    for folder in ["examples", "tests"] {
        assert_eq!(unnamed(&program::root().join(folder)), [] as [&Path; 0], "in {folder}");
    }
}

#[test]
fn a_program_without_a_name_is_found() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it can be made");
        fs::write(path, text).expect("the folder is ours");
    };
    write("Cargo.toml", "[[test]]\nname = \"known\"\npath = \"known.rs\"\n");
    for name in ["known.rs", "single.rs", "several/main.rs", "data/one.txt"] {
        write(name, "");
    }
    let mut found = unnamed(folder.path());
    found.sort();
    assert_eq!(found, [Path::new("several/main.rs"), Path::new("single.rs")]);
}
