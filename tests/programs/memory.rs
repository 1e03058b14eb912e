//! Memory: nothing of finished tasks is kept, in the parent and in the worker.

use procpool_testkit::running::Running;
use procpool_testkit::{program, watch};
use serde::Deserialize;

/// The length of one argument or result. A leak of one in a hundred would hold more.
const ONE: i64 = 1 << 20;

/// By how much allocations have grown, in bytes.
#[derive(Debug, Deserialize)]
struct Growth {
    load: String,
    parent: i64,
    worker: i64,
}

#[derive(Debug, Deserialize)]
struct Map {
    excess_of_a_map: i64,
}

// Behaviours: SUB-13, SUB-14, LEAK-07, MAP-19.
#[test]
fn memory_of_sent_arguments_and_read_results_is_freed() {
    watch::within(watch::HANG, || {
        let mut program = Running::start(&mut program::command("clean_memory"), "spawn");
        let growths: [Growth; 4] = [(); 4].map(|()| program.line());
        for Growth { load, parent, worker } in &growths {
            assert!(*parent < ONE, "{load}: the parent has {parent} bytes more");
            assert!(*worker < ONE, "{load}: the worker has {worker} bytes more");
        }
        assert_eq!(growths[3].load, "short tasks");
        // One result is being read, the next may be on its way.
        let Map { excess_of_a_map: excess } = program.line();
        assert!(excess < 3 * ONE, "the map holds {excess} bytes of what was read");
        let (status, complaints) = program.end();
        assert!(status.success() && complaints.is_empty(), "{status}: {complaints}");
    });
}
