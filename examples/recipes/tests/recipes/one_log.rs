//! `one_log`: the records of all workers in one log.

use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, recipe};

/// Runs the recipe; returns its records.
fn records(level: &str) -> Vec<String> {
    let program = Program::start(
        std::process::Command::new(env!("CARGO_BIN_EXE_one_log"))
            .current_dir("/")
            .env("RUST_LOG", level)
            .arg("40"),
    );
    let output = program.succeed();
    let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop().as_deref(), Some("40 tasks, 4 failed, 400 steps"), "{output}");
    lines
}

#[test]
fn each_record_is_in_the_log_once_with_its_worker_its_task_and_its_level() {
    within(HANG, || {
        let records = records("info");
        for item in 0..40 {
            let (level, text) =
                if item % 10 == 9 { ("WARN", "its worker dies next") } else { ("INFO", "done") };
            let end = format!("task{{item={item}}}: {text}");
            let found: Vec<_> = records.iter().filter(|record| record.ends_with(&end)).collect();
            let [record] = found[..] else { panic!("{found:?} of item {item}") };
            assert!(record.trim_start().starts_with(level), "{record}");
            let of_worker = |id: u32| record.contains(&format!("worker{{id={id} pid="));
            assert!(of_worker(0) || of_worker(1), "{record}");
            assert!(record.contains("}:task{work_item="), "{record}");
        }
        let deaths = records.iter().filter(|record| record.contains("was killed by SIGABRT"));
        assert_eq!(deaths.count(), 4, "{records:?}");
        // Each of the two workers, and each replacement that was needed.
        let opened = records.iter().filter(|record| record.ends_with("the worker's log is open"));
        assert!((5..=6).contains(&opened.count()), "{records:?}");
    });
}

#[test]
fn a_record_below_the_level_is_not_in_the_log() {
    within(HANG, || {
        let starts = |level| records(level).iter().filter(|it| it.ends_with(": starts")).count();
        assert_eq!((starts("debug"), starts("info")), (40, 0));
        assert!(records("error").is_empty());
        let done = records("no level").iter().filter(|it| it.ends_with(": done")).count();
        assert_eq!(done, 36, "it is as without one");
    });
}

#[test]
fn the_twin_has_one_log_too() {
    within(HANG, || {
        let output = Program::twin("one_log", &[]).succeed();
        assert!(output.ends_with("30 tasks, 300 steps\n"), "{output}");
        assert_eq!(output.matches(": done").count(), 30, "{output}");
        let _as_a_user = recipe!("one_log", "0").succeed();
    });
}
