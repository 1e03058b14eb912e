//! Reports of results: of each verdict, of hostile texts, of invalid files; and the server of one.

mod browser;
mod cli;
mod diff;
mod fixture;
mod formats;
mod hostile;
mod results;
mod schema;
mod serve;
mod whole;
