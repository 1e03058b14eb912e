//! What is promised of pools, again, of pools whose workers are forked from a server.
//!
//! These are the tests of `api`, `failures` and `cleanup` that make pools in their own process.
//! Those about programs that are started as workers are left out.

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

#[path = "../api/at_once.rs"]
mod api_at_once;
#[path = "../api/builder.rs"]
mod api_builder;
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
#[path = "../api/unfit.rs"]
mod api_unfit;
#[path = "../api/values.rs"]
mod api_values;
#[path = "../api/wait.rs"]
mod api_wait;

#[path = "../failures/codecs.rs"]
mod failures_codecs;
#[path = "../failures/deaths.rs"]
mod failures_deaths;
#[path = "../failures/deliveries.rs"]
mod failures_deliveries;
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
#[path = "../cleanup/parent_ended.rs"]
mod cleanup_parent_ended;
#[path = "../cleanup/signals.rs"]
mod cleanup_signals;

procpool::init_tests!();

/// How the workers of these tests' pools are started.
const START_METHOD: &str = "forkserver";

/// How these tests start to make a pool.
fn builder() -> procpool::Builder {
    procpool_testkit::start::builder(START_METHOD)
}

/// How these tests start to make a pool beside another one.
fn builder_beside_another() -> procpool::Builder {
    procpool_testkit::start::builder_beside_another(START_METHOD)
}
