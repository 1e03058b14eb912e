//! A global, a thread-local and a returned value of a worker: which threads
//! see them, and which of them are dropped.
//!
//! Prints what two threads of the worker see, then which values are dropped.

// ANCHOR: main
use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::OnceLock;
use std::thread;

use procpool::ProcessPoolExecutor;

struct Value(&'static str);

static GLOBAL: OnceLock<Value> = OnceLock::new();
thread_local! {
    static LOCAL: RefCell<Option<Value>> = const { RefCell::new(None) };
}

fn initializer() -> Result<Value, Infallible> {
    GLOBAL.get_or_init(|| Value("global"));
    LOCAL.set(Some(Value("thread-local")));
    Ok(Value("returned"))
}

fn look(thread: &str) -> String {
    let word = |is_set| if is_set { "set" } else { "nothing" };
    let global = word(GLOBAL.get().is_some());
    let local = word(LOCAL.with_borrow(Option::is_some));
    format!("{thread}: global {global}, thread-local {local}")
}

fn task(_returned: &mut Value, (): ()) -> String {
    let other = thread::spawn(|| look("another thread"));
    let other = other.join().expect("it does not panic");
    format!("{}\n{other}", look("the worker's thread"))
}

impl Drop for Value {
    fn drop(&mut self) {
        println!("dropped: {}", self.0);
    }
}

fn main() -> Result<(), procpool::Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder()
        .max_workers(1)
        .initializer(initializer)
        .build()?;
    println!("{}", executor.submit_with(task, ()).result()?);
    Ok(())
}
// ANCHOR_END: main
