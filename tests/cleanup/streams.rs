//! A worker's streams: stdin is empty, stdout and stderr are the program's.

use assert_cmd::Command;
use predicates::function::function;
use procpool_testkit::{program, watch};

// Behaviours: OUT-01, OUT-03.
#[test]
fn tasks_that_write_a_mib_to_both_streams_and_read_stdin_disturb_nothing() {
    watch::within(watch::HANG, || {
        let run = Command::new(program::path("clean_streams"))
            .write_stdin("for the program itself")
            .assert();
        run.success()
            .stdout(function(|text: &[u8]| {
                let (tasks, rest) = text.split_at(2 << 20);
                tasks.iter().all(|byte| *byte == b'o')
                    && rest == b"\ntasks read [0, 0], the program 22\n"
            }))
            .stderr(function(|text: &[u8]| {
                text.len() == 2 << 20 && text.iter().all(|byte| *byte == b'e')
            }));
    });
}
