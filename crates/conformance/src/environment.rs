//! The environment variables that configure the suite, since the arguments of a test program belong to its
//! runner.
//!
//! A variable that is set must have a valid value: an empty one, left over from a shell, must not select
//! another pool or accept failures.

use std::ffi::OsString;
use std::str::FromStr;

use procpool_contract::FOLDER_VARIABLE;

/// The adapter's command.
pub const ADAPTER: &str = "PROCPOOL_ADAPTER";

/// The file for the results.
pub const RESULTS: &str = "CONFORMANCE_RESULTS";

/// The file of known failures.
pub const EXPECTATIONS: &str = "CONFORMANCE_EXPECTATIONS";

/// A file with a scenario to carry out instead of the cases.
pub const SCENARIO: &str = "CONFORMANCE_SCENARIO";

/// `1`: accepts the failures of this run as known.
pub const BLESS: &str = "CONFORMANCE_BLESS";

/// The tier of the cases: `usual`, `soak` or `all`.
pub const TIER: &str = "CONFORMANCE_TIER";

/// The factor for all times.
pub const SCALE: &str = "CONFORMANCE_SCALE";

/// The number of scenarios that a property draws.
pub const DRAWS: &str = "CONFORMANCE_DRAWS";

/// The seed of drawn scenarios.
pub const SEED: &str = "CONFORMANCE_SEED";

/// A variable that is set in the environment of adapters, and empty: a pool may lose it on the way to its
/// workers.
pub const EMPTY: &str = "CONFORMANCE_EMPTY";

/// Another one, and its value: a pool may read its environment line by line, or up to an equals sign.
pub const LINES: &str = "CONFORMANCE_LINES";
/// See [`LINES`].
pub const LINES_VALUE: &str = "one = 1\ntwo = 2\n";

const ALL: [&str; 12] = [
    ADAPTER,
    RESULTS,
    EXPECTATIONS,
    SCENARIO,
    BLESS,
    TIER,
    SCALE,
    DRAWS,
    SEED,
    EMPTY,
    LINES,
    FOLDER_VARIABLE,
];

/// Returns the value of a variable, if it is set.
///
/// # Errors
///
/// It is empty, or not text.
pub fn read(name: &str) -> Result<Option<String>, String> {
    match std::env::var_os(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) if !value.trim().is_empty() => Ok(Some(value)),
        Some(Ok(_)) => Err(format!("{name} is set, but empty; give it a value, or unset it")),
        Some(Err(value)) => Err(format!("{name} is {value:?}, which is not UTF-8")),
    }
}

/// Returns the number in a variable, if it is set.
///
/// # Errors
///
/// It is not a number for which `fits` holds; `must` describes the valid ones.
pub fn number<T: FromStr>(
    name: &str,
    must: &str,
    fits: impl FnOnce(&T) -> bool,
) -> Result<Option<T>, String> {
    let Some(text) = read(name)? else { return Ok(None) };
    match text.trim().parse().ok().filter(fits) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("{name} is {text:?}; it must be {must}")),
    }
}

/// Returns whether failures are accepted as known.
///
/// # Errors
///
/// [`BLESS`] is neither 0 nor 1.
pub fn bless() -> Result<bool, String> {
    Ok(number(BLESS, "0 or 1", |it: &u8| *it <= 1)? == Some(1))
}

/// Returns the variables that look as if they were for the suite but are unknown to it.
pub fn unknown() -> Vec<String> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let ours =
        |name: &String| name.starts_with("CONFORMANCE_") || name.starts_with("PROCPOOL_ADAPTER");
    names.filter(|name| ours(name) && !ALL.contains(&name.as_str())).collect()
}
