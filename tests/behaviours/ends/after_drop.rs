//! Nothing is left after an executor was dropped.

use std::collections::HashSet;
use std::fs;

use procpool_testkit::running::Running;
use procpool_testkit::{program, watch};
use serde::Deserialize;

/// The number of pools: each kind of end happens several times.
const POOLS: usize = 100;

/// The program's view of itself.
#[derive(Debug, Deserialize)]
struct Look {
    after: String,
    children: Vec<u32>,
    descriptors: Vec<(i32, String)>,
    shared: Vec<String>,
    threads: Vec<String>,
}

// Behaviours: SHUT-02, SHUT-13, SHUT-26, BRK-06, LEAK-01, LEAK-02, LEAK-03, LEAK-04, LEAK-05, LEAK-06.
#[test]
fn pools_with_every_kind_of_end_leave_nothing_behind() {
    watch::within(watch::HANG, || {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program::command("clean_after_drop");
        let command = command.arg(POOLS.to_string()).env("TMPDIR", folder.path());
        // Reading the symbols for the backtraces of so many panics would take longer than everything else.
        let command = command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
        let mut program = Running::start(command, crate::start_method());
        let baseline: Look = program.line();
        assert_eq!(baseline.after, "nothing");
        assert!(baseline.children.is_empty() && baseline.shared.is_empty(), "{baseline:?}");
        let mut fates = HashSet::new();
        for _ in 0..POOLS {
            let look: Look = program.line();
            // Zombies are children too.
            assert!(look.children.is_empty() && look.shared.is_empty(), "{look:?}");
            assert_eq!(look.descriptors, baseline.descriptors, "after {}", look.after);
            assert_eq!(look.threads, baseline.threads, "after {}", look.after);
            fates.insert(look.after);
        }
        assert!(fates.len() >= 20, "{fates:?}");
        assert_eq!(program.line::<Look>().after, "the end");
        let (status, complaints) = program.end();
        assert!(status.success(), "{status}: {complaints}");
        assert_eq!(complaints, "");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "files are left");
    });
}
