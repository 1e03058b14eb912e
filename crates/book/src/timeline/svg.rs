//! A timeline as lanes for the one renderer: the content of each lane, and the texts in it.

use procpool_drawing::timeline::{self, Mark, Part};

use super::text::sentences;
use super::{Lane, Timeline};

/// Behind the number of a task that is lost: a colour alone would not say it.
const LOST: char = '✗';

/// Draws a timeline for a page.
pub fn draw(timeline: &Timeline) -> String {
    lanes(timeline).in_page(&sentences(timeline))
}

/// The lanes of the workers, and that of the results. As text, `i` is the initializer, a digit the last
/// one of a task, `!` a task that is lost, `·` an idle worker, and `x` its exit.
pub fn lanes(timeline: &Timeline) -> timeline::Timeline {
    let workers = timeline.lanes.iter().enumerate();
    let mut lanes: Vec<_> = workers.map(|(index, lane)| worker(lane, index)).collect();
    let results = timeline.results.iter().map(|(identifier, at)| {
        let title = format!("result {identifier} at {at:.1} ms");
        (*at, Part::Stroke("result", Mark { at: *at, title }, identifier.to_string()))
    });
    let errors = timeline.errors.iter().map(|(identifier, at)| {
        let title = format!("error of {identifier} at {at:.1} ms");
        (*at, Part::Stroke("bad", Mark { at: *at, title }, format!("{identifier}{LOST}")))
    });
    let mut given: Vec<_> = results.chain(errors).collect();
    given.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let parts = given.into_iter().map(|(_, part)| part).collect();
    lanes.push(timeline::Lane { name: "results".to_owned(), parts });
    timeline::Timeline { lanes, end: timeline.end(), since: "ms since map was called".to_owned() }
}

fn worker(lane: &Lane, index: usize) -> timeline::Lane {
    // The worker's life, from its start to its exit.
    let begin = lane.started.max(0.0);
    let mut parts = vec![Part::Life(timeline::Span { begin, end: lane.exit })];
    // A worker may have been ready before.
    if !lane.was_ready() {
        parts.push(bar("initializer", lane.initializer, "initializer", "init", 'i'));
    }
    for (identifier, span) in &lane.tasks {
        let letter = char::from_digit(identifier % 10, 10).unwrap_or('?');
        let what = format!("task {identifier}");
        parts.push(bar("task", *span, &what, &identifier.to_string(), letter));
    }
    if let Some((identifier, span)) = lane.lost {
        let what = format!("task {identifier}, lost with its worker");
        parts.push(bar("failed", span, &what, &format!("{identifier}{LOST}"), '!'));
    }
    // After the bars, which would cover them.
    if !lane.was_ready() {
        let title = format!("started at {:.1} ms", lane.started);
        parts.push(Part::Start(Mark { at: lane.started, title }));
    }
    let (class, ended) = if lane.died { ("bad", "died") } else { ("exit", "left") };
    let title = format!("{ended} at {:.1} ms", lane.exit);
    parts.push(Part::Exit(class, Mark { at: lane.exit, title }));
    timeline::Lane { name: lane.name(index), parts }
}

fn bar(class: &'static str, span: timeline::Span, what: &str, label: &str, letter: char) -> Part {
    let timeline::Span { begin, end } = span;
    let title = format!("{what}: {begin:.1} to {end:.1} ms");
    Part::Bar { class, span, label: label.to_owned(), title, letter }
}
