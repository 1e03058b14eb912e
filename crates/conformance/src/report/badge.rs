//! A badge: how many MUST requirements one pool meets, as a small SVG.
//!
//! Its text says everything that its colour does. Widths are estimated and then enforced by `textLength`,
//! since the reader's font is unknown.

use procpool_drawing::escaped;

use super::matrix::Matrix;
use super::results::{Results, Verdict};

/// The average width of a character in the badge's font.
const CHARACTER: f64 = 6.6;
const PADDING: f64 = 7.0;
const HEIGHT: f64 = 20.0;
const LEFT: &str = "conformance";

/// Draws the badge of a run: of the named one, or of the only one.
///
/// # Errors
///
/// No run has that name, or several have it, or there are several and none was named: lists the names.
pub fn badge(results: &Results, name: Option<&str>) -> Result<String, String> {
    let matrix = Matrix::of(results);
    let column = column(&matrix, name)?;
    let counts = matrix.counts(column);
    let must = counts.must();
    let dead = matrix.runs[column].description.is_none();
    let (right, colour) = match (dead, must.holds, must.all) {
        (true, ..) => ("adapter error".to_owned(), "#b3261e"),
        (_, _, 0) => ("no MUST tested".to_owned(), "#57606a"),
        (_, holds, all) if holds == all => (format!("{holds}/{all} MUST"), "#1a7f37"),
        (_, holds, all) => (format!("{holds}/{all} MUST"), "#9a5b00"),
    };
    let mut title = format!("{}: {LEFT} {right}", matrix.names[column]);
    let unsupported = counts.get(Verdict::Unsupported);
    if unsupported > 0 {
        title += &format!("; cases that are not for this pool: {unsupported}");
    }
    Ok(draw(&title, &right, colour))
}

fn column(matrix: &Matrix<'_>, name: Option<&str>) -> Result<usize, String> {
    let known = || {
        let names: Vec<String> = matrix.names.iter().map(|name| format!("\n  {name}")).collect();
        names.concat()
    };
    match name {
        None => match matrix.runs.len() {
            1 => Ok(0),
            _ => Err(format!("there are several runs; choose one by --run:{}", known())),
        },
        Some(wanted) => {
            let is = |column: &usize| {
                matrix.names[*column] == wanted || matrix.runs[*column].adapter == wanted
            };
            (0..matrix.runs.len())
                .find(is)
                .ok_or_else(|| format!("no run is called {wanted:?}; there are:{}", known()))
        }
    }
}

fn draw(title: &str, right: &str, colour: &str) -> String {
    let text = |text: &str| text.chars().count() as f64 * CHARACTER;
    let left_box = text(LEFT) + 2.0 * PADDING;
    let right_box = text(right) + 2.0 * PADDING;
    let width = left_box + right_box;
    let title = escaped(title);
    let label = |x: f64, content: &str| {
        format!(
            "<text x=\"{x:.1}\" y=\"14\" textLength=\"{:.1}\">{}</text>",
            text(content),
            escaped(content)
        )
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.1}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n\
         <title>{title}</title>\n\
         <rect width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"3\" fill=\"#3b4148\"/>\n\
         <path d=\"M{left_box:.1} 0h{:.1}a3 3 0 0 1 3 3v14a3 3 0 0 1 -3 3h-{:.1}z\" fill=\"{colour}\"/>\n\
         <g fill=\"#fff\" font-family=\"Verdana, DejaVu Sans, sans-serif\" font-size=\"11\">\n{}\n{}\n</g>\n</svg>\n",
        right_box - 3.0,
        right_box - 3.0,
        label(PADDING, LEFT),
        label(left_box + PADDING, right),
    )
}
