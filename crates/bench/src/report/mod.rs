//! How results are shown.
//!
//! - [`lines`]: a line per target, while the rows are measured;
//! - [`table`]: the same and every contender, as Markdown;
//! - [`plot`]: a chart as a drawing;
//! - [`results`]: all of it into a folder, and the JSON.
//!
//! Nothing here measures or judges.

pub(crate) mod lines;
mod plot;
pub(crate) mod results;
mod table;

#[cfg(test)]
mod tests;
