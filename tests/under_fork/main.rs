//! What is promised of pools, again, of pools whose workers are forked from this program.
//!
//! These are the tests of `api`, `failures` and `cleanup`, but for those in [`LEFT_OUT`]. Each case runs
//! in a copy of this program, which has one thread, because a program with more is not forked. A
//! second pool beside the first, whose manager is a thread, has spawned workers.

#[path = "../cleanup/bystander.rs"]
mod bystander;
#[path = "../failures/causes.rs"]
mod causes;
#[path = "../failures/memory.rs"]
mod memory;
#[path = "../api/pools.rs"]
mod pools;
#[path = "../cleanup/running.rs"]
mod running;
#[path = "../failures/support.rs"]
mod support;

#[path = "../api/awaiting.rs"]
mod api_awaiting;
#[path = "../api/buffersize.rs"]
mod api_buffersize;
#[path = "../api/builder.rs"]
mod api_builder;
#[path = "../api/callbacks.rs"]
mod api_callbacks;
#[path = "../api/cancel.rs"]
mod api_cancel;
#[path = "../api/chunks.rs"]
mod api_chunks;
#[path = "../api/future.rs"]
mod api_future;
#[path = "../api/inputs.rs"]
mod api_inputs;
#[path = "../api/map.rs"]
mod api_map;
#[path = "../api/places.rs"]
mod api_places;
#[path = "../api/queue.rs"]
mod api_queue;
#[path = "../api/readings.rs"]
mod api_readings;
#[path = "../api/reentry.rs"]
mod api_reentry;
#[path = "../api/several.rs"]
mod api_several;
#[path = "../api/shutdown.rs"]
mod api_shutdown;
#[path = "../api/state.rs"]
mod api_state;
#[path = "../api/submit.rs"]
mod api_submit;
#[path = "../api/threads.rs"]
mod api_threads;
#[path = "../api/timeout.rs"]
mod api_timeout;
#[path = "../api/unfit.rs"]
mod api_unfit;
#[path = "../api/unordered.rs"]
mod api_unordered;
#[path = "../api/values.rs"]
mod api_values;
#[path = "../api/wait.rs"]
mod api_wait;

#[path = "../failures/codecs.rs"]
mod failures_codecs;
#[path = "../failures/crowds.rs"]
mod failures_crowds;
#[path = "../failures/deaths.rs"]
mod failures_deaths;
#[path = "../failures/deliveries.rs"]
mod failures_deliveries;
#[path = "../failures/ending.rs"]
mod failures_ending;
#[path = "../failures/fatal_codecs.rs"]
mod failures_fatal_codecs;
#[path = "../failures/forked.rs"]
mod failures_forked;
#[path = "../failures/hostile.rs"]
mod failures_hostile;
#[path = "../failures/initializer.rs"]
mod failures_initializer;
#[path = "../failures/killing.rs"]
mod failures_killing;
#[path = "../failures/last_words.rs"]
mod failures_last_words;
#[path = "../failures/links.rs"]
mod failures_links;
#[path = "../failures/loggers.rs"]
mod failures_loggers;
#[path = "../failures/mismatched.rs"]
mod failures_mismatched;
#[path = "../failures/moments.rs"]
mod failures_moments;
#[path = "../failures/panics.rs"]
mod failures_panics;
#[path = "../failures/reports.rs"]
mod failures_reports;
#[path = "../failures/sandbox.rs"]
mod failures_sandbox;
#[path = "../failures/scribbling.rs"]
mod failures_scribbling;
#[path = "../failures/thread_locals.rs"]
mod failures_thread_locals;
#[path = "../failures/unlinked.rs"]
mod failures_unlinked;
#[path = "../failures/waiting.rs"]
mod failures_waiting;

#[path = "../cleanup/after_drop.rs"]
mod cleanup_after_drop;
#[path = "../cleanup/deaths.rs"]
mod cleanup_deaths;
#[path = "../cleanup/descriptors.rs"]
mod cleanup_descriptors;
#[path = "../cleanup/groups.rs"]
mod cleanup_groups;
#[path = "../cleanup/nested.rs"]
mod cleanup_nested;
#[path = "../cleanup/parent_ended.rs"]
mod cleanup_parent_ended;
#[path = "../cleanup/signals.rs"]
mod cleanup_signals;
#[path = "../cleanup/streams.rs"]
mod cleanup_streams;

// What modules call the one that some of them share.
use api_map as map;

procpool_testkit::run_in_copies!();

/// How the workers of these tests' pools are started.
const START_METHOD: &str = "fork";

/// How these tests start to make a pool.
fn builder() -> procpool::Builder {
    procpool_testkit::start::builder(START_METHOD)
}

/// How these tests start to make a pool beside another one.
fn builder_beside_another() -> procpool::Builder {
    procpool_testkit::start::builder_beside_another(START_METHOD)
}

/// The modules of tests that are not run here, and why.
const LEFT_OUT: [(&str, &str); 9] = [
    ("api/at_once", "threads make the pools, and a program with threads is not forked"),
    ("cleanup/busy_parent", "threads hold locks while pools are made, so there are threads"),
    (
        "cleanup/executable",
        "it is about the file from which workers are started; forked ones have none",
    ),
    ("cleanup/memory", "its program counts what is allocated, with spawned workers"),
    ("cleanup/program_ends", "its program ends, with spawned workers"),
    (
        "failures/early",
        "it is about workers that arrive late at `init()`; forked ones never pass it",
    ),
    ("failures/manager", "its program steals a descriptor from the manager of spawned workers"),
    ("failures/room", "its program counts the descriptors that a spawned worker takes"),
    ("failures/starting", "it is about what stands before `init()`; forked workers never pass it"),
];

#[test]
fn every_module_of_tests_is_here_or_left_out_for_a_reason() {
    let this = include_str!("main.rs");
    let tests = procpool_testkit::program::root().join("tests");
    let mut left_out = Vec::new();
    for folder in ["api", "failures", "cleanup"] {
        for entry in std::fs::read_dir(tests.join(folder)).expect("it is a folder") {
            let path = entry.expect("it can be listed").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a plain name");
            let module = format!("{folder}/{name}");
            if name != "main" && !this.contains(&format!("#[path = \"../{module}.rs\"]")) {
                left_out.push(module);
            }
        }
    }
    left_out.sort_unstable();
    assert_eq!(left_out, LEFT_OUT.map(|(module, _)| module));
}
