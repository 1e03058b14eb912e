//! Events: where they arrive, and as what.

use std::error::Error;
use std::fmt;
use std::sync::mpsc::channel;

use procpool::Report;
use procpool_testkit::crossing::{Crossing, cross};
use procpool_testkit::watch;
use procpool_tracing::{Tracing, WorkerTracing};
use tracing::{Level, info, trace, warn};
use tracing_core::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::support::pools::{attached, builder, pool, recording, scope};
use crate::support::recording::Seen;

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn record_everything(_: ()) -> u32 {
    let error = Outer("x".parse::<u8>().expect_err("it is no number"));
    let line = line!() + 1;
    warn!(
        target: "some::target",
        float = 1.5, signed = -1, unsigned = 1_u64, wide = i128::MIN, unsigned_wide = u128::MAX, yes = true,
        text = "a \"text\"", bytes = &b"ab"[..], error = &error as &(dyn Error + 'static),
        debug = ?Some(1), display = %"shown", empty = tracing::field::Empty,
        "a {} message", "formatted",
    );
    line
}

#[test]
fn a_record_arrives_with_its_place_its_level_and_typed_fields() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::TRACE);
        let executor = pool(1);
        let future = executor.submit(record_everything, ());
        let line = future.result().unwrap();
        drop(executor);
        let events = recording.events();
        let [seen] = &events[..] else { panic!("{events:?}") };
        assert_eq!((seen.level, seen.target.as_str()), (Level::WARN, "some::target"));
        let here = (Some(file!().to_owned()), Some(line), Some(module_path!().to_owned()));
        assert_eq!(seen.place, here);
        let expected = [
            ("bytes", "bytes [97, 98]".to_owned()),
            ("debug", "debug Some(1)".to_owned()),
            ("display", "debug shown".to_owned()),
            ("error", "error outer: invalid digit found in string".to_owned()),
            ("float", "f64 1.5".to_owned()),
            ("message", "debug a formatted message".to_owned()),
            ("signed", "i64 -1".to_owned()),
            ("text", "str a \"text\"".to_owned()),
            ("unsigned", "u64 1".to_owned()),
            ("unsigned_wide", format!("u128 {}", u128::MAX)),
            ("wide", format!("i128 {}", i128::MIN)),
            ("yes", "bool true".to_owned()),
        ];
        let found: Vec<_> = seen.fields.0.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        assert_eq!(found, expected);
    });
}

#[test]
fn a_record_is_in_the_spans_of_its_worker_and_its_task() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(2);
        let task = |number: u32| {
            info!(number);
            std::process::id()
        };
        let futures: Vec<_> = (0..20).map(|number| executor.submit(task, number)).collect();
        let pids: Vec<u32> = futures.iter().map(|future| future.result().unwrap()).collect();
        drop(executor);
        let events = recording.events();
        assert_eq!(events.len(), 20);
        for (number, (future, pid)) in futures.iter().zip(pids).enumerate() {
            let number = format!("i64 {number}").replace("i64", "u64");
            let seen = events.iter().find(|seen| seen.field("number") == number);
            let seen = seen.expect("each record arrives");
            let [(worker, of_worker), (task, of_task)] = &seen.scope[..] else {
                panic!("{seen:?}")
            };
            assert_eq!((worker.as_str(), task.as_str()), ("worker", "task"));
            assert_eq!(of_worker.0["pid"], format!("u64 {pid}"));
            assert!(["u64 0", "u64 1"].contains(&of_worker.0["id"].as_str()));
            assert_eq!(of_task.0["work_item"], format!("u64 {}", future.id()));
        }
    });
}

#[test]
fn records_of_a_task_precede_the_callbacks_of_its_future() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let crossing = Crossing::new();
        let busy = executor.submit(cross, crossing.places());
        let task = |_: ()| (0..3).for_each(|number| info!("{number}"));
        let futures: Vec<_> = (0..100).map(|_| executor.submit(task, ())).collect();
        let (passed, found) = channel();
        for future in &futures {
            let (recording, passed) = (recording.clone(), passed.clone());
            let of_task = format!("u64 {}", future.id());
            future.add_done_callback(move |_| {
                let events = recording.events();
                let is_of_task = |seen: &&Seen| seen.scope[1].1.0["work_item"] == of_task;
                let records = events.iter().filter(is_of_task).map(Seen::message);
                assert!(records.eq(["0", "1", "2"]));
                passed.send(()).expect("the test listens");
            });
        }
        crossing.let_go(1);
        assert!(busy.result().is_ok());
        drop((executor, passed));
        assert_eq!(found.into_iter().count(), 100);
    });
}

