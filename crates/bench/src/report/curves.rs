//! Curves over one horizontal axis, in panels one below the other; all scales are logarithmic.
//!
//! The name of a curve stands right of the panel, on the height of its last point, or as near to that as the
//! other names leave room. So nothing is printed over anything else. A point has its values in a tooltip.

use std::fmt::Write;

use procpool_drawing::Drawing;

use super::plot::quantity;
use crate::target::number;

/// Left of a panel: the labels of its lines. Right of it: the names.
const LEFT: f64 = 90.0;
const WIDTH: f64 = 450.0;
const RIGHT: f64 = 210.0;
/// A panel, and above it its title.
const HEIGHT: f64 = 170.0;
const TITLE: f64 = 40.0;
/// Below the last panel: the labels and the name of the horizontal axis.
const BOTTOM: f64 = 46.0;
/// The least distance from name to name.
const LINE: f64 = 18.0;

/// A panel with its own vertical scale.
pub(super) struct Panel<'a> {
    pub(super) title: &'a str,
    pub(super) unit: &'a str,
    pub(super) curves: Vec<Curve<'a>>,
}

/// Points from left to right, connected.
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    /// The class of its dots; that of its line is the same behind `line`.
    pub(super) class: &'a str,
    pub(super) points: Vec<(f64, f64)>,
}

/// The powers of ten at both ends of a scale.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    from: i32,
    to: i32,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| *value > 0.0) {
            least = least.min(value);
            most = most.max(value);
        }
        if most == 0.0 {
            return Self { from: 0, to: 1 };
        }
        let from = least.log10().floor() as i32;
        Self { from, to: (most.log10().ceil() as i32).max(from + 1) }
    }

    /// Where a value lies between both ends, from 0 to 1.
    fn share(self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        share.clamp(0.0, 1.0)
    }

    fn powers(self) -> impl Iterator<Item = f64> {
        (self.from..=self.to).map(|power| 10_f64.powi(power))
    }
}

/// Draws panels over an axis with this name, described for readers who cannot see them.
pub(super) fn draw(what: &str, axis: &str, panels: &[Panel<'_>]) -> String {
    let height = (TITLE + HEIGHT) * panels.len() as f64 + BOTTOM;
    let view = [0.0, 0.0, LEFT + WIDTH + RIGHT, height];
    let mut drawing = Drawing::in_page("chart", view, &sentences(what, axis, panels));
    let points = || panels.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.points);
    let across = Scale::of(points().map(|(x, _)| *x));
    for (index, panel) in panels.iter().enumerate() {
        let top = (TITLE + HEIGHT) * index as f64 + TITLE;
        draw_panel(&mut drawing, panel, axis, across, top);
    }
    let bottom = height - BOTTOM;
    for value in across.powers() {
        drawing.text("middle", x(across, value), bottom + 18.0, number(value));
    }
    drawing.text("faint middle", LEFT + WIDTH / 2.0, bottom + 38.0, axis);
    drawing.finish()
}

fn x(across: Scale, value: f64) -> f64 {
    LEFT + across.share(value) * WIDTH
}

fn draw_panel(drawing: &mut Drawing, panel: &Panel<'_>, axis: &str, across: Scale, top: f64) {
    let values = panel.curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y);
    let upward = Scale::of(values);
    let y = |value: f64| top + (1.0 - upward.share(value)) * HEIGHT;
    drawing.text("strong", LEFT, top - 12.0, panel.title);
    for value in across.powers() {
        let x = x(across, value);
        drawing.path("grid", format_args!("M{x:.1} {top:.1}v{HEIGHT:.1}"), None);
    }
    for value in upward.powers() {
        let y = y(value);
        drawing.path("grid", format_args!("M{LEFT:.1} {y:.1}h{WIDTH:.1}"), None);
        drawing.text("end", LEFT - 10.0, y + 4.5, quantity(value, panel.unit));
    }
    for curve in &panel.curves {
        let mut steps = String::new();
        for (index, (across_value, value)) in curve.points.iter().enumerate() {
            let step = if index == 0 { 'M' } else { 'L' };
            let _ = write!(steps, "{step}{:.1} {:.1}", x(across, *across_value), y(*value));
        }
        drawing.path(&format!("line {}", curve.class), steps, None);
        for (across_value, value) in &curve.points {
            let (x, y) = (x(across, *across_value), y(*value));
            let of = number(*across_value);
            let tooltip = format!("{}, {of} {axis}: {}", curve.name, quantity(*value, panel.unit));
            drawing.circle(curve.class, x, y, 4.5, tooltip.as_str());
        }
    }
    let ends = panel.curves.iter().map(|curve| curve.points.last().map_or(top, |point| y(point.1)));
    for (curve, base) in panel.curves.iter().zip(apart(&ends.collect::<Vec<_>>())) {
        drawing.text("", LEFT + WIDTH + 14.0, base + 4.5, curve.name);
    }
}

/// Moves heights apart until any two differ by a line, each as little as the order permits.
fn apart(heights: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    let mut moved = heights.to_vec();
    for pair in order.windows(2) {
        moved[pair[1]] = moved[pair[1]].max(moved[pair[0]] + LINE);
    }
    moved
}

fn sentences(what: &str, axis: &str, panels: &[Panel<'_>]) -> String {
    let mut text = what.to_owned();
    for panel in panels {
        let _ = write!(text, " {}.", panel.title);
        for curve in &panel.curves {
            let points: Vec<String> = curve
                .points
                .iter()
                .map(|(x, y)| format!("{} with {} {axis}", quantity(*y, panel.unit), number(*x)))
                .collect();
            let _ = write!(text, " {}: {}.", curve.name, points.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_a_line_between_them_and_their_order() {
        assert_eq!(apart(&[100.0, 104.0, 50.0]), [100.0, 118.0, 50.0]);
        assert_eq!(apart(&[104.0, 100.0, 101.0]), [136.0, 100.0, 118.0]);
        assert_eq!(apart(&[]), [0.0; 0]);
    }

    #[test]
    fn ten_times_as_much_is_equally_far_everywhere() {
        let scale = Scale::of([30.0, 0.0, 3_000.0].into_iter());
        assert_eq!(scale, Scale { from: 1, to: 4 });
        let [one, two, three] = [100.0, 1_000.0, 10_000.0].map(|value| scale.share(value));
        assert!((two - one - (three - two)).abs() < 1e-9 && (three - 1.0).abs() < 1e-9);
        assert_eq!(Scale::of([].into_iter()), Scale { from: 0, to: 1 });
    }

    #[test]
    fn every_point_is_drawn_and_described() {
        let points = vec![(10.0, 5.0), (1_000.0, 50_000.0)];
        let curves = vec![Curve { name: "ours", class: "ours", points }];
        let svg = draw("A cost.", "workers", &[Panel { title: "Cost", unit: "µs", curves }]);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("ours: 5 µs with 10 workers, 50 ms with 1,000 workers."), "{svg}");
        // The axes end at powers of ten: 10 and 1,000 across, 1 µs and 100 ms upward.
        assert!(svg.contains("cx=\"90.0\"") && svg.contains("cx=\"540.0\""), "{svg}");
    }
}
