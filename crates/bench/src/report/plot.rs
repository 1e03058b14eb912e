//! A chart as SVG: a bar per contender on a logarithmic scale, and the limit as a line.
//!
//! It stands alone, in an image tag too, so its colours are in it: a light set and a dark one,
//! chosen by the reader's preference. Inside a page of the book the page's style sheet has them, by
//! class. What a colour says is said by a text as well. Title and description come from the same
//! numbers as the bars.

use std::fmt::Write;

use crate::row::{Better, Chart, Contender, Kind};
use crate::target::number;

/// Left of the bars are the names.
const LEFT: f64 = 220.0;
const WIDTH: f64 = 420.0;
/// Right of the bars: room for the number of the longest.
const RIGHT: f64 = 120.0;
/// Above the bars: title, scale, and the limit's name.
const TOP: f64 = 64.0;
/// From bar to bar, and the height of one.
const STEP: f64 = 26.0;
const BAR: f64 = 18.0;

const STYLE: &str = "\
  svg { color: #1f2328; background: #ffffff; font: 13px system-ui, sans-serif; }
  text { fill: currentColor; }
  .title { font-size: 15px; font-weight: 600; }
  .faint { fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .ours { fill: #0969da; }
  .peer { fill: #9aa4ae; }
  .limit { stroke: #bc4c00; stroke-width: 2; stroke-dasharray: 5 3; }
  .limit-name { fill: #bc4c00; }
  .end { text-anchor: end; }
  .middle { text-anchor: middle; }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6edf3; background: #0d1117; }
    .faint { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .ours { fill: #4493f8; }
    .peer { fill: #656c76; }
    .limit { stroke: #f0883e; }
    .limit-name { fill: #f0883e; }
  }
";

/// Draws a chart that stands alone.
pub(crate) fn draw(chart: &Chart) -> String {
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" viewBox="{}">"#,
        view(chart),
    );
    let _ = writeln!(svg, r#"<title id="title">{}</title>"#, escaped(&chart.title));
    let _ = writeln!(svg, r#"<desc id="desc">{}</desc>"#, escaped(&sentences(chart)));
    let _ = writeln!(svg, "<style>\n{STYLE}</style>");
    marks(&mut svg, chart);
    svg.push_str("</svg>\n");
    svg
}

/// Draws a chart that stands in a page, with others beside it.
pub(crate) fn draw_inside(chart: &Chart) -> String {
    let mut svg = String::new();
    let label = format!("{}. {}", chart.title, sentences(chart));
    let _ = writeln!(
        svg,
        r#"<svg class="chart" role="img" viewBox="{}" aria-label="{}">"#,
        view(chart),
        escaped(&label),
    );
    marks(&mut svg, chart);
    svg.push_str("</svg>\n");
    svg
}

/// Who has a bar: everybody but the limits.
fn bars(chart: &Chart) -> impl Iterator<Item = (&Contender, f64)> {
    let bars = chart.contenders.iter().filter(|contender| contender.kind != Kind::Limit);
    bars.enumerate().map(|(index, contender)| (contender, TOP + STEP * index as f64))
}

fn bottom(chart: &Chart) -> f64 {
    TOP + STEP * bars(chart).count() as f64
}

fn view(chart: &Chart) -> String {
    format!("0 0 {} {}", LEFT + WIDTH + RIGHT, bottom(chart) + 14.0)
}

fn marks(svg: &mut String, chart: &Chart) {
    let (scale, bottom) = (Scale::new(&chart.contenders), bottom(chart));
    let title = escaped(&chart.title);
    let _ = writeln!(svg, r#"<text class="title" x="8" y="20">{title}</text>"#);
    axis(svg, chart, &scale, bottom);
    // The line is over the bars and under the texts.
    for (contender, top) in bars(chart) {
        bar(svg, contender, &scale, top);
    }
    for limit in chart.contenders.iter().filter(|contender| contender.kind == Kind::Limit) {
        limit_line(svg, limit, &scale, bottom);
    }
    for (contender, top) in bars(chart) {
        label(svg, contender, &scale, top);
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
        // The shortest bar has a length: it does not start at its own value.
        let from = (least.log10() - 0.15).floor() as i32;
        Self { from, to: (most.log10().ceil() as i32).max(from + 1) }
    }

    fn x(&self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        LEFT + share.clamp(0.0, 1.0) * WIDTH
    }
}

fn axis(svg: &mut String, chart: &Chart, scale: &Scale, bottom: f64) {
    let direction = match chart.better {
        Better::Lower => "shorter is better",
        Better::Higher => "longer is better",
    };
    let (x, unit) = (LEFT + WIDTH + RIGHT - 8.0, escaped(&chart.unit));
    let _ = writeln!(svg, r#"<text class="faint end" x="{x}" y="20">{unit}, {direction}</text>"#);
    for power in scale.from..=scale.to {
        let x = scale.x(10f64.powi(power));
        let _ = writeln!(svg, r#"<path class="grid" d="M{x:.1} {:.1}V{bottom:.1}"/>"#, TOP - 8.0);
        let (y, label) = (TOP - 12.0, power_of_ten(power));
        let _ = writeln!(svg, r#"<text class="faint middle" x="{x:.1}" y="{y:.1}">{label}</text>"#);
    }
}

fn bar(svg: &mut String, contender: &Contender, scale: &Scale, top: f64) {
    if contender.blocks.is_empty() {
        return;
    }
    let class = if contender.kind == Kind::Procpool { "ours" } else { "peer" };
    let width = (scale.x(contender.median()) - LEFT).max(1.0);
    let _ = writeln!(
        svg,
        r#"<rect class="{class}" x="{LEFT}" y="{top:.1}" width="{width:.1}" height="{BAR}" rx="2"/>"#
    );
}

/// The name, and the number or why there is none.
fn label(svg: &mut String, contender: &Contender, scale: &Scale, top: f64) {
    let y = top + BAR - 4.0;
    let name = escaped(&contender.name);
    let by_hand = if contender.by_hand { " (by hand)" } else { "" };
    let x = LEFT - 8.0;
    let _ = writeln!(svg, r#"<text class="end" x="{x}" y="{y:.1}">{name}{by_hand}</text>"#);
    let (class, x, text) = if contender.blocks.is_empty() {
        let why = contender.absent.as_deref().unwrap_or("not measured");
        // The whole reason is in the table.
        (r#" class="faint""#, LEFT + 6.0, why.chars().take(70).collect())
    } else {
        ("", scale.x(contender.median()) + 6.0, number(contender.median()))
    };
    let text = escaped(&text);
    let _ = writeln!(svg, r#"<text{class} x="{x:.1}" y="{y:.1}">{text}</text>"#);
}

fn limit_line(svg: &mut String, limit: &Contender, scale: &Scale, bottom: f64) {
    if limit.blocks.is_empty() {
        return;
    }
    let x = scale.x(limit.median());
    let _ = writeln!(svg, r#"<path class="limit" d="M{x:.1} {:.1}V{bottom:.1}"/>"#, TOP - 24.0);
    // The name stands on the side where there is more room.
    let (class, place) =
        if x > LEFT + WIDTH / 2.0 { ("limit-name end", x - 6.0) } else { ("limit-name", x + 6.0) };
    let (y, text) = (TOP - 28.0, format!("{}: {}", limit.name, number(limit.median())));
    let _ = writeln!(
        svg,
        r#"<text class="{class}" x="{place:.1}" y="{y:.1}">{}</text>"#,
        escaped(&text)
    );
}

/// What the drawing shows, for those who do not see it.
fn sentences(chart: &Chart) -> String {
    let direction = match chart.better {
        Better::Lower => "less is better",
        Better::Higher => "more is better",
    };
    let mut text = format!("Medians in {}, {direction}.", chart.unit);
    for contender in &chart.contenders {
        let kind = if contender.kind == Kind::Limit { " (the limit)" } else { "" };
        let _ = match (&contender.absent, contender.blocks.is_empty()) {
            (_, false) => {
                write!(text, " {}{kind}: {}.", contender.name, number(contender.median()))
            }
            (Some(why), true) => write!(text, " {}: none, {why}.", contender.name),
            (None, true) => write!(text, " {}: none.", contender.name),
        };
    }
    text
}

/// 10 000 and more, and fractions, are read best as powers.
fn power_of_ten(power: i32) -> String {
    match power {
        0..=3 => number(10f64.powi(power)),
        -2..=-1 => format!("{}", 10f64.powi(power)),
        _ => {
            let digits = power.to_string().chars().map(superscript).collect::<String>();
            format!("10{digits}")
        }
    }
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        other => other.to_digit(10).and_then(|n| char::from_u32(0x2070 + n)).unwrap_or(other),
    }
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
