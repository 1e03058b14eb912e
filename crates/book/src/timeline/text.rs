//! A timeline in words, for readers who cannot see the drawing.

use std::fmt::Write;

use super::Timeline;

/// Returns one sentence per worker and one for the results, on one line: an alternative text.
pub fn sentences(timeline: &Timeline) -> String {
    let mut text = String::from("Timeline in milliseconds since map was called.");
    for (index, lane) in timeline.lanes.iter().enumerate() {
        let _ = write!(text, " W{} ", &lane.name(index)[1..]);
        let _ = match lane.was_ready() {
            true => text.write_str("was ready, ran "),
            false => write!(
                text,
                "started at {:.0}, initialized from {:.0} to {:.0}, ran ",
                lane.started, lane.initializer.begin, lane.initializer.end,
            ),
        };
        let tasks = lane.tasks.iter().map(|(identifier, span)| {
            format!("task {identifier} from {:.0} to {:.0}", span.begin, span.end)
        });
        let lost = lane.lost.iter().map(|(identifier, span)| {
            format!("task {identifier} from {:.0} without finishing it", span.begin)
        });
        let tasks: Vec<_> = tasks.chain(lost).collect();
        let tasks = if tasks.is_empty() { "no task".to_owned() } else { tasks.join(", ") };
        let ended = if lane.died { "died" } else { "left" };
        let _ = write!(text, "{tasks}, and {ended} at {:.0}.", lane.exit);
    }
    let results =
        timeline.results.iter().map(|(identifier, time)| format!("{identifier} at {time:.0}"));
    let results: Vec<_> = results.collect();
    if !results.is_empty() {
        let _ = write!(text, " Results arrived in this order: {}.", results.join(", "));
    }
    let errors =
        timeline.errors.iter().map(|(identifier, time)| format!("{identifier} at {time:.0}"));
    let errors: Vec<_> = errors.collect();
    if !errors.is_empty() {
        let _ = write!(text, " Errors arrived in this order: {}.", errors.join(", "));
    }
    text
}
