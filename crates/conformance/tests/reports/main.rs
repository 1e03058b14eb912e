//! What reports make of results: of each verdict, of hostile texts, of files that are none.

mod browser;
mod cli;
mod diff;
mod fixture;
mod formats;
mod hostile;
mod results;
mod whole;
