//! A chart as SVG: a dot per contender on a logarithmic scale, the best first, and each limit as a line
//! besides. Values have a column of their own, where nothing crosses them.
//!
//! It stands alone, in an image tag too, so its colours are in it: a light set and a dark one,
//! chosen by the reader's preference. Inside a page of the book the page's style sheet has them, by
//! class, and the page has the title. What a colour says is said by a text as well. Title and
//! description come from the same numbers as the dots.

use std::fmt::Write;

use crate::row::{Better, Chart, Contender, Kind};
use crate::target::number;

/// Left of the dots are the names.
const LEFT: f64 = 240.0;
const WIDTH: f64 = 400.0;
/// Right of the dots: the values.
const RIGHT: f64 = 120.0;
/// Above the dots: what is measured, and the scale. A title, if there is one, is above both.
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

/// Draws a chart that stands alone.
pub(crate) fn draw(chart: &Chart) -> String {
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" viewBox="0 {} {} {}">"#,
        -TITLE,
        LEFT + WIDTH + RIGHT,
        bottom(chart) + TITLE,
    );
    let title = escaped(&chart.title);
    let _ = writeln!(svg, r#"<title id="title">{title}</title>"#);
    let _ = writeln!(svg, r#"<desc id="desc">{}</desc>"#, escaped(&sentences(chart)));
    let _ = writeln!(svg, "<style>\n{STYLE}</style>");
    let _ = writeln!(svg, r#"<text class="title" x="8" y="-4">{title}</text>"#);
    marks(&mut svg, chart);
    svg.push_str("</svg>\n");
    svg
}

/// Draws a chart that stands in a page, below its title.
pub(crate) fn draw_inside(chart: &Chart) -> String {
    let mut svg = String::new();
    let label = format!("{}. {}", chart.title, sentences(chart));
    let _ = writeln!(
        svg,
        r#"<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">"#,
        LEFT + WIDTH + RIGHT,
        bottom(chart),
        escaped(&label),
    );
    marks(&mut svg, chart);
    svg.push_str("</svg>\n");
    svg
}

/// The contenders of a chart: the best first, and last those of whom nothing was measured.
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

fn marks(svg: &mut String, chart: &Chart) {
    let (scale, bottom) = (Scale::new(&chart.contenders), bottom(chart));
    let ranked = ranked(chart);
    axis(svg, chart, &scale, bottom);
    for limit in ranked.iter().filter(|it| it.kind == Kind::Limit && !it.blocks.is_empty()) {
        let x = scale.x(limit.median());
        let _ = writeln!(svg, r#"<path class="limit" d="M{x:.1} {TOP:.1}V{bottom:.1}"/>"#);
    }
    for (row, contender) in ranked.into_iter().enumerate() {
        name(svg, contender, middle(row));
        match contender.blocks.is_empty() {
            true => reason(svg, contender, middle(row)),
            false => dot(svg, chart, contender, &scale, middle(row)),
        }
    }
}

/// From values to places: powers of ten are equally far apart.
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

fn axis(svg: &mut String, chart: &Chart, scale: &Scale, bottom: f64) {
    let direction = match chart.better {
        Better::Lower => "← better",
        Better::Higher => "better →",
    };
    let _ =
        writeln!(svg, r#"<text class="faint end" x="{}" y="18">{direction}</text>"#, LEFT + WIDTH);
    let (x, unit) = (LEFT + WIDTH + RIGHT - 8.0, escaped(&chart.unit));
    let _ = writeln!(svg, r#"<text class="faint end" x="{x}" y="18">{unit}</text>"#);
    for power in scale.from..=scale.to {
        let x = scale.x(10f64.powi(power));
        let _ = writeln!(svg, r#"<path class="grid" d="M{x:.1} {:.1}V{bottom:.1}"/>"#, TOP - 6.0);
        let (y, label) = (TOP - 12.0, quantity(10f64.powi(power), &chart.unit));
        let _ = writeln!(svg, r#"<text class="faint middle" x="{x:.1}" y="{y:.1}">{label}</text>"#);
    }
}

fn name(svg: &mut String, contender: &Contender, middle: f64) {
    let (x, y, name) = (LEFT - 12.0, middle + 4.5, escaped(&contender.name));
    let (class, remark) = match contender {
        Contender { kind: Kind::Procpool, .. } => ("strong end", ""),
        Contender { kind: Kind::Limit, .. } => ("end", " (limit)"),
        Contender { by_hand: true, .. } => ("end", " (by hand)"),
        _ => ("end", ""),
    };
    let _ = writeln!(svg, r#"<text class="{class}" x="{x}" y="{y:.1}">{name}{remark}</text>"#);
}

fn dot(svg: &mut String, chart: &Chart, contender: &Contender, scale: &Scale, middle: f64) {
    let (x, value) = (scale.x(contender.median()), quantity(contender.median(), &chart.unit));
    let _ = writeln!(svg, r#"<path class="grid" d="M{LEFT} {middle:.1}H{x:.1}"/>"#);
    let class = match contender.kind {
        Kind::Procpool => "ours",
        Kind::Peer => "peer",
        Kind::Limit => "limit-mark",
    };
    let _ = writeln!(svg, r#"<circle class="{class}" cx="{x:.1}" cy="{middle:.1}" r="{RADIUS}"/>"#);
    let (x, y) = (LEFT + WIDTH + RIGHT - 8.0, middle + 4.5);
    let _ = writeln!(svg, r#"<text class="end" x="{x}" y="{y:.1}">{value}</text>"#);
}

/// Why there is no dot. The whole reason is in the table.
fn reason(svg: &mut String, contender: &Contender, middle: f64) {
    let why = contender.absent.as_deref().unwrap_or("not measured");
    let text = escaped(&why.chars().take(70).collect::<String>());
    let (x, y) = (LEFT + 6.0, middle + 4.5);
    let _ = writeln!(svg, r#"<text class="faint" x="{x:.1}" y="{y:.1}">{text}</text>"#);
}

/// What the drawing shows, for those who do not see it.
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

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
