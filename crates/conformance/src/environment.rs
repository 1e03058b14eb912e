//! The environment variables by which the suite is told what to do, since the arguments of a test program
//! belong to its runner.
//!
//! One that is set has a value that makes sense: a variable of a shell that was never filled in must not
//! choose another pool, nor make failures known.

use std::ffi::OsString;
use std::str::FromStr;

use procpool_contract::FOLDER_VARIABLE;

/// The adapter's command: whom to judge.
pub const ADAPTER: &str = "PROCPOOL_ADAPTER";

/// The file that results go to.
pub const RESULTS: &str = "CONFORMANCE_RESULTS";

/// The file that says which cases are known to fail.
pub const EXPECTATIONS: &str = "CONFORMANCE_EXPECTATIONS";

/// A file with what to carry out in place of the cases.
pub const SCENARIO: &str = "CONFORMANCE_SCENARIO";

/// `1`: what fails is known from now on.
pub const BLESS: &str = "CONFORMANCE_BLESS";

/// Everything is given so many times as long.
pub const SCALE: &str = "CONFORMANCE_SCALE";

/// How many scenarios are drawn for a case that is drawn.
pub const DRAWS: &str = "CONFORMANCE_DRAWS";

/// From which number scenarios are drawn.
pub const SEED: &str = "CONFORMANCE_SEED";

const ALL: [&str; 9] =
    [ADAPTER, RESULTS, EXPECTATIONS, SCENARIO, BLESS, SCALE, DRAWS, SEED, FOLDER_VARIABLE];

/// Returns the value of a variable, if it is set.
///
/// # Errors
///
/// It is set to nothing, or not to a text.
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
/// It is no number for which `fits`; `must` says which it must be.
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

/// Says whether what fails is known from now on.
///
/// # Errors
///
/// [`BLESS`] is neither 0 nor 1.
pub fn bless() -> Result<bool, String> {
    Ok(number(BLESS, "0 or 1", |it: &u8| *it <= 1)? == Some(1))
}

/// Returns the variables that look as if they were for the suite and are not.
pub fn unknown() -> Vec<String> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let ours =
        |name: &String| name.starts_with("CONFORMANCE_") || name.starts_with("PROCPOOL_ADAPTER");
    names.filter(|name| ours(name) && !ALL.contains(&name.as_str())).collect()
}
