//! No crate has modules that use each other in a circle.

use std::fs;
use std::path::{Path, PathBuf};

use procpool_testkit::circles::circles;
use procpool_testkit::program;

/// The library's own order is kept by a test of its own: `tidy`.
const ELSEWHERE: &str = "procpool";

/// Returns the first files of the library and the programs in a folder of sources.
fn roots(src: &Path) -> Vec<PathBuf> {
    let mut roots = vec![src.join("lib.rs"), src.join("main.rs")];
    for entry in fs::read_dir(src.join("bin")).into_iter().flatten() {
        let path = entry.expect("it can be listed").path();
        roots.push(if path.is_dir() { path.join("main.rs") } else { path });
    }
    roots.retain(|root| root.exists());
    roots
}

#[test]
fn no_module_is_in_a_circle() {
    let (mut looked_at, mut found) = (0, Vec::new());
    for entry in fs::read_dir(program::root().join("crates")).expect("it is a folder") {
        let folder = entry.expect("it can be listed").path();
        if folder.ends_with(ELSEWHERE) {
            continue;
        }
        for root in roots(&folder.join("src")) {
            looked_at += 1;
            let circles = circles(&root).into_iter();
            found.extend(circles.map(|it| format!("{}: {}", root.display(), it.join(", "))));
        }
    }
    assert!(looked_at > 10, "the crates were found: {looked_at} programs and libraries");
    assert!(found.is_empty(), "{}", found.join("\n"));
}