#[test]
fn records_of_other_threads_of_a_worker_arrive() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let task = |_: ()| {
            let threads = (0..4).map(|thread| {
                std::thread::spawn(move || (0..50).for_each(|number| info!("{thread} {number}")))
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
        };
        executor.submit(task, ()).result().unwrap();
        drop(executor);
        let mut messages = recording.messages();
        assert!(recording.events().iter().all(|seen| scope(seen) == ["worker", "task"]));
        let mut expected: Vec<_> =
            (0..4).flat_map(|thread| (0..50).map(move |n| format!("{thread} {n}"))).collect();
        messages.sort();
        expected.sort();
        assert_eq!(messages, expected);
    });
}

struct Recorded(bool);

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(self.0, "this value cannot be shown");
        info!("inside");
        f.write_str("outside")
    }
}

#[test]
fn a_field_may_record_or_panic_while_it_is_formatted() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let task = |is_fine: bool| info!("{:?}", Recorded(is_fine));
        executor.submit(task, true).result().unwrap();
        let error = executor.submit(task, false).error().expect("it panics");
        assert!(error.to_string().contains("this value cannot be shown"), "{error}");
        executor.submit(task, true).result().unwrap();
        drop(executor);
        // A scoped subscriber, which a forked worker has a copy of here, gets none from inside another: so is tracing.
        let is_scoped = crate::START_METHOD == "fork";
        let expected = if is_scoped { &["outside"][..] } else { &["inside", "outside"] };
        assert_eq!(recording.messages(), expected.repeat(2));
    });
}

#[test]
fn records_of_the_crate_log_arrive_with_their_own_target_and_place() {
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let executor = pool(1);
        let task = |_: ()| {
            log::debug!("below the level");
            log::warn!(target: "some::target", "of {}", "log");
            line!() - 1
        };
        let line = executor.submit(task, ()).result().unwrap();
        drop(executor);
        let events = recording.events();
        let [seen] = &events[..] else { panic!("{events:?}") };
        assert_eq!((seen.level, seen.target.as_str()), (Level::WARN, "some::target"));
        let here = (Some(file!().to_owned()), Some(line), Some(module_path!().to_owned()));
        assert_eq!(seen.place, here);
        assert_eq!((seen.fields.0.len(), seen.message()), (1, "of log"));
        assert_eq!(scope(seen), ["worker", "task"]);
    });
}

fn report_and_record(_: ()) {
    procpool::report(&1_u32).expect("it can be sent");
    info!("a record");
    procpool::report(&2_u64).expect("it can be sent");
}

#[test]
fn the_programs_own_reports_arrive_beside_records() {
    watch::within(watch::HANG, || {
        for is_first in [true, false] {
            let (recording, _guard) = recording(LevelFilter::INFO);
            let (sender, numbers) = channel();
            let hook = move |report: Report<u32>| drop(sender.send(report.value));
            let tracing = Tracing::new();
            let builder = builder(1);
            let builder = if is_first {
                builder.on_report(hook)
            } else {
                tracing.attach(builder).on_report(hook)
            };
            // Attached twice, the records arrive once.
            let executor = attached(&tracing, builder);
            executor.submit(report_and_record, ()).result().unwrap();
            drop(executor);
            // Those without a hook go to the first one.
            let numbers: Vec<_> = numbers.into_iter().collect();
            assert_eq!((numbers.len(), &numbers[0]), (1 + usize::from(is_first), &Ok(1)));
            let messages = recording.messages();
            assert_eq!(
                (messages.len(), messages[0].as_str()),
                (2 - usize::from(is_first), "a record")
            );
            let refused = messages.get(1).is_none_or(|it| it.contains("`u64`"));
            assert!(refused, "{messages:?}");
        }
    });
}

/// A layer of the worker's own.
struct ToFile(String);

impl<S: tracing::Subscriber> Layer<S> for ToFile {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let line = event.metadata().level().to_string();
        std::fs::write(&self.0, line).expect("the folder exists");
    }
}

fn open_log((tracing, path): (WorkerTracing, String)) {
    tracing_subscriber::registry().with(tracing.layer()).with(ToFile(path)).init();
}

#[test]
fn a_subscriber_of_the_workers_own_may_send_records_too() {
    // A subscriber of a forked copy cannot be replaced.
    watch::within(watch::HANG, || {
        let (recording, _guard) = recording(LevelFilter::INFO);
        let folder = Crossing::new();
        let path = folder.file("log");
        let tracing = Tracing::new();
        let builder = tracing.attach(builder(1));
        let builder = builder.initializer_with_args(open_log, (tracing.worker(), path.clone()));
        let executor = builder.build().unwrap();
        let task = |_: ()| {
            std::thread::spawn(|| {
                info!("for both");
                trace!("for the file");
            })
            .join()
            .expect("it does not panic");
        };
        executor.submit(task, ()).result().unwrap();
        drop(executor);
        assert_eq!(recording.messages(), ["for both"]);
        assert_eq!(std::fs::read_to_string(path).ok().as_deref(), Some("TRACE"));
    });
}
