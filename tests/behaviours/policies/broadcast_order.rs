//! Broadcasts among tasks that wait for their worker, and in workers that are due or retire.

use std::convert::Infallible;

use procpool::{
    Error, EventKind, Events, ExitReason, Future, ProcessPoolExecutor, WorkerResult, retire_worker,
};
use procpool_testkit::crossing::{Crossing, Places, cross};
use procpool_testkit::task::{kill_self, pid};
use procpool_testkit::watch;

use crate::behaviours::lives::{await_exit, builder, note, notes, replacing_builder, stop_at};

type Noted = (String, String);

fn note_too(noted: Noted) -> u32 {
    note(noted)
}

/// Submits a note that waits for a worker that had the key "a". Another worker takes tasks: once it has run a
/// later one, the note has left the queue.
fn wait_to_note(executor: &ProcessPoolExecutor, noted: Noted) -> Future<u32> {
    let waits = executor.submit_options().key("a").wait_for_worker().submit(note, noted);
    executor.submit(pid, ()).result().unwrap();
    waits
}

/// Lets a worker run a task of the key "a", and another one that stops at the crossing. Returns its pid.
fn occupy(executor: &ProcessPoolExecutor, task: fn(Places) -> u32, crossing: &Crossing) -> u32 {
    let first = executor.submit_options().key("a").submit(pid, ()).result().unwrap();
    drop(executor.submit_options().key("a").submit(task, crossing.places()));
    crossing.wait_for(1);
    first
}

/// The result of the worker with this pid.
fn result_in(broadcast: &Future<Vec<WorkerResult<u32>>>, pid: u32) -> Result<u32, Error> {
    let results = broadcast.result().unwrap().into_iter();
    let mut its = results.filter(|it| it.worker.pid == pid);
    its.next().expect("it takes tasks").result
}

/// The notes of the worker with this pid, in one line.
fn noted_by(file: &str, pid: u32) -> String {
    notes(file).into_iter().filter(|(by, _)| *by == pid).map(|(_, text)| text).collect()
}

#[test]
fn a_broadcast_takes_its_turn_among_tasks_that_wait_for_the_worker() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2).build().unwrap();
        executor.start_workers(2).result().unwrap();
        let first = occupy(&executor, cross, &crossing);
        let file = crossing.file("notes");
        let what = |text: &str| (file.clone(), text.to_owned());
        let mut waits = vec![wait_to_note(&executor, what("1"))];
        let two = executor.broadcast(note, what("2"));
        waits.push(wait_to_note(&executor, what("3")));
        let four = executor.broadcast(note_too, what("4"));
        waits.push(wait_to_note(&executor, what("5")));
        let stats = executor.stats();
        assert_eq!((stats.queued, stats.running), (5, 1), "{stats:?}");
        crossing.let_go(1);
        assert!(waits.iter().all(|future| future.result() == Ok(first)));
        assert!([two, four].iter().all(|set| result_in(set, first) == Ok(first)));
        assert_eq!(noted_by(&file, first), "12345");
        assert_eq!(notes(&file).len(), 7, "the other worker runs the functions alone");
    });
}

/// Stops at a crossing, and retires its worker.
fn cross_then_retire(places: Places) -> u32 {
    cross(places);
    retire_worker();
    0
}

fn cross_then_die(places: Places) -> u32 {
    cross(places);
    kill_self();
    0
}

#[test]
fn a_worker_that_ends_gives_back_tasks_but_no_broadcast() {
    watch::within(watch::HANG, || {
        for (end, dies) in [(cross_then_retire as fn(Places) -> u32, false), (cross_then_die, true)]
        {
            let crossing = Crossing::new();
            let executor = replacing_builder(2, 0).build().unwrap();
            executor.start_workers(2).result().unwrap();
            let first = occupy(&executor, end, &crossing);
            let file = crossing.file("notes");
            let what = |text: &str| (file.clone(), text.to_owned());
            let before = wait_to_note(&executor, what("1"));
            let set = executor.broadcast(note_too, what("2"));
            let behind = wait_to_note(&executor, what("3"));
            assert_eq!(executor.stats().queued, 3);
            crossing.let_go(1);
            for task in [before, behind] {
                let by = task.result().unwrap();
                let own = noted_by(&file, by);
                assert!(by != first && own.starts_with('2'), "{by} noted {own}");
            }
            match result_in(&set, first) {
                Err(Error::WorkerDied(_)) => assert!(dies),
                other => assert!(!dies && other == Err(Error::Cancelled), "{other:?}"),
            }
            assert_eq!(noted_by(&file, first), "");
        }
    });
}

