//! `c_library`: what is wrong with a C library costs one task.

use std::path::Path;
use std::process::Command;

use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, below, folder, recipe};

/// The number after `before` in `text`.
fn number(text: &str, before: &str) -> u64 {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}")).1;
    rest.split(' ').next().and_then(|word| word.parse().ok()).expect("it is a number")
}

#[test]
fn a_crash_costs_one_task_a_leak_is_bounded_and_a_memory_limit_is_reported() {
    within(HANG, || {
        let output = recipe!("c_library").succeed();
        let lines: Vec<&str> = output.lines().collect();
        for n in (0..10).filter(|n| *n != 6) {
            assert_eq!(lines[n], format!("{}: {}", n * 111, 3 * n), "{output}");
        }
        assert!(lines[6].starts_with("12x: worker "), "{output}");
        assert!(
            lines[6].contains(" was killed by SIGSEGV while running item 6 of a map"),
            "{output}"
        );

        // Of two workers that never end, the busier one has made twenty calls at least.
        let leaking = number(&output, "recycled never: at most ");
        let recycled = number(&output, "recycled after 5 calls: at most ");
        assert!(leaking >= 20 * 4 && recycled < 5 * 4 + 20, "{output}");
        let restarts = number(lines[11], " MiB, ");
        assert!((6..=8).contains(&restarts), "of 8 workers two at most are the first: {output}");

        assert_eq!(lines[12], "100 MiB: filled", "{output}");
        assert!(
            lines[13].contains(" was killed by SIGABRT while running work item 2; "),
            "{output}"
        );
        assert_eq!(lines[14], "  fragile: no memory for 1048576000 bytes");
        assert_eq!(lines[15..], ["100 MiB: filled"], "{output}");
    });
}

#[test]
fn the_twin_loses_its_pool_to_the_crash() {
    within(HANG, || {
        let folder = folder();
        let library = below(&folder, "libfragile.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("c/fragile.c");
        let mut compiler = Command::new("cc");
        let compiled = compiler.args(["-shared", "-fPIC", "-o", &library]).arg(source).status();
        assert!(compiled.expect("there is a C compiler").success());
        let output = Program::twin("c_library", &[&library]).succeed();
        assert!(output.contains("the pool is broken: "), "{output}");
        assert!(number(&output, "recycled after 5 calls: at most ") < 5 * 4 + 20, "{output}");
        assert!(output.ends_with("1000 MiB: the pool is broken\n"), "{output}");
    });
}
