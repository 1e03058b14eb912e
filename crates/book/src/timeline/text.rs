//! A timeline in words: for readers who cannot see the drawing, and for terminals.

use std::fmt::Write;

use super::{Lane, Timeline};

/// Returns one sentence per worker and one for the results, on one line: an alternative text.
pub fn sentences(timeline: &Timeline) -> String {
    let mut text = String::from("Timeline in milliseconds since map was called.");
    for (index, lane) in timeline.lanes.iter().enumerate() {
        let _ = write!(
            text,
            " Worker {} started at {:.0}, initialized from {:.0} to {:.0}, ran ",
            index + 1,
            lane.started,
            lane.initializer.begin,
            lane.initializer.end,
        );
        let tasks = lane.tasks.iter().map(|(identifier, span)| {
            format!("task {identifier} from {:.0} to {:.0}", span.begin, span.end)
        });
        let tasks: Vec<_> = tasks.collect();
        let tasks = if tasks.is_empty() { "no task".to_owned() } else { tasks.join(", ") };
        let _ = write!(text, "{tasks}, and left at {:.0}.", lane.exit);
    }
    let results =
        timeline.results.iter().map(|(identifier, time)| format!("{identifier} at {time:.0}"));
    let results: Vec<_> = results.collect();
    if !results.is_empty() {
        let _ = write!(text, " Results arrived in this order: {}.", results.join(", "));
    }
    text
}

/// The number of characters of a lane. More show shorter tasks; fewer fit smaller screens.
const WIDTH: usize = 64;

/// Draws the lanes with one character per interval: `i` for the initializer, a task's last digit, `·`
/// while the worker is idle, `x` at its exit.
pub fn lanes(timeline: &Timeline) -> String {
    let step = timeline.end().max(1.0) / (WIDTH - 1) as f64;
    let mut text = String::new();
    for (index, lane) in timeline.lanes.iter().enumerate() {
        let cells: String = (0..WIDTH).map(|cell| at(lane, cell as f64 * step, step)).collect();
        let _ = writeln!(text, "worker {}  {}", index + 1, cells.trim_end());
    }
    let _ = writeln!(text, "one character is {step:.1} ms");
    text
}

/// The state of a worker in the interval that begins at `time`; the shortest event wins.
fn at(lane: &Lane, time: f64, step: f64) -> char {
    let end = time + step;
    if (time..end).contains(&lane.exit) {
        return 'x';
    }
    if end <= lane.started || time > lane.exit {
        return ' ';
    }
    let middle = time + step / 2.0;
    let inside = |begin: f64, end: f64| begin <= middle && middle < end;
    if inside(lane.initializer.begin, lane.initializer.end) {
        return 'i';
    }
    let task = lane.tasks.iter().find(|(_, span)| inside(span.begin, span.end));
    task.map_or('·', |(identifier, _)| char::from_digit(identifier % 10, 10).unwrap_or('?'))
}
