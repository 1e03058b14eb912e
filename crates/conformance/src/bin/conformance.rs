//! Judges pools, checks adapters, and makes reports of results; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    procpool_conformance::cli::main()
}
