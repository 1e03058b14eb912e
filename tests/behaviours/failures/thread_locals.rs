//! Pools that are used in the destructors of thread-locals, when the pool's own may already be dropped.

use predicates::str::diff;
use procpool_testkit::{program, watch};

use crate::behaviours::errors::in_program;

#[test]
fn every_call_works_in_the_destructor_of_a_thread_local() {
    watch::within(watch::HANG, || {
        let each = "submit: Ok((1, \"text\"))\n\
            limited: Ok((2, \"text\"))\n\
            map: Ok(3)\n\
            wait: 2\n\
            as_completed: 2\n\
            callback: Ok(true)\n\
            panic: true\n\
            cancel: true\n";
        let run = in_program(program::command("fail_thread_local")).assert();
        run.success().stdout(diff(each.repeat(2)));
    });
}
