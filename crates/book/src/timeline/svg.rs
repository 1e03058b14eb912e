//! A timeline as SVG, for a page.
//!
//! Colours are set by the page's style sheet, by class, so the drawing follows the page's theme. A text or
//! a shape repeats the meaning of every colour.

use procpool_drawing::{Drawing, Rect};

use super::text::sentences;
use super::{Lane, Span, Timeline};

/// Where time begins: the names of the lanes are left of it.
const LEFT: f64 = 76.0;
/// The width of time. With `LEFT` and `MARGIN` it makes the width of a page's text.
const WIDTH: f64 = 634.0;
/// Right of time: room for the numbers of results at the very end.
const MARGIN: f64 = 40.0;
/// From lane to lane, and the height of the bars in one.
const LANE: f64 = 44.0;
const BAR: f64 = 26.0;
/// A bar narrower than this has no room for its number.
const LABELLED: f64 = 12.0;

/// Draws a timeline.
pub fn draw(timeline: &Timeline) -> String {
    let scale = Scale::new(timeline.end());
    let rows = timeline.lanes.len() + 1;
    let view = [0.0, 0.0, LEFT + WIDTH + MARGIN, LANE * rows as f64 + 42.0];
    let mut drawing = Drawing::in_page("timeline", view, &sentences(timeline));
    axis(&mut drawing, &scale, LANE * rows as f64);
    for (index, lane) in timeline.lanes.iter().enumerate() {
        draw_lane(&mut drawing, &scale, lane, index);
    }
    results(&mut drawing, &scale, timeline, timeline.lanes.len());
    drawing.finish()
}

/// From milliseconds to positions.
struct Scale {
    end: f64,
    /// How far the marks of the axis are apart, in milliseconds: 1, 2 or 5 and zeros.
    tick: f64,
}

impl Scale {
    fn new(last: f64) -> Self {
        let end = last.max(1.0);
        // At most eight marks; closer ones would touch on a small screen.
        let rough = end / 8.0;
        let magnitude = 10f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * magnitude >= rough);
        Self { end, tick: factor.unwrap_or(10.0) * magnitude }
    }

    fn x(&self, time: f64) -> f64 {
        LEFT + time.max(0.0) / self.end * WIDTH
    }
}

fn axis(drawing: &mut Drawing, scale: &Scale, bottom: f64) {
    let mut time = 0.0;
    while time <= scale.end {
        let x = scale.x(time);
        drawing.path("grid", format_args!("M{x:.1} 6V{bottom:.1}"), None);
        drawing.text("middle", x, bottom + 18.0, format_args!("{time:.0}"));
        time += scale.tick;
    }
    drawing.text("end", LEFT + WIDTH, bottom + 36.0, "ms since map was called");
}

fn draw_lane(drawing: &mut Drawing, scale: &Scale, lane: &Lane, index: usize) {
    let top = LANE * index as f64 + 10.0;
    let middle = top + BAR / 2.0;
    drawing.text("", 0.0, middle + 5.0, format_args!("worker {}", index + 1));
    // The worker's life, from its start to its exit.
    let (start, exit) = (scale.x(lane.started), scale.x(lane.exit));
    drawing.path("life", format_args!("M{start:.1} {middle:.1}H{exit:.1}"), None);
    bar(drawing, scale, "initializer", top, lane.initializer, "initializer", "init");
    for (identifier, span) in &lane.tasks {
        let number = identifier.to_string();
        bar(drawing, scale, "task", top, *span, &format!("task {identifier}"), &number);
    }
    // After the bars, which would cover them.
    let started = format!("started at {:.1} ms", lane.started);
    drawing.circle("start", start, middle, 4.0, started.as_str());
    let cross = format!("M{:.1} {:.1}l8 8m0 -8l-8 8", exit - 4.0, middle - 4.0);
    let exited = format!("left at {:.1} ms", lane.exit);
    drawing.path("exit", cross, exited.as_str());
}

fn bar(
    drawing: &mut Drawing,
    scale: &Scale,
    class: &str,
    top: f64,
    span: Span,
    what: &str,
    label: &str,
) {
    let Span { begin, end } = span;
    let (x, width) = (scale.x(begin), (scale.x(end) - scale.x(begin)).max(1.0));
    let rect = Rect { x, y: top, width, height: BAR, radius: 3.0 };
    let title = format!("{what}: {begin:.1} to {end:.1} ms");
    drawing.rect(class, rect, title.as_str());
    if width >= LABELLED * label.len().div_ceil(2) as f64 {
        drawing.text("middle", x + width / 2.0, top + BAR / 2.0 + 5.0, label);
    }
}

/// The parent's lane: a number at each result, moved right if the one before is too near.
fn results(drawing: &mut Drawing, scale: &Scale, timeline: &Timeline, index: usize) {
    let top = LANE * index as f64 + 10.0;
    let base = top + BAR / 2.0 + 5.0;
    drawing.text("", 0.0, base, "results");
    let mut free = 0.0_f64;
    for (identifier, time) in &timeline.results {
        let x = scale.x(*time);
        let label = (x + 4.0).max(free);
        free = label + 10.0;
        let title = format!("result {identifier} at {time:.1} ms");
        drawing.path("result", format_args!("M{x:.1} {top:.1}v{BAR:.1}"), title.as_str());
        drawing.text("", label, base, identifier);
    }
}
