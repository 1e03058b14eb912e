//! Pools in programs whose `main` is somebody else's: a test harness's, or a library's user's.

/// Makes a program fit for pools without a word in its `main`. For libraries; for `main` itself there
/// is [`init`](crate::init), and for test programs [`init_tests!`](crate::init_tests).
///
/// Written once, at the top level of a library that uses pools, it makes every program fit that uses
/// the library: their `main` needs no `init()`, and nobody has to know that there are processes. It
/// places a function in the executable's `.init_array` section, which runs before `main`: in a
/// worker it takes over and never returns; in the program itself it only notes that it was there.
///
/// # What it costs
///
/// - A worker never comes to `main`. What `main` sets up (a logger, a signal handler, a runtime)
///   is not there: the initializer sets up what tasks need.
/// - A worker starts before Rust's runtime. SIGPIPE is ignored as usual, because this does it; but a
///   stack overflow in a task ends the worker by SIGSEGV without Rust's message, and closed standard
///   streams are not reopened.
/// - What is behind it in `.init_array`, in the order in which the program was linked, never runs in a
///   worker: constructors of the crates `ctor` and `inventory` (on which `typetag` is built), and of
///   C++ code that is linked statically. A task that needs one of those finds an empty registry, or an
///   object that nobody made. Programs that have such call `init()` in `main`, and this is left out.
/// - Every program that uses the library takes `--procpool-worker` and `--procpool-server` as first
///   arguments for its workers' and never sees them, whether it makes a pool or not.
/// - The C library must hand the command line to such functions, as glibc does; musl does not.
///
/// # Examples
///
/// A library whose users' programs need nothing, here with a user's `main` behind it:
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

/// Makes a test program fit for pools. Write it once, at the top level of the test program.
///
/// In a program with a `main` of its own, call [`init`](crate::init) there instead; that includes
/// a doctest, whose `fn main` is yours to write. For `#[test]` functions, `main` belongs to the
/// test harness, which would take a worker's command line for a filter and run tests in it. So
/// this is [`init_before_main!`](crate::init_before_main), with all that this costs: the harness
/// never starts in a worker, whose output is the tasks' alone. It works the same under `cargo test`,
/// with any number of threads, and under nextest, which starts every test as a process of its own.
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
        $crate::init_before_main!();
    };
}

/// What [`init_before_main!`] runs before `main`.
///
/// A panic cannot leave an `extern "C"` function: it aborts, with its message.
pub extern "C" fn init_before_main() {
    crate::start::serve_before_main();
}
