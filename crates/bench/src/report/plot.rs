//! A chart as SVG: a dot per contender on a logarithmic scale, the best first, and each limit as a line
//! besides. Values have a column of their own, where nothing crosses them.
//!
//! A standalone drawing, for an image tag too, contains its colours: a light set and a dark one, selected
//! by the reader's preference. In a page of the book the page's style sheet has them, by class, and the
//! page has the title. A text repeats the meaning of each colour. Title and description use the same
//! numbers as the dots.

use std::fmt::Write;

use procpool_drawing::Drawing;

use crate::row::{Better, Chart, Contender, Kind};
use crate::target::number;

/// Left of the dots: the names.
const LEFT: f64 = 240.0;
const WIDTH: f64 = 400.0;
/// Right of the dots: the values.
const RIGHT: f64 = 120.0;
/// Above the dots: the operation, and the scale. A title, if there is one, is above both.
const TOP: f64 = 60.0;
const TITLE: f64 = 24.0;
/// From row to row.
const STEP: f64 = 24.0;
const RADIUS: f64 = 5.5;

const STYLE: &str = "\
  svg { color: #1f2328; background: #ffffff; font: 13px system-ui, sans-serif; }
  text { fill: currentColor; }
  .title { font-size: 15px; font-weight: 600; }
  .faint { fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .ours { fill: #0969da; }
  .peer { fill: #7d8791; }
  .limit { stroke: #bc4c00; stroke-width: 2; stroke-dasharray: 5 3; }
  .limit-mark { stroke: #bc4c00; stroke-width: 2; fill: #ffffff; }
  .strong { font-weight: 600; }
  .end { text-anchor: end; }
  .middle { text-anchor: middle; }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6edf3; background: #0d1117; }
    .faint { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .ours { fill: #4493f8; }
    .peer { fill: #8b949e; }
    .limit { stroke: #f0883e; }
    .limit-mark { stroke: #f0883e; fill: #0d1117; }
  }
";

/// Draws a standalone chart.
pub(crate) fn draw(chart: &Chart) -> String {
    let view = [0.0, -TITLE, LEFT + WIDTH + RIGHT, bottom(chart) + TITLE];
    let mut drawing = Drawing::alone(view, &chart.title, &sentences(chart), STYLE);
    drawing.text("title", 8.0, -4.0, &chart.title);
    marks(&mut drawing, chart);
    drawing.finish()
}

/// Draws a chart in a page, below its title.
pub(crate) fn draw_inside(chart: &Chart) -> String {
    let view = [0.0, 0.0, LEFT + WIDTH + RIGHT, bottom(chart)];
    let label = format!("{}. {}", chart.title, sentences(chart));
    let mut drawing = Drawing::in_page("chart", view, &label);
    marks(&mut drawing, chart);
    drawing.finish()
}

/// The contenders of a chart: the best first, and those without a figure last.
pub(super) fn ranked(chart: &Chart) -> Vec<&Contender> {
    let (mut measured, absent): (Vec<_>, Vec<_>) =
        chart.contenders.iter().partition(|contender| !contender.blocks.is_empty());
    measured.sort_by(|a, b| match chart.better {
        Better::Lower => a.median().total_cmp(&b.median()),
        Better::Higher => b.median().total_cmp(&a.median()),
    });
    measured.extend(absent);
    measured
}

/// A value with its unit, scaled to a number of at most three digits before the point.
pub(super) fn quantity(value: f64, unit: &str) -> String {
    let (scaled, unit) = match (unit, value.abs()) {
        ("µs", 1e6..) => (value / 1e6, "s"),
        ("µs", 1e3..) => (value / 1e3, "ms"),
        ("µs", _) => (value, "µs"),
        (_, 1e6..) => (value / 1e6, "M"),
        (_, 1e3..) => (value / 1e3, "k"),
        (_, _) => (value, ""),
    };
    format!("{} {unit}", number(scaled)).trim_end().to_owned()
}

fn bottom(chart: &Chart) -> f64 {
    TOP + STEP * chart.contenders.len() as f64
}

/// The middle of a row.
fn middle(row: usize) -> f64 {
    TOP + STEP * (row as f64 + 0.5)
}

fn marks(drawing: &mut Drawing, chart: &Chart) {
    let (scale, bottom) = (Scale::new(&chart.contenders), bottom(chart));
    let ranked = ranked(chart);
    axis(drawing, chart, &scale, bottom);
    for limit in ranked.iter().filter(|it| it.kind == Kind::Limit && !it.blocks.is_empty()) {
        let x = scale.x(limit.median());
        drawing.path("limit", format_args!("M{x:.1} {TOP:.1}V{bottom:.1}"), None);
    }
    for (row, contender) in ranked.into_iter().enumerate() {
        name(drawing, contender, middle(row));
        match contender.blocks.is_empty() {
            true => reason(drawing, contender, middle(row)),
            false => dot(drawing, chart, contender, &scale, middle(row)),
        }
    }
}

/// From values to positions: powers of ten are equally far apart.
struct Scale {
    /// The powers of ten at both ends.
    from: i32,
    to: i32,
}

impl Scale {
    fn new(contenders: &[Contender]) -> Self {
        let values = contenders.iter().map(Contender::median).filter(|value| *value > 0.0);
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values {
            least = least.min(value);
            most = most.max(value);
        }
        if most == 0.0 {
            return Self { from: 0, to: 1 };
        }
        let from = least.log10().floor() as i32;
        Self { from, to: (most.log10().ceil() as i32).max(from + 1) }
    }

    fn x(&self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        LEFT + share.clamp(0.0, 1.0) * WIDTH
    }
}

fn axis(drawing: &mut Drawing, chart: &Chart, scale: &Scale, bottom: f64) {
    let direction = match chart.better {
        Better::Lower => "← better",
        Better::Higher => "better →",
    };
    drawing.text("faint end", LEFT + WIDTH, 18.0, direction);
    drawing.text("faint end", LEFT + WIDTH + RIGHT - 8.0, 18.0, &chart.unit);
    for power in scale.from..=scale.to {
        let x = scale.x(10f64.powi(power));
        drawing.path("grid", format_args!("M{x:.1} {:.1}V{bottom:.1}", TOP - 6.0), None);
        let label = quantity(10f64.powi(power), &chart.unit);
        drawing.text("faint middle", x, TOP - 12.0, label);
    }
}

fn name(drawing: &mut Drawing, contender: &Contender, middle: f64) {
    let (class, remark) = match contender {
        Contender { kind: Kind::Procpool, .. } => ("strong end", ""),
        Contender { kind: Kind::Limit, .. } => ("end", " (limit)"),
        Contender { by_hand: true, .. } => ("end", " (by hand)"),
        _ => ("end", ""),
    };
    let name = format_args!("{}{remark}", contender.name);
    drawing.text(class, LEFT - 12.0, middle + 4.5, name);
}

fn dot(drawing: &mut Drawing, chart: &Chart, contender: &Contender, scale: &Scale, middle: f64) {
    let x = scale.x(contender.median());
    drawing.path("grid", format_args!("M{LEFT:.1} {middle:.1}H{x:.1}"), None);
    let class = match contender.kind {
        Kind::Procpool => "ours",
        Kind::Peer => "peer",
        Kind::Limit => "limit-mark",
    };
    drawing.circle(class, x, middle, RADIUS, None);
    let value = quantity(contender.median(), &chart.unit);
    drawing.text("end", LEFT + WIDTH + RIGHT - 8.0, middle + 4.5, value);
}

/// The reason why there is no dot. The whole text is in the table.
fn reason(drawing: &mut Drawing, contender: &Contender, middle: f64) {
    let why = contender.absent.as_deref().unwrap_or("not measured");
    let text: String = why.chars().take(70).collect();
    drawing.text("faint", LEFT + 6.0, middle + 4.5, text);
}

/// The description of the drawing, for readers who cannot see it.
fn sentences(chart: &Chart) -> String {
    let direction = match chart.better {
        Better::Lower => "less is better",
        Better::Higher => "more is better",
    };
    let mut text = format!("Medians in {}, {direction}.", chart.unit);
    for contender in ranked(chart) {
        let kind = if contender.kind == Kind::Limit { " (the limit)" } else { "" };
        let _ = match (&contender.absent, contender.blocks.is_empty()) {
            (_, false) => {
                let value = quantity(contender.median(), &chart.unit);
                write!(text, " {}{kind}: {value}.", contender.name)
            }
            (Some(why), true) => write!(text, " {}: none, {why}.", contender.name),
            (None, true) => write!(text, " {}: none.", contender.name),
        };
    }
    text
}
