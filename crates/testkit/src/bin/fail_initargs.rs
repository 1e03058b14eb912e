//! A pool whose workers have less memory than their initializer's arguments need; prints why it is broken.
//!
//! It has an executable of its own because its workers run it before `init()`, too: they lower the limit.

use nix::sys::resource::{Resource, setrlimit};
use procpool::Error;
use procpool_testkit::start;

const ARGUMENTS: usize = 1 << 30;

fn main() -> Result<(), Error> {
    // A worker has other arguments than this program, which has none.
    if std::env::args().len() > 1 {
        let limit = (ARGUMENTS / 2) as u64;
        setrlimit(Resource::RLIMIT_AS, limit, limit).expect("a limit can be lowered");
    }
    procpool::init();
    let executor = start::builder_of_program()
        .max_workers(1)
        .initializer_with_args(|bytes: Vec<u8>| println!("{}", bytes.len()), vec![0; ARGUMENTS])
        .build()?;
    let error = executor.submit(|()| (), ()).error();
    println!("{}", error.map_or_else(|| "no error".to_owned(), |error| error.to_string()));
    Ok(())
}
