//! A timeline as SVG, to stand in a page.
//!
//! Colours come from the page's style sheet, by class, so the drawing follows the page's theme.
//! Everything that a colour says is said by a text or a shape too.

use std::fmt::Write;

use super::text::sentences;
use super::{Lane, Span, Timeline};

/// Where time begins: left of it are the names of the lanes.
const LEFT: f64 = 76.0;
/// The width of time. With `LEFT` and `MARGIN` it makes the width of a page's text.
const WIDTH: f64 = 634.0;
/// Right of time: room for the numbers of results that come at the very end.
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
    let height = LANE * rows as f64 + 42.0;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg class="timeline" role="img" viewBox="0 0 {} {height}" aria-label="{}">"#,
        LEFT + WIDTH + MARGIN,
        sentences(timeline),
    );
    axis(&mut svg, &scale, LANE * rows as f64);
    for (index, lane) in timeline.lanes.iter().enumerate() {
        draw_lane(&mut svg, &scale, lane, index);
    }
    results(&mut svg, &scale, timeline, timeline.lanes.len());
    svg.push_str("</svg>\n");
    svg
}

/// From milliseconds to places.
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

fn axis(svg: &mut String, scale: &Scale, bottom: f64) {
    let mut time = 0.0;
    while time <= scale.end {
        let x = scale.x(time);
        let _ = writeln!(svg, r#"<path class="grid" d="M{x:.1} 6V{bottom:.1}"/>"#);
        let y = bottom + 18.0;
        let _ = writeln!(svg, r#"<text class="middle" x="{x:.1}" y="{y:.1}">{time:.0}</text>"#);
        time += scale.tick;
    }
    let (x, y) = (LEFT + WIDTH, bottom + 36.0);
    let _ = writeln!(svg, r#"<text class="end" x="{x}" y="{y}">ms since map was called</text>"#);
}

fn draw_lane(svg: &mut String, scale: &Scale, lane: &Lane, index: usize) {
    let top = LANE * index as f64 + 10.0;
    let middle = top + BAR / 2.0;
    let _ = writeln!(svg, r#"<text x="0" y="{:.1}">worker {}</text>"#, middle + 5.0, index + 1);
    // The worker's life, from its start to its exit.
    let (start, exit) = (scale.x(lane.started), scale.x(lane.exit));
    let _ = writeln!(svg, r#"<path class="life" d="M{start:.1} {middle:.1}H{exit:.1}"/>"#);
    bar(svg, scale, "initializer", top, lane.initializer, "initializer", "init");
    for (identifier, span) in &lane.tasks {
        let number = identifier.to_string();
        bar(svg, scale, "task", top, *span, &format!("task {identifier}"), &number);
    }
    // After the bars, which would cover them.
    let _ = writeln!(
        svg,
        r#"<circle class="start" cx="{start:.1}" cy="{middle:.1}" r="4"><title>started at {:.1} ms</title></circle>"#,
        lane.started,
    );
    let _ = writeln!(
        svg,
        r#"<path class="exit" d="M{:.1} {:.1}l8 8m0 -8l-8 8"><title>left at {:.1} ms</title></path>"#,
        exit - 4.0,
        middle - 4.0,
        lane.exit,
    );
}

fn bar(
    svg: &mut String,
    scale: &Scale,
    class: &str,
    top: f64,
    span: Span,
    what: &str,
    label: &str,
) {
    let Span { begin, end } = span;
    let (x, width) = (scale.x(begin), (scale.x(end) - scale.x(begin)).max(1.0));
    let _ = writeln!(
        svg,
        r#"<rect class="{class}" x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{BAR}" rx="3"><title>{what}: {begin:.1} to {end:.1} ms</title></rect>"#,
    );
    if width >= LABELLED * label.len().div_ceil(2) as f64 {
        let (x, y) = (x + width / 2.0, top + BAR / 2.0 + 5.0);
        let _ = writeln!(svg, r#"<text class="middle" x="{x:.1}" y="{y:.1}">{label}</text>"#);
    }
}

/// The parent's lane: a number where a result is given, moved right if the one before is too near.
fn results(svg: &mut String, scale: &Scale, timeline: &Timeline, index: usize) {
    let top = LANE * index as f64 + 10.0;
    let base = top + BAR / 2.0;
    let _ = writeln!(svg, r#"<text x="0" y="{:.1}">results</text>"#, base + 5.0);
    let mut free = 0.0_f64;
    for (identifier, time) in &timeline.results {
        let x = scale.x(*time);
        let label = (x + 4.0).max(free);
        free = label + 10.0;
        let _ = writeln!(
            svg,
            r#"<path class="result" d="M{x:.1} {:.1}v{:.1}"><title>result {identifier} at {time:.1} ms</title></path>"#,
            top, BAR,
        );
        let _ = writeln!(svg, r#"<text x="{label:.1}" y="{:.1}">{identifier}</text>"#, base + 5.0);
    }
}
