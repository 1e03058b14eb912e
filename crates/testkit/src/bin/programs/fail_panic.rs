//! A task that panics, or with the argument `initializer` an initializer that does; prints the futures'
//! errors. Also built so that a panic aborts.

use procpool::Error;
use procpool_testkit::start;

fn panic_when_told(told: bool) -> bool {
    assert!(!told, "told to");
    told
}

fn panic_at_once() {
    panic_when_told(true);
}

pub(crate) fn main(arguments: &[String]) -> Result<(), Error> {
    procpool::init();
    if arguments.first().map(String::as_str) == Some("initializer") {
        let builder = start::builder_of_program().max_workers(1).initializer(panic_at_once);
        println!("{}", error_text(builder.build()?.submit(panic_when_told, false).error()));
        return Ok(());
    }
    let executor = start::builder_of_program().max_workers(1).build()?;
    let error = executor.submit(panic_when_told, true).error();
    if let Some(Error::Panicked(panic)) = &error {
        let named = |backtrace: &String| backtrace.contains("panic_when_told");
        println!("it has a backtrace: {}", panic.backtrace.as_ref().is_some_and(named));
        let frames = panic.backtrace.iter().flat_map(|backtrace| backtrace.lines());
        let below = frames.skip_while(|line| !line.contains("panic_when_told"));
        println!("of the pool below the task: {}", below.filter(is_of_the_pool).count());
    }
    println!("{}", error_text(error));
    // Where panics abort, the worker is dying: every later task reports how.
    let mut then = executor.submit(panic_when_told, false).error();
    while cfg!(panic = "abort") && then.is_none() {
        then = executor.submit(panic_when_told, false).error();
    }
    println!("then: {}", error_text(then));
    Ok(())
}

/// Whether a line of a backtrace names a function of the pool.
fn is_of_the_pool(line: &&str) -> bool {
    line.contains("procpool::") || line.contains("std::rt::")
}

fn error_text(error: Option<Error>) -> String {
    error.map_or_else(|| "no error".to_owned(), |error| error.to_string())
}
