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

#[test]
fn an_inconsistent_trace_is_refused() {
    let cases: [(usize, Option<Event>, &str); 7] = [
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

/// Asserts what the chapters say of a trace, of the checked-in one and of a new one. Returns both.
fn has_the_shape(name: &str) -> [Timeline; 2] {
    let layout = Layout::procpool();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("trace.jsonl");
    let (_, command) =
        figure::TRACES.iter().find(|(known, _)| *known == name).expect("it is known");
    std::fs::write(&path, figure::record(&layout, command).expect("it records"))
        .expect("it is written");
    [path, layout.traces().join(name).with_extension("jsonl")].map(|path| {
        // Only a trace in which each worker is initialized once, before its first task, has a drawing.
        let timeline = Timeline::new(&trace::read(&path)).expect("it makes sense");
        assert_eq!(timeline.lanes.len(), 2);
        let mut tasks: Vec<u32> =
            timeline.lanes.iter().flat_map(|lane| &lane.tasks).map(|task| task.0).collect();
        tasks.sort_unstable();
        assert_eq!(tasks, Vec::from_iter(0..10));
        let results: Vec<u32> = timeline.results.iter().map(|result| result.0).collect();
        assert_eq!(results, Vec::from_iter(0..10));
        timeline
    })
}
