//! A timeline as lanes for the one renderer: the content of each lane, and the texts in it.

use procpool_drawing::timeline::{self, Mark, Part};

use super::text::sentences;
use super::{Lane, Timeline};

/// Draws a timeline for a page.
pub fn draw(timeline: &Timeline) -> String {
    lanes(timeline).in_page(&sentences(timeline))
}

/// The lanes of the workers, and that of the results. As text, `i` is the initializer, a digit the last
/// one of a task, `·` an idle worker, and `x` its exit.
pub fn lanes(timeline: &Timeline) -> timeline::Timeline {
    let workers = timeline.lanes.iter().enumerate();
    let mut lanes: Vec<_> = workers.map(|(index, lane)| worker(lane, index)).collect();
    let results = timeline.results.iter().map(|(identifier, at)| {
        let title = format!("result {identifier} at {at:.1} ms");
        Part::Stroke("result", Mark { at: *at, title }, identifier.to_string())
    });
    lanes.push(timeline::Lane { name: "results".to_owned(), parts: results.collect() });
    timeline::Timeline { lanes, end: timeline.end(), since: "ms since map was called".to_owned() }
}

fn worker(lane: &Lane, index: usize) -> timeline::Lane {
    // The worker's life, from its start to its exit.
    let mut parts = vec![Part::Life(timeline::Span { begin: lane.started, end: lane.exit })];
    let initializer = lane.initializer;
    parts.push(bar("initializer", initializer, "initializer", "init", 'i'));
    for (identifier, span) in &lane.tasks {
        let letter = char::from_digit(identifier % 10, 10).unwrap_or('?');
        let what = format!("task {identifier}");
        parts.push(bar("task", *span, &what, &identifier.to_string(), letter));
    }
    // After the bars, which would cover them.
    let title = format!("started at {:.1} ms", lane.started);
    parts.push(Part::Start(Mark { at: lane.started, title }));
    let title = format!("left at {:.1} ms", lane.exit);
    parts.push(Part::Exit("exit", Mark { at: lane.exit, title }));
    timeline::Lane { name: lane.name(index), parts }
}

fn bar(class: &'static str, span: timeline::Span, what: &str, label: &str, letter: char) -> Part {
    let timeline::Span { begin, end } = span;
    let title = format!("{what}: {begin:.1} to {end:.1} ms");
    Part::Bar { class, span, label: label.to_owned(), title, letter }
}
