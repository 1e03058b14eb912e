//! Pools inside test programs, whose `main` is the test harness's.

/// Makes a test program fit for pools. Write it once, at the top level of the test program.
///
/// In a program with a `main` of its own, call [`init`](crate::init) there instead; that includes
/// a doctest, whose `fn main` is yours to write. For `#[test]` functions, `main` belongs to the
/// test harness, which would take a worker's command line for a filter and run tests in it. So
/// this macro places a function in the executable's `.init_array` section, which runs before
/// `main`: in a worker it takes over and never returns, so the harness never starts there and a
/// worker's output is the tasks' alone; in the test program itself it only notes that it was
/// there. It works the same under `cargo test`, with any number of threads, and under nextest,
/// which starts every test as a process of its own.
///
/// What differs from a worker that starts in `main`: Rust's runtime has not run. SIGPIPE is
/// ignored as usual, because this does it; but a stack overflow in a task ends the worker by
/// SIGSEGV without Rust's message, and closed standard streams are not reopened.
/// It needs a C library that hands the command line to such functions, as glibc does.
///
/// # Examples
///
/// A test program, `#[test]` attribute left out so that this one can run:
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
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static INIT: extern "C" fn() = $crate::__private::init_before_main;
        };
    };
}

/// What [`init_tests!`] runs before `main`.
///
/// A panic cannot leave an `extern "C"` function: it aborts, with its message.
pub extern "C" fn init_before_main() {
    crate::start::serve_before_main();
}
