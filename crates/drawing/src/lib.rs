//! Drawings as SVG, and texts as parts of HTML, SVG and XML.
//!
//! ```
//! use procpool_drawing::{Drawing, Rect};
//!
//! let mut drawing = Drawing::in_page("chart", [0.0, 0.0, 120.0, 20.0], "One bar.");
//! let bar = Rect { x: 10.0, y: 2.0, width: 100.0, height: 16.0, radius: 3.0 };
//! drawing.rect("task", bar, "a & b");
//! assert_eq!(
//!     drawing.finish(),
//!     "<svg class=\"chart\" role=\"img\" viewBox=\"0 0 120 20\" aria-label=\"One bar.\">\n\
//!      <rect class=\"task\" x=\"10.0\" y=\"2.0\" width=\"100.0\" height=\"16.0\" rx=\"3\">\
//!      <title>a &amp; b</title></rect>\n</svg>\n"
//! );
//! ```
//!
//! Owns the syntax of elements: their names, the escaping of texts, and coordinates with one decimal, a
//! tenth of the visible resolution. Colours are set by a style sheet, by class. [`Drawing`] knows neither
//! the subject of a drawing nor any scale; [`timeline`] has lanes over time.

mod markup;
pub mod timeline;

pub use markup::escaped;

use std::fmt::{Display, Write};

/// The visible part of the plane: left and upper edge, width and height.
pub type View = [f64; 4];

/// A rectangle with round corners.
#[derive(Debug, Clone, Copy)]
pub struct Rect {
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// From the left edge to the right one.
    pub width: f64,
    /// From the upper edge to the lower one.
    pub height: f64,
    /// The radius of the corners.
    pub radius: f64,
}

/// A drawing that grows from back to front: later elements cover earlier ones.
#[derive(Debug)]
pub struct Drawing {
    svg: String,
}

impl Drawing {
    /// Begins a drawing inside a page, whose style sheet has its colours. `label` describes it for readers
    /// who cannot see it.
    pub fn in_page(class: &str, view: View, label: &str) -> Self {
        let (view, label) = (view.map(|edge| edge.to_string()).join(" "), escaped(label));
        let svg = format!(
            "<svg class=\"{class}\" role=\"img\" viewBox=\"{view}\" aria-label=\"{label}\">\n"
        );
        Self { svg }
    }

    /// Begins a standalone drawing, for an image tag too, with a style sheet of its own. `title` names it,
    /// and `description` describes it for readers who cannot see it.
    pub fn alone(view: View, title: &str, description: &str, style: &str) -> Self {
        let (title, description) = (escaped(title), escaped(description));
        let view = view.map(|edge| edge.to_string()).join(" ");
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"title desc\" \
             viewBox=\"{view}\">\n<title id=\"title\">{title}</title>\n\
             <desc id=\"desc\">{description}</desc>\n<style>\n{style}</style>\n"
        );
        Self { svg }
    }

    /// Draws a text with its anchor, on the base line, at a position.
    pub fn text(&mut self, class: &str, x: f64, y: f64, text: impl Display) {
        let text = escaped(&text.to_string());
        self.add(format_args!("<text{} x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>", class_of(class)));
    }

    /// Draws a path, given in SVG's path commands.
    pub fn path<'a>(
        &mut self,
        class: &str,
        steps: impl Display,
        title: impl Into<Option<&'a str>>,
    ) {
        self.shape("path", class, format_args!("d=\"{steps}\""), title.into());
    }

    /// Draws a circle around a position.
    pub fn circle<'a>(
        &mut self,
        class: &str,
        x: f64,
        y: f64,
        radius: f64,
        title: impl Into<Option<&'a str>>,
    ) {
        let attributes = format!("cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"");
        self.shape("circle", class, attributes, title.into());
    }

    /// Draws a rectangle.
    pub fn rect<'a>(&mut self, class: &str, rect: Rect, title: impl Into<Option<&'a str>>) {
        let Rect { x, y, width, height, radius } = rect;
        let attributes = format!(
            "x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius}\""
        );
        self.shape("rect", class, attributes, title.into());
    }

    /// Returns the drawing: one element, a line for each of its parts.
    pub fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    /// Draws an element with a tooltip.
    fn shape(&mut self, name: &str, class: &str, attributes: impl Display, title: Option<&str>) {
        let class = class_of(class);
        match title.map(escaped) {
            None => self.add(format_args!("<{name}{class} {attributes}/>")),
            Some(title) => self
                .add(format_args!("<{name}{class} {attributes}><title>{title}</title></{name}>")),
        }
    }

    fn add(&mut self, element: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.svg, "{element}");
    }
}

/// The attribute for a class, if there is one.
fn class_of(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") }
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    const HOSTILE: &str = "</title><script>\"x\" & 'y'\u{7}\n";

    #[test]
    fn any_text_is_drawn_unchanged_and_well_formed() {
        let mut drawing = Drawing::alone([0.0, -1.5, 2.0, 3.0], HOSTILE, HOSTILE, "a > b {}\n");
        drawing.text("end", 1.25, 2.0, HOSTILE);
        drawing.path("", format_args!("M{:.1} 0", 1.0), HOSTILE);
        drawing.circle("c", 0.0, 0.0, 5.5, HOSTILE);
        drawing.rect("r", Rect { x: 0.0, y: 0.0, width: 1.0, height: 1.0, radius: 2.0 }, HOSTILE);
        let svg = drawing.finish();
        let document = Document::parse(&svg).expect("it is well-formed");
        assert_eq!(document.root_element().attribute("viewBox"), Some("0 -1.5 2 3"));
        let said = HOSTILE.replace('\u{7}', "\u{fffd}");
        let texts = document.descendants().filter(|node| node.text() == Some(said.as_str()));
        assert_eq!(texts.filter(|node| node.is_element()).count(), 6, "{svg}");
        assert!(!svg.contains("class=\"\""), "{svg}");
    }

    #[test]
    fn a_label_is_one_attribute() {
        let svg = Drawing::in_page("chart", [0.0; 4], HOSTILE).finish();
        let document = Document::parse(&svg).expect("it is well-formed");
        let label = document.root_element().attribute("aria-label").map(str::trim_end);
        assert_eq!(label, Some(HOSTILE.replace('\u{7}', "\u{fffd}").trim_end()), "{svg}");
    }
}
