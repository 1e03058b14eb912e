//! What is left after an executor was dropped: nothing.

use std::process::Command;

use procpool_testkit::{program, watch};
use serde::Deserialize;

use crate::running::Running;

/// What the program sees of itself.
#[derive(Debug, Deserialize)]
struct Look {
    after: String,
    children: Vec<u32>,
    descriptors: Vec<(i32, String)>,
    threads: Vec<String>,
}

// Behaviours: SHUT-02, SHUT-26, BRK-06, LEAK-01, LEAK-02, LEAK-03, LEAK-04.
#[test]
fn twenty_pools_of_different_fates_leave_no_child_descriptor_or_thread() {
    watch::within(watch::HANG, || {
        let mut program = Running::start(&mut Command::new(program::path("clean_after_drop")));
        let baseline: Look = program.line();
        assert_eq!(baseline.after, "nothing");
        assert!(baseline.children.is_empty(), "{baseline:?}");
        let mut fates = Vec::new();
        loop {
            let look: Look = program.line();
            if look.after == "the end" {
                break;
            }
            // Zombies are children too.
            assert!(look.children.is_empty(), "{look:?}");
            assert_eq!(look.descriptors, baseline.descriptors, "after {}", look.after);
            assert_eq!(look.threads, baseline.threads, "after {}", look.after);
            fates.push(look.after);
        }
        assert!(fates.len() >= 20, "{fates:?}");
        let (status, complaints) = program.end();
        assert!(status.success(), "{status}: {complaints}");
        assert_eq!(complaints, "");
    });
}
