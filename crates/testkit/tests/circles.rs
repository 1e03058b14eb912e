//! No crate has modules that use each other in a circle.

use std::fs;
use std::path::{Path, PathBuf};

use procpool_testkit::circles::circles;
use procpool_testkit::program;

/// Uses that close a circle: each module is used by those that it uses, too. In the module `pool`, a rule's module has
/// both the rule and the part of the state that it is about. No pair is added, and one that is not needed any more is
/// refused.
const KNOWN: [(&str, &str); 8] = [
    ("crate::pool::state", "crate::pool::alarm"),
    ("crate::pool::state", "crate::pool::forkserver"),
    ("crate::pool::state", "crate::pool::starts"),
    ("crate::pool::wakes", "crate::pool::worker"),
    ("crate::pool::worker", "crate::pool::ahead"),
    ("crate::pool::worker", "crate::pool::bells"),
    ("crate::pool::worker", "crate::pool::limits"),
    ("crate::pool::worker", "crate::pool::retirement"),
];

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
        for root in roots(&folder.join("src")) {
            looked_at += 1;
            let circles = circles(&root, &KNOWN).into_iter();
            found.extend(circles.map(|it| format!("{}: {}", root.display(), it.join(", "))));
        }
    }
    assert!(looked_at > 10, "the crates were found: {looked_at} programs and libraries");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_known_pair_closes_a_circle() {
    let pool = program::root().join("crates/procpool/src/lib.rs");
    for pair in KNOWN {
        let others: Vec<_> = KNOWN.into_iter().filter(|other| *other != pair).collect();
        assert_ne!(circles(&pool, &others), Vec::<Vec<String>>::new(), "without {pair:?}");
    }
}
