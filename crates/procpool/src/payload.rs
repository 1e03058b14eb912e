//! Values that are sent between processes: arguments, initargs and results.
//!
//! Owns the one bound of all such values, and the compiler's message about a type that lacks it.
//! The codec decides how a value is written.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that can be sent to a worker or back: any owned type with serde's `Serialize` and
/// `Deserialize`.
///
/// It is implemented for all those types and no others. Name it if your own generic function passes
/// a task on to the pool.
///
/// # Examples
///
/// ```
/// # use procpool::{Error, Payload, ProcessPoolExecutor};
/// /// Runs `task` in a process of its own.
/// fn isolated<A: Payload, R: Payload>(task: fn(A) -> R, arguments: A) -> Result<R, Error> {
///     ProcessPoolExecutor::builder().max_workers(1).build()?.submit(task, arguments).result()
/// }
///
/// # fn main() -> Result<(), Error> {
/// #     procpool::init();
/// assert_eq!(isolated(|(a, b): (u32, u32)| a * b, (6, 7))?, 42);
/// #     Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to another process",
    label = "`{Self}` is not an owned type with serde's `Serialize` and `Deserialize`",
    note = "a type of your own: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "borrowed data: own it (`String` instead of `&str`, `Vec<T>` instead of `&[T]`)",
    note = "an error (`anyhow::Error`, `std::io::Error`, `Box<dyn Error>`): return it as text, with \
            `.map_err(|error| error.to_string())`, or as a serde type",
    note = "several arguments are a tuple: `submit(|(a, b)| a + b, (1, 2))`",
    note = "the future of an `async` function: block on it inside the task, and return its output"
)]
pub trait Payload: Serialize + DeserializeOwned + sealed::Sealed + 'static {}

// Without this the compiler reports the bounds below instead of the message above.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + 'static> Payload for T {}

mod sealed {
    pub trait Sealed {}
    #[diagnostic::do_not_recommend]
    impl<T: serde::Serialize + serde::de::DeserializeOwned + 'static> Sealed for T {}
}
