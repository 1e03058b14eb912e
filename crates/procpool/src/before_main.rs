//! Pools in programs whose `main` is out of reach: a test harness's, or that of a library's user.

/// Prepares a program for pools without a call in its `main`. For libraries. In your own `main`
/// call [`init`](crate::init); in test programs use [`init_tests!`](crate::init_tests).
///
/// Write it once, at the top level of a library that uses pools. Programs that use the library then
/// need no `init()` in `main`, and need not know of processes at all. It places a function in the
/// executable's `.init_array` section, which runs before `main`: in a worker it takes over and
/// never returns; in the program itself it only records that it has run.
///
/// # What it costs
///
/// - A worker never reaches `main`. Anything that `main` sets up (a logger, a signal handler, a
///   runtime) is missing there: set up what tasks need in the initializer.
/// - A worker starts before Rust's runtime. SIGPIPE is ignored as usual, because this function does
///   that. But a stack overflow in a task ends the worker by SIGSEGV without Rust's message, and
///   closed standard streams are not reopened.
/// - Entries behind it in `.init_array`, in link order, never run in a worker: constructors of the
///   crates `ctor` and `inventory` (which `typetag` builds on), and of statically linked C++ code.
///   A task that needs one of those finds an empty registry or an unconstructed object. Such
///   programs call `init()` in `main` instead of this.
/// - Every program that uses the library takes a first argument `--procpool-worker` or
///   `--procpool-server` to be its worker's and never sees it, whether or not it builds a pool.
/// - The C library must pass the command line to such functions, as glibc does; musl does not.
///
/// # Examples
///
/// A library whose users need no call, followed by a user's `main`:
///
/// ```
/// procpool::init_before_main!();
///
/// pub fn squares(numbers: Vec<u64>) -> Result<Vec<u64>, procpool::Error> {
///     procpool::ProcessPoolExecutor::builder().max_workers(2).build()?.map(|x| x * x, numbers).collect()
/// }
///
/// fn main() {
///     assert_eq!(squares(vec![1, 2, 3]).unwrap(), [1, 4, 9]);
/// }
/// ```
#[macro_export]
macro_rules! init_before_main {
    () => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static INIT: extern "C" fn() = $crate::__private::init_before_main;
        };
    };
}

/// Prepares a test program for pools. Write it once, at the top level of the test program.
///
/// In a program with a `main` of its own, call [`init`](crate::init) there instead; that includes a
/// doctest with an explicit `fn main`. For `#[test]` functions, `main` belongs to the test harness,
/// which would take a worker's command line for a filter and run tests in it. So this is
/// [`init_before_main!`](crate::init_before_main), with all its costs: the harness never starts in
/// a worker, whose output is that of its tasks alone. It works the same under `cargo test`, with
/// any number of threads, and under nextest, which starts every test as a process of its own.
///
/// # Examples
///
/// A test program, without the `#[test]` attribute so that this example can run:
///
/// ```
/// procpool::init_tests!();
///
/// fn doubles() {
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build().unwrap();
///     assert_eq!(executor.submit(|x: u32| 2 * x, 21).result().unwrap(), 42);
/// }
/// # doubles();
/// ```
#[macro_export]
macro_rules! init_tests {
    () => {
        $crate::init_before_main!();
    };
}

/// What [`init_before_main!`] runs before `main`.
///
/// A panic cannot leave an `extern "C"` function: it aborts, with its message.
pub extern "C" fn init_before_main() {
    crate::start::serve_before_main();
}
