//! Uses a pool in the destructor of a thread-local that outlives the pool's own thread-locals: on a new
//! thread, and then on the main one. The last one drops the pool. Prints the outcome of each call.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use procpool::{Error, Future, ProcessPoolExecutor, ReturnWhen, as_completed, wait};
use procpool_testkit::start;

/// A type that is neither bytes nor a number, so that it is encoded in full.
type Pair = (String, u32);

fn swap((text, number): Pair) -> (u32, String) {
    (number, text)
}

struct AtTheEnd(Arc<ProcessPoolExecutor>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let pool = &self.0;
        let submit = |number| pool.submit(swap, ("text".to_owned(), number));
        println!("submit: {:?}", submit(1).result());
        let limited = pool.submit_options().time_limit(Duration::from_secs(60));
        println!("limited: {:?}", limited.submit(swap, ("text".to_owned(), 2)).result());
        let items = (0..3).map(|number| ("text".to_owned(), number));
        let results: Result<Vec<_>, Error> = pool.map(swap, items).collect();
        println!("map: {:?}", results.map(|results| results.len()));
        let futures = [submit(3), submit(4)];
        println!("wait: {}", wait(&futures, ReturnWhen::AllCompleted, None).done.len());
        println!("as_completed: {}", as_completed(&futures).count());
        let (sender, receiver) = std::sync::mpsc::channel();
        submit(5).add_done_callback(move |future: &Future<(u32, String)>| {
            let _ = sender.send(future.result().is_ok());
            panic!("as asked")
        });
        println!("callback: {:?}", receiver.recv());
        let panicked = pool.submit(|_: Pair| -> () { panic!("as asked") }, ("text".to_owned(), 6));
        println!("panic: {}", panicked.result().unwrap_err().to_string().contains("as asked"));
        println!("cancel: {}", submit(7).cancel() || pool.stats().done > 0);
    }
}

thread_local! {
    static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

/// Registers the destructor, and then those of the pool's own thread-locals, which run before it.
fn use_here(pool: &Arc<ProcessPoolExecutor>) {
    AT_THE_END.set(Some(AtTheEnd(Arc::clone(pool))));
    assert_eq!(pool.submit(swap, ("text".to_owned(), 0)).result(), Ok((0, "text".to_owned())));
    let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(())));
    assert!(caught.is_err());
}

pub(crate) fn main(_: &[String]) -> Result<(), Error> {
    procpool::init();
    let pool = Arc::new(start::builder_of_program().max_workers(1).build()?);
    std::thread::scope(|scope| {
        scope.spawn(|| use_here(&pool)).join().expect("it does not panic");
    });
    use_here(&pool);
    Ok(())
}
