//! Timelines: a trace is drawn unchanged, or refused.

use procpool_book::figure;
use procpool_book::layout::Layout;
use procpool_book::timeline::{Event, Span, Timeline, svg, text};
use procpool_testkit::trace::{self, Record};

const PARENT: u32 = 10;
const WORKER: u32 = 11;

fn at(millis: u64, pid: u32, event: Event) -> Record<Event> {
    Record { pid, nanos: (1_000 + millis) * 1_000_000, event }
}

/// One worker, two tasks.
fn small() -> Vec<Record<Event>> {
    vec![
        at(0, PARENT, Event::MapCalled),
        at(1, WORKER, Event::Started),
        at(2, WORKER, Event::InitializerBegins),
        at(20, WORKER, Event::InitializerEnds),
        at(20, WORKER, Event::TaskBegins { identifier: 0 }),
        at(50, WORKER, Event::TaskEnds { identifier: 0 }),
        at(51, PARENT, Event::ResultGiven { identifier: 0 }),
        at(51, WORKER, Event::TaskBegins { identifier: 1 }),
        at(90, WORKER, Event::TaskEnds { identifier: 1 }),
        at(91, PARENT, Event::ResultGiven { identifier: 1 }),
        at(126, WORKER, Event::Exits),
    ]
}

#[test]
fn a_trace_becomes_lanes() {
    let timeline = Timeline::new(&small()).expect("it makes sense");
    let [lane] = &timeline.lanes[..] else { panic!("one worker, one lane") };
    assert_eq!((lane.started, lane.exit), (1.0, 126.0));
    assert_eq!(lane.initializer, Span { begin: 2.0, end: 20.0 });
    let tasks = [(0, Span { begin: 20.0, end: 50.0 }), (1, Span { begin: 51.0, end: 90.0 })];
    assert_eq!(lane.tasks, tasks);
    assert_eq!(timeline.results, [(0, 51.0), (1, 91.0)]);
}

