//! Runs plugins that may crash or hang, each in a process of its own. Its users need not know: they
//! call [`run`], and their `main` has nothing else to do.
//!
//! The pool is made at the first call, kept for later ones, and ends with the program.

use std::ffi::{CString, c_char};
use std::sync::LazyLock;
use std::time::Duration;

use procpool::{DeathPolicy, Error, ProcessPoolExecutor};

// All that makes a worker of the user's program: a function that runs before its `main`.
procpool::init_before_main!();

/// A plugin of the user's.
pub type Plugin = fn(String) -> String;

/// How long a plugin may take.
const LIMIT: Duration = Duration::from_secs(2);

static POOL: LazyLock<Result<ProcessPoolExecutor, Error>> = LazyLock::new(|| {
    ProcessPoolExecutor::builder()
        .max_workers(2)
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .task_time_limit(LIMIT)
        .grace(Duration::from_millis(50))
        // A backtrace of a panic could take longer than that.
        .env("RUST_BACKTRACE", "0")
        .build()
});

/// Calls every plugin with `text`, and returns what each has made of it, or why it has not.
///
/// # Errors
///
/// When there can be no pool in this program.
pub fn run(plugins: &[Plugin], text: &str) -> Result<Vec<Result<String, String>>, String> {
    let pool = POOL.as_ref().map_err(|error| error.to_string())?;
    let futures: Vec<_> =
        plugins.iter().map(|plugin| pool.submit(*plugin, text.to_owned())).collect();
    let results = futures.into_iter().map(|future| future.into_result());
    Ok(results.map(|result| result.map_err(|error| error.to_string())).collect())
}

/// For programs in other languages, which load this as a shared library: returns what comes of [`run`]
/// there. It is refused, because workers are the program, started again, and it lacks this function.
#[unsafe(no_mangle)]
pub extern "C" fn recipe_plugins_try() -> *mut c_char {
    let text = match run(&[|text| text], "hello").map(|mut results| results.remove(0)) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) | Err(error) => error,
    };
    // It is never freed, and says one thing once.
    CString::new(text).unwrap_or_default().into_raw()
}
