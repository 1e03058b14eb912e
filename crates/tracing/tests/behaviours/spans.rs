//! Spans that workers open.

use procpool_testkit::watch;
use tracing::{debug_span, info, info_span};
use tracing_core::LevelFilter;

use crate::support::pools::{pool, recording, scope};
use crate::support::recording::Kind;

fn open_spans(_: ()) {
    let outer = info_span!("outer", number = 1, later = tracing::field::Empty).entered();
    info!("in outer");
    {
        let _hidden = debug_span!("hidden").entered();
        let _inner = info_span!("inner", text = "a text").entered();
        outer.record("later", 2);
        info!("in inner");
    }
    let root = info_span!(parent: None, "root");
    info!(parent: &root, "in root");
    drop(outer);
    info!("in none");
}

#[test]
fn spans_of_a_worker_are_spans_of_the_programs_subscriber() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        executor.submit(open_spans, ()).result().unwrap();
        drop(executor);
        let events = recording.events();
        let scopes: Vec<_> = events.iter().map(|seen| (seen.message(), scope(seen))).collect();
        let expected = [
            ("in outer", vec!["worker", "task", "outer"]),
            ("in inner", vec!["worker", "task", "outer", "inner"]),
            ("in root", vec!["worker", "task", "root"]),
            ("in none", vec!["worker", "task"]),
        ];
        assert_eq!(scopes, expected);
        let (_, outer) = &events[0].scope[2];
        assert_eq!((outer.0.len(), outer.0["number"].as_str()), (1, "i64 1"));
        let (_, outer) = &events[1].scope[2];
        assert_eq!(outer.0["later"], "i64 2", "recorded between the two records");
        let closed: Vec<_> = recording.of(Kind::Closed).into_iter().map(|it| it.name).collect();
        assert_eq!(closed, ["inner", "outer", "root", "task", "worker"]);
    });
}

#[test]
fn a_span_closes_when_the_worker_closes_it() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        executor.submit(open_spans, ()).result().unwrap();
        executor.submit(|()| info!("the next task"), ()).result().unwrap();
        drop(executor);
        let all = recording.all();
        let next = all.iter().position(|seen| seen.message() == "the next task").unwrap();
        let closed = all[..next].iter().filter(|seen| seen.kind == Kind::Closed);
        let closed: Vec<_> = closed.map(|seen| seen.name.as_str()).collect();
        assert_eq!(closed, ["inner", "outer", "root", "task"]);
    });
}

#[test]
fn a_span_that_the_programs_subscriber_disables_is_left_out() {
    watch::within(watch::HANG, || {
        // Its most verbose level is that of another target.
        let filter = "info,elsewhere=trace".parse::<tracing_subscriber::filter::Targets>();
        let (recording, _guard) = recording(filter.expect("these are directives"));
        let executor = pool(1);
        let task = |_: ()| {
            let outer = info_span!("outer", own = tracing::field::Empty).entered();
            let hidden = debug_span!("hidden", later = tracing::field::Empty).entered();
            hidden.record("later", 1);
            let _inner = info_span!("inner").entered();
            info!("a record");
            (outer, hidden).0.id().is_some()
        };
        assert!(executor.submit(task, ()).result().unwrap());
        drop(executor);
        let events = recording.events();
        assert_eq!(events.len(), 1);
        assert_eq!(scope(&events[0]), ["worker", "task", "outer", "inner"]);
        assert!(events[0].scope[2].1.0.is_empty());
    });
}
