//! Reports of results: of each verdict, of hostile texts, of invalid files.

mod browser;
mod cli;
mod diff;
mod fixture;
mod formats;
mod hostile;
mod results;
mod schema;
mod whole;
