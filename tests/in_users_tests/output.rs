//! The contribution of workers to the output of a test program: the output of tasks, and nothing else.

use std::str::from_utf8;

use predicates::str::is_empty;
use procpool_testkit::watch;

use crate::package::cargo;

#[test]
fn a_worker_prints_only_the_output_of_its_tasks() {
    watch::within(3 * watch::HANG, || {
        // Quiet, so that cargo prints nothing of its own; on one thread, the harness would print the name
        // of a test before it runs, and the tasks' lines would be in the middle of that line.
        let harness = ["--format=pretty", "--test-threads=2"];
        let cargo_test = ["test", "--quiet", "--test", "printing", "--"];
        let run = cargo(&cargo_test).args(harness).assert().success().stderr(is_empty());
        let text = from_utf8(&run.get_output().stdout).expect("it is text").to_owned();
        let (before_time, _) = text.split_once("; finished in ").expect("the harness sums up");
        insta::assert_snapshot!(before_time, @r"

        running 1 test
        initializer
        task 0
        task 1
        task 2
        test tasks_print ... ok

        test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
        ");
    });
}