#[test]
fn a_broadcast_takes_no_task_from_a_worker_with_one_left() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(2).max_tasks_per_child(3).build().unwrap();
        executor.start_workers(2).result().unwrap();
        let first = occupy(&executor, cross, &crossing);
        let file = crossing.file("notes");
        let what = |text: &str| (file.clone(), text.to_owned());
        let sets = ["1", "2"].map(|text| executor.broadcast(note, what(text)));
        let waits = wait_to_note(&executor, what("3"));
        let last = executor.broadcast(note_too, what("4"));
        let elsewhere = wait_to_note(&executor, what("5")).result().unwrap();
        assert_ne!(elsewhere, first, "it has no task left for this one");
        crossing.let_go(1);
        assert_eq!(waits.result(), Ok(first));
        assert!(sets.iter().chain([&last]).all(|set| result_in(set, first) == Ok(first)));
        assert_eq!(noted_by(&file, first), "1234");
    });
}

/// A pool of one worker that is due, whose replacement stops in its initializer.
fn due(starts: &Crossing) -> (ProcessPoolExecutor<()>, Events, u32) {
    starts.let_go(1);
    let builder = builder(1).overlap_replacements(1).max_tasks_per_child(1);
    let executor = builder.initializer_with_args(stop_at, starts.places()).build().unwrap();
    let events = executor.events();
    let first = executor.submit(pid, ()).result().unwrap();
    starts.wait_for(2);
    (executor, events, first)
}

#[test]
fn a_worker_that_is_due_runs_a_broadcast_and_so_does_its_replacement() {
    watch::within(watch::HANG, || {
        let starts = Crossing::new();
        let (executor, mut events, first) = due(&starts);
        let file = starts.file("notes");
        let one = executor.broadcast(note, (file.clone(), "1".into())).result().unwrap();
        assert!(one.len() == 1 && one[0].result == Ok(first), "{one:?}");
        let two = executor.broadcast(note_too, (file.clone(), "2".into())).result().unwrap();
        assert_eq!(two, one);
        assert_eq!(executor.submit(pid, ()).result(), Ok(first), "it is due still");
        starts.let_go(1);
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (first, ExitReason::Recycled));
        let second = executor.submit(pid, ()).result().unwrap();
        assert_eq!([first, second].map(|pid| noted_by(&file, pid)), ["12", "12"]);
        starts.let_go(100);
    });
}

#[test]
fn a_worker_that_is_relieved_runs_a_broadcast_before_it_exits() {
    watch::within(watch::HANG, || {
        let (starts, crossing) = (Crossing::new(), Crossing::new());
        let (executor, mut events, first) = due(&starts);
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let file = starts.file("notes");
        let set = executor.broadcast(note, (file.clone(), "1".into()));
        starts.let_go(1);
        let second = executor.submit(pid, ()).result().unwrap();
        assert_ne!(second, first, "it is relieved");
        assert!(!set.done());
        crossing.let_go(1);
        assert_eq!(running.result(), Ok(first));
        assert_eq!(result_in(&set, first), Ok(first));
        assert_eq!(await_exit(&mut events).0.pid, first);
        assert_eq!([first, second].map(|pid| noted_by(&file, pid)), ["1", "1"]);
        starts.let_go(100);
    });
}

#[test]
fn a_worker_with_too_much_memory_runs_a_broadcast_before_it_exits() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        let executor = builder(1).max_memory_per_child(1).build().unwrap();
        let mut events = executor.events();
        let running = executor.submit(cross, crossing.places());
        crossing.wait_for(1);
        let set = executor.broadcast(pid, ());
        crossing.let_go(1);
        let first = running.result().unwrap();
        assert_eq!(result_in(&set, first), Ok(first));
        let (worker, reason) = await_exit(&mut events);
        assert_eq!((worker.pid, reason), (first, ExitReason::Recycled));
    });
}

#[test]
fn the_initializer_alone_is_reported_as_such() {
    watch::within(watch::HANG, || {
        let crossing = Crossing::new();
        for has_one in [false, true] {
            let builder = builder(1);
            let file = crossing.file("notes");
            let mut events = if has_one {
                let executor = builder.initializer(|| Ok::<(), Infallible>(())).build().unwrap();
                first_events(executor, file)
            } else {
                first_events(builder.build().unwrap(), file)
            };
            events.retain(|kind| matches!(kind, EventKind::WorkerInitializing(_)));
            assert_eq!(events.len(), usize::from(has_one), "{events:?}");
        }
    });
}

/// The events of a pool whose only worker runs two functions before its first task.
fn first_events<S: 'static>(executor: ProcessPoolExecutor<S>, file: String) -> Vec<EventKind> {
    let events = executor.events();
    executor.broadcast(note, (file.clone(), "1".into())).result().unwrap();
    executor.broadcast(note_too, (file, "2".into())).result().unwrap();
    executor.submit(pid, ()).result().unwrap();
    drop(executor);
    events.map(|event| event.kind).collect()
}
