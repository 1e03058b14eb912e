//! Timelines: lanes of bars and marks over time. The one renderer of the book's figures, of the suite's
//! failures and of recorded pools.
//!
//! Owns the scale, the axis, the layout of lanes, and a limit on the size of a drawing. Knows no pool: a
//! caller names the lanes, the classes and the titles. A text or a shape repeats the meaning of every
//! colour.

use std::collections::HashMap;
use std::fmt::Write;

use crate::{Drawing, Rect};

/// The width of time in a page. With the names and `MARGIN` it makes the width of a page's text.
const PAGE_WIDTH: f64 = 634.0;
/// The width of time in a drawing of its own.
const WIDTH: f64 = 1000.0;
/// Right of time: room for the labels of strokes at the very end.
const MARGIN: f64 = 40.0;
/// From lane to lane, and the height of the bars in one.
const LANE: f64 = 44.0;
const BAR: f64 = 26.0;
/// A bar that has less for every two letters has no room for its label.
const LABELLED: f64 = 12.0;
/// For each letter of a lane's name.
const LETTER: f64 = 9.5;
/// The most lanes of a drawing. More make a picture that no screen shows.
const LANES: usize = 200;

/// The colours of a drawing of its own. A page has them in its own style sheet.
const STYLE: &str = "\
  svg { background: #fff; font: 13px sans-serif; }
  text { fill: #1a1a1a; }
  .middle { text-anchor: middle; }
  .end { text-anchor: end; }
  .grid { stroke: #ddd; }
  .life { stroke: #1a1a1a; stroke-width: 2; }
  .exit, .result { stroke: #1a1a1a; stroke-width: 1.5; fill: none; }
  .bad { stroke: #a01818; stroke-width: 2.5; fill: none; }
  rect { stroke: #1a1a1a; stroke-width: 0.5; }
  .step { fill: #c9d3e0; }
  rect.start { fill: #eee; }
  .initializer { fill: #fff; stroke-dasharray: 4 3; stroke-width: 1; }
  .task { fill: #a9cbe8; }
  .finalizer { fill: #eee; stroke-dasharray: 4 3; }
  .failed { fill: #e8a9a9; }
  .open { stroke: #a01818; stroke-width: 2; }
";

/// A stretch of time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// When it begins.
    pub begin: f64,
    /// When it ends.
    pub end: f64,
}

/// Something in a lane. Later ones cover earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A line from the start of a process to its end.
    Life(Span),
    /// A bar with a label, if there is room.
    Bar {
        /// Its classes: how it looks.
        class: &'static str,
        /// From where to where.
        span: Span,
        /// Its text.
        label: String,
        /// Its tooltip.
        title: String,
        /// Its replacement in a text.
        letter: char,
    },
    /// A dot.
    Start(Mark),
    /// A cross. Its class says how it looks.
    Exit(&'static str, Mark),
    /// A stroke with a label beside it, if there is room: a short one moves right, over other strokes.
    Stroke(&'static str, Mark, String),
}

/// A moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// When, in milliseconds.
    pub at: f64,
    /// Its tooltip.
    pub title: String,
}

/// A lane.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lane {
    /// The name left of it.
    pub name: String,
    /// From back to front; bars in the order of time.
    pub parts: Vec<Part>,
}

/// A timeline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// From top to bottom.
    pub lanes: Vec<Lane>,
    /// The last moment, in milliseconds. The first is 0.
    pub end: f64,
    /// Since when the milliseconds are counted, as in "ms since map was called".
    pub since: String,
}

impl Timeline {
    /// Draws it for a page, whose style sheet has the colours of the class `timeline`. `label` describes it
    /// for readers who cannot see it.
    pub fn in_page(&self, label: &str) -> String {
        self.draw(PAGE_WIDTH, |view| Drawing::in_page("timeline", view, label))
    }

    /// Draws it for a file. `title` names it, and `description` describes it for readers who cannot see it.
    pub fn alone(&self, title: &str, description: &str) -> String {
        self.draw(WIDTH, |view| Drawing::alone(view, title, description, STYLE))
    }

    fn draw(&self, width: f64, begin: impl FnOnce([f64; 4]) -> Drawing) -> String {
        let rows = self.lanes.len().min(LANES);
        let names = self.lanes.iter().map(|lane| lane.name.chars().count()).max().unwrap_or(0);
        let scale = Scale::new(self.end, names as f64 * LETTER, width);
        let bottom = LANE * rows as f64;
        let mut drawing = begin([0.0, 0.0, scale.left + width + MARGIN, bottom + 42.0]);
        axis(&mut drawing, &scale, bottom, &self.since);
        for (row, lane) in self.lanes.iter().take(LANES).enumerate() {
            drawing.text("", 0.0, LANE * row as f64 + 10.0 + BAR / 2.0 + 5.0, &lane.name);
            Row { scale: &scale, top: LANE * row as f64 + 10.0, free: 0.0, drawn: HashMap::new() }
                .draw(&mut drawing, lane);
        }
        if self.lanes.len() > LANES {
            let more = format!("{} more lanes are not drawn", self.lanes.len() - LANES);
            drawing.text("", 0.0, bottom + 36.0, more);
        }
        drawing.finish()
    }

    /// Draws the lanes of processes with one character per interval: the letter of a bar, `·` between
    /// bars, `x` at an exit.
    pub fn text(&self) -> String {
        /// More show shorter bars; fewer fit smaller screens.
        const CELLS: usize = 64;
        let step = self.end.max(1.0) / (CELLS - 1) as f64;
        let is_life = |part: &Part| matches!(part, Part::Life(_));
        let lanes = || self.lanes.iter().filter(|lane| lane.parts.iter().any(is_life));
        let names = lanes().map(|lane| lane.name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for lane in lanes().take(LANES) {
            let cells: String = (0..CELLS)
                // One cell ends exactly where the next one begins, also after rounding.
                .map(|cell| at(lane, cell as f64 * step, (cell + 1) as f64 * step))
                .collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:names$}  {}", lane.name, cells.trim_end());
        }
        let _ = writeln!(text, "one character is {step:.1} ms");
        text
    }
}

/// The state of a lane from `time` to `end`; the shortest event wins.
fn at(lane: &Lane, time: f64, end: f64) -> char {
    let middle = (time + end) / 2.0;
    let mut cell = ' ';
    for part in &lane.parts {
        match part {
            Part::Exit(_, Mark { at, .. }) if (time..end).contains(at) => return 'x',
            Part::Bar { span, letter, .. } if span.begin <= middle && middle < span.end => {
                cell = *letter;
            }
            Part::Life(life) if cell == ' ' && end > life.begin && time <= life.end => cell = '·',
            _ => {}
        }
    }
    cell
}

/// From milliseconds to positions.
struct Scale {
    left: f64,
    width: f64,
    end: f64,
    /// How far the marks of the axis are apart, in milliseconds: 1, 2 or 5 and zeros.
    tick: f64,
}

impl Scale {
    fn new(last: f64, left: f64, width: f64) -> Self {
        let end = last.max(1.0);
        // At most eight marks; closer ones would touch on a small screen.
        let rough = end / 8.0;
        let magnitude = 10f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * magnitude >= rough);
        Self { left, width, end, tick: factor.unwrap_or(10.0) * magnitude }
    }

    fn x(&self, time: f64) -> f64 {
        self.left + time.max(0.0) / self.end * self.width
    }
}

fn axis(drawing: &mut Drawing, scale: &Scale, bottom: f64, since: &str) {
    let mut time = 0.0;
    while time <= scale.end {
        let x = scale.x(time);
        drawing.path("grid", format_args!("M{x:.1} 6V{bottom:.1}"), None);
        drawing.text("middle", x, bottom + 18.0, format_args!("{time:.0}"));
        time += scale.tick;
    }
    drawing.text("end", scale.left + scale.width, bottom + 36.0, since);
}

/// A lane while it is drawn.
struct Row<'a> {
    scale: &'a Scale,
    top: f64,
    /// Where the next label of a stroke may begin.
    free: f64,
    /// The last position at which something narrow of each class was drawn. A second one there would not
    /// be seen; so the size of a drawing has a limit, whatever it shows.
    drawn: HashMap<&'static str, f64>,
}

impl Row<'_> {
    fn draw(&mut self, drawing: &mut Drawing, lane: &Lane) {
        for part in &lane.parts {
            self.part(drawing, part);
        }
    }

    fn part(&mut self, drawing: &mut Drawing, part: &Part) {
        let (top, middle) = (self.top, self.top + BAR / 2.0);
        match part {
            Part::Life(Span { begin, end }) => {
                let (begin, end) = (self.scale.x(*begin), self.scale.x(*end));
                if !self.is_covered("life", begin, end - begin) {
                    drawing.path("life", format_args!("M{begin:.1} {middle:.1}H{end:.1}"), None);
                }
            }
            Part::Bar { class, span, label, title, .. } => {
                let x = self.scale.x(span.begin);
                let width = (self.scale.x(span.end) - x).max(1.0);
                if self.is_covered(class, x, width) {
                    return;
                }
                let rect = Rect { x, y: top, width, height: BAR, radius: 3.0 };
                drawing.rect(class, rect, title.as_str());
                if width >= LABELLED * label.chars().count().div_ceil(2) as f64 {
                    drawing.text("middle", x + width / 2.0, middle + 5.0, label);
                }
            }
            Part::Start(Mark { at, title }) => {
                let x = self.scale.x(*at);
                if !self.is_covered("dot", x, 0.0) {
                    drawing.circle("start", x, middle, 4.0, title.as_str());
                }
            }
            Part::Exit(class, Mark { at, title }) => {
                let x = self.scale.x(*at);
                if !self.is_covered(class, x, 0.0) {
                    let cross = format!("M{:.1} {:.1}l8 8m0 -8l-8 8", x - 4.0, middle - 4.0);
                    drawing.path(class, cross, title.as_str());
                }
            }
            Part::Stroke(class, Mark { at, title }, text) => {
                let x = self.scale.x(*at);
                let place = self.place(x, text.chars().count());
                if place.is_none() && self.is_covered(class, x, 0.0) {
                    return;
                }
                drawing.path(class, format_args!("M{x:.1} {top:.1}v{BAR:.1}"), title.as_str());
                if let Some((anchor, x)) = place {
                    drawing.text(anchor, x, middle + 5.0, text);
                }
            }
        }
    }

    /// Where the label of a stroke has room, if it has: right of it, moved if it is short, or left of it.
    /// Returns its anchor and its position.
    fn place(&mut self, x: f64, letters: usize) -> Option<(&'static str, f64)> {
        /// For each letter of a label but the first, which has some room around it.
        const LETTER: f64 = 7.0;
        let width = 10.0 + LETTER * letters.saturating_sub(1) as f64;
        let right = self.scale.left + self.scale.width + MARGIN;
        let (label, is_short) = ((x + 4.0).max(self.free), letters <= 2);
        if label + width <= right && (is_short || x + 4.0 >= self.free) {
            self.free = label + width;
            return Some(("", label));
        }
        let is_left = x - 4.0 - width >= self.free;
        self.free = if is_left { x + 4.0 } else { self.free };
        is_left.then_some(("end", x - 4.0))
    }

    /// Whether something of this class and width would not be seen beside the last one.
    fn is_covered(&mut self, class: &'static str, x: f64, width: f64) -> bool {
        let is_covered =
            width <= 1.0 && self.drawn.get(class).is_some_and(|last| (x - last).abs() < 1.0);
        if !is_covered && width <= 1.0 {
            self.drawn.insert(class, x);
        }
        is_covered
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn bar(class: &'static str, begin: f64, end: f64) -> Part {
        let (label, title) = ("b".to_owned(), format!("{class} at {begin}"));
        Part::Bar { class, span: Span { begin, end }, label, title, letter: 'b' }
    }

    fn mark(at: f64) -> Mark {
        Mark { at, title: format!("at {at}") }
    }

    fn lane(name: &str, parts: Vec<Part>) -> Lane {
        Lane { name: name.to_owned(), parts }
    }

    /// The titles of the elements with this name.
    fn titles(svg: &str, name: &str) -> Vec<String> {
        let document = Document::parse(svg).expect("it is well-formed");
        let shapes = document.descendants().filter(|node| node.has_tag_name(name));
        shapes.filter_map(|node| node.first_child()?.text().map(str::to_owned)).collect()
    }

    #[test]
    fn every_part_is_drawn_with_its_title_to_scale() {
        let life = Part::Life(Span { begin: 0.0, end: 100.0 });
        let exit = Part::Exit("bad", mark(100.0));
        let parts = vec![life, bar("task", 50.0, 75.0), Part::Start(mark(0.0)), exit];
        let strokes = vec![Part::Stroke("result", mark(25.0), "r".to_owned())];
        let lanes = vec![lane("one", parts), lane("other", strokes)];
        let timeline = Timeline { lanes, end: 100.0, since: "ms".to_owned() };
        let svg = timeline.alone("a title", "a description");
        assert_eq!(titles(&svg, "rect"), ["task at 50"]);
        assert_eq!(titles(&svg, "circle"), ["at 0"]);
        assert_eq!(titles(&svg, "path"), ["at 100", "at 25"]);
        let x = LETTER * 5.0 + WIDTH / 2.0;
        assert!(svg.contains(&format!("<rect class=\"task\" x=\"{x:.1}\"")), "{svg}");
        assert!(svg.contains(&format!("width=\"{:.1}\"", WIDTH / 4.0)), "{svg}");
    }

    #[test]
    fn a_drawing_of_any_number_of_short_bars_has_a_limit() {
        let many = |count: u32| {
            let begins = (0..count).map(|index| f64::from(index) * 1000.0 / f64::from(count));
            let bars = begins.clone().map(|at| bar("task", at, at + 0.001));
            let marks = begins.flat_map(|at| {
                [Part::Exit("exit", mark(at)), Part::Stroke("bad", mark(at), "s".to_owned())]
            });
            let lanes = vec![lane("one", bars.chain(marks).collect())];
            Timeline { lanes, end: 1000.0, since: String::new() }.alone("", "").lines().count()
        };
        assert!(many(100_000) < 3 * WIDTH as usize + 300, "{}", many(100_000));
        assert!(many(300) > 900, "few are all drawn: {}", many(300));
    }

    #[test]
    fn more_lanes_than_a_screen_has_are_counted() {
        let lanes = (0..203).map(|lane_| lane(&lane_.to_string(), vec![])).collect();
        let svg = Timeline { lanes, end: 1.0, since: String::new() }.alone("", "");
        assert!(svg.contains(">199<") && !svg.contains(">200<"), "{svg}");
        assert!(svg.contains(">3 more lanes are not drawn<"), "{svg}");
    }

    #[test]
    fn a_text_shows_bars_exits_and_time_between() {
        let lives = [Span { begin: 0.0, end: 20.0 }, Span { begin: 40.0, end: 63.0 }];
        let mut parts: Vec<Part> = lives.into_iter().map(Part::Life).collect();
        parts.extend([bar("task", 5.0, 15.0), Part::Exit("exit", mark(20.0))]);
        let lanes = vec![lane("one", parts), lane("no process", vec![])];
        let text = Timeline { lanes, end: 63.0, since: String::new() }.text();
        let expected =
            format!("one  {}bbbbbbbbbb·····x{}{}\n", "·".repeat(5), " ".repeat(19), "·".repeat(24));
        assert_eq!(text, expected + "one character is 1.0 ms\n");
    }
}