#[test]
fn the_alternative_text_describes_the_drawing() {
    let timeline = Timeline::new(&small()).expect("it makes sense");
    let sentences = "Timeline in milliseconds since map was called. Worker 1 started at 1, \
        initialized from 2 to 20, ran task 0 from 20 to 50, task 1 from 51 to 90, and left at 126. \
        Results arrived in this order: 0 at 51, 1 at 91.";
    assert_eq!(text::sentences(&timeline), sentences);
    let drawing = svg::draw(&timeline);
    assert!(
        drawing.contains(&format!(r#"role="img" viewBox="0 0 750 130" aria-label="{sentences}""#))
    );
    for title in ["initializer: 2.0 to 20.0 ms", "task 0: 20.0 to 50.0 ms", "left at 126.0 ms"] {
        assert!(drawing.contains(&format!("<title>{title}</title>")), "{title}: {drawing}");
    }
}

#[test]
fn the_lanes_in_text_are_to_scale() {
    let timeline = Timeline::new(&small()).expect("it makes sense");
    let (init, zero, one) = ("i".repeat(9), "0".repeat(15), "1".repeat(20));
    let lanes = format!("worker 1  ·{init}{zero}{one}{}x\n", "·".repeat(18));
    assert_eq!(svg::lanes(&timeline).text(), lanes + "one character is 2.0 ms\n");
}

/// The worker was ready before, and dies in its second task.
fn fatal() -> Vec<Record<Event>> {
    let mut records = small();
    records.rotate_left(1);
    for (millis, record) in (995..).zip(&mut records[..3]) {
        record.nanos = millis * 1_000_000;
    }
    records[3] = at(0, PARENT, Event::MapCalled);
    records.insert(4, at(20, WORKER, Event::TaskBegins { identifier: 0 }));
    records[8] = at(90, WORKER, Event::Dies);
    records[9] = at(91, PARENT, Event::ErrorGiven { identifier: 1 });
    records.truncate(10);
    records
}

#[test]
fn a_task_that_its_worker_did_not_finish_is_lost() {
    let timeline = Timeline::new(&fatal()).expect("it makes sense");
    let [lane] = &timeline.lanes[..] else { panic!("one worker, one lane") };
    assert_eq!(lane.tasks, [(0, Span { begin: 20.0, end: 50.0 })]);
    assert_eq!(lane.lost, Some((1, Span { begin: 51.0, end: 90.0 })));
    assert_eq!((lane.exit, lane.died), (90.0, true));
    assert_eq!(
        (timeline.results.as_slice(), timeline.errors.as_slice()),
        (&[(0, 51.0)][..], &[(1, 91.0)][..])
    );

    let sentences = "Timeline in milliseconds since map was called. Worker 1 was ready, ran task 0 \
        from 20 to 50, task 1 from 51 without finishing it, and died at 90. Results arrived in this \
        order: 0 at 51. Errors arrived in this order: 1 at 91.";
    assert_eq!(text::sentences(&timeline), sentences);
    let drawing = svg::draw(&timeline);
    for title in [
        "task 1, lost with its worker: 51.0 to 90.0 ms",
        "died at 90.0 ms",
        "error of 1 at 91.0 ms",
    ] {
        assert!(drawing.contains(&format!("<title>{title}</title>")), "{title}: {drawing}");
    }
    assert!(!drawing.contains("initializer"), "it was before the picture begins: {drawing}");
    assert!(svg::lanes(&timeline).text().contains("!!!x\n"));
}

#[test]
fn an_inconsistent_trace_is_refused() {
    let cases: [(usize, Option<Event>, &str); 8] = [
        (0, None, "no process called `map`"),
        (1, None, "worker 11: InitializerBegins where Started belongs"),
        (2, None, "worker 11: InitializerEnds where InitializerBegins belongs"),
        (
            4,
            Some(Event::InitializerBegins),
            "worker 11: Some((InitializerBegins, 20.0)) where a task or the exit belongs",
        ),
        (
            5,
            Some(Event::TaskEnds { identifier: 1 }),
            "worker 11: Some((TaskEnds { identifier: 1 }, 50.0)) where task 0 should end",
        ),
        (8, None, "worker 11: Some((Exits, 126.0)) where task 1 should end"),
        (5, Some(Event::Dies), "worker 11: Some((Dies, 50.0)) where task 0 should end"),
        (10, None, "worker 11: None where a task or the exit belongs"),
    ];
    for (place, event, problem) in cases {
        let mut records = small();
        match event {
            Some(event) => records[place].event = event,
            None => drop(records.remove(place)),
        }
        assert_eq!(Timeline::new(&records), Err(problem.to_owned()));
    }
}

#[test]
fn a_new_recording_has_the_shape_that_the_chapter_describes() {
    has_the_shape("demo");
}

#[test]
#[ignore = "needs root, slurmctld, slurmd, slurm-client, munge and iproute2: runs a program on made-up hosts"]
fn a_new_recording_of_two_hosts_names_them() {
    for timeline in has_the_shape("hosts") {
        let hosts = timeline.lanes.iter().filter_map(|lane| lane.host);
        let mut hosts: Vec<String> = hosts.map(|host| host.to_string()).collect();
        hosts.sort();
        assert_eq!(hosts, ["n1", "n2"]);
    }
}

#[test]
fn a_new_recording_of_a_pool_that_breaks_loses_its_unfinished_tasks() {
    let [new, checked_in] = recordings("break");
    let given = |timeline: &Timeline| {
        let numbers = |given: &[(u32, f64)]| Vec::from_iter(given.iter().map(|it| it.0));
        (numbers(&timeline.results), numbers(&timeline.errors))
    };
    for timeline in [&new, &checked_in] {
        assert!(lost(timeline).contains(&3));
        assert!(timeline.lanes.iter().all(|lane| lane.died));
        let (results, errors) = given(timeline);
        assert!(errors.contains(&3));
        assert_eq!([results, errors].concat(), Vec::from_iter(0..8));
    }
    // The chapter's numbers.
    assert_eq!(lost(&checked_in), [3, 4]);
    assert_eq!(given(&checked_in), (vec![0, 1, 2], vec![3, 4, 5, 6, 7]));
}

#[test]
fn a_new_recording_of_a_pool_that_replaces_workers_loses_no_task() {
    for timeline in recordings("replace") {
        let died: Vec<bool> = timeline.lanes.iter().map(|lane| lane.died).collect();
        assert_eq!(died.iter().filter(|died| **died).count(), 1, "{died:?}");
        assert_eq!((died.len(), lost(&timeline)), (3, vec![3]));
        let results: Vec<u32> = timeline.results.iter().map(|result| result.0).collect();
        assert_eq!(results, Vec::from_iter(0..8));
        assert_eq!(timeline.errors, []);
    }
}

/// The tasks that workers did not finish.
fn lost(timeline: &Timeline) -> Vec<u32> {
    let mut lost: Vec<u32> =
        timeline.lanes.iter().filter_map(|lane| lane.lost).map(|lost| lost.0).collect();
    lost.sort_unstable();
    lost
}

/// Asserts what the chapters say of a trace, of a new one and of the checked-in one. Returns both.
fn has_the_shape(name: &str) -> [Timeline; 2] {
    let recordings = recordings(name);
    for timeline in &recordings {
        assert_eq!(timeline.lanes.len(), 2);
        let mut tasks: Vec<u32> =
            timeline.lanes.iter().flat_map(|lane| &lane.tasks).map(|task| task.0).collect();
        tasks.sort_unstable();
        assert_eq!(tasks, Vec::from_iter(0..10));
        let results: Vec<u32> = timeline.results.iter().map(|result| result.0).collect();
        assert_eq!(results, Vec::from_iter(0..10));
    }
    recordings
}

/// A new recording, and the checked-in one.
fn recordings(name: &str) -> [Timeline; 2] {
    let layout = Layout::procpool();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("trace.jsonl");
    let (_, command) =
        figure::TRACES.iter().find(|(known, _)| *known == name).expect("it is known");
    std::fs::write(&path, figure::record(&layout, command).expect("it records"))
        .expect("it is written");
    [path, layout.traces().join(name).with_extension("jsonl")].map(|path| {
        // Only a trace in which each worker is initialized once, before its first task, has a drawing.
        Timeline::new(&trace::read(&path)).expect("it makes sense")
    })
}
