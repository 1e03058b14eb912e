//! Reports: what came of the suite, for people and for other programs.
//!
//! ```text
//! results.json ──▶ Results ──▶ Matrix ──▶ html · markdown · badge
//!                     │ ▲
//!                     │ └── merge
//!                     └──▶ junit · diff of two
//! ```
//!
//! Reports are pure functions from results to a text. What comes from a file is hostile: an adapter has
//! written names and messages, so each format escapes all of it. Nothing here runs a case.

mod badge;
mod cli;
mod diff;
mod html;
mod junit;
mod markdown;
mod matrix;
mod results;

pub use badge::badge;
pub use cli::main;
pub use diff::{Change, Diff};
pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use matrix::{Area, Cell, Counts, Matrix, Row, Share};
pub use results::{CaseResult, Machine, Results, Run, VERSION, Verdict};

/// Escapes a text for the content and the attributes of HTML, SVG and XML. A character that XML does not
/// allow in any form becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' => safe.push(letter),
            // A parser makes a plain one a line feed.
            '\r' => safe.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}
