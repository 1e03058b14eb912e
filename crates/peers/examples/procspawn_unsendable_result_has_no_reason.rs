//! procspawn: a result that cannot be encoded gets its worker killed, mostly before it has sent the reason.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::exit;

use procspawn::Pool;

/// Its name is not UTF-8, and paths are encoded as text.
fn path(_: ()) -> PathBuf {
    PathBuf::from(OsString::from_vec(vec![0xff]))
}

fn main() {
    procspawn::init();
    let pool = Pool::new(1).expect("a pool starts");
    for round in 1..=100 {
        let error = pool.spawn((), path).join().expect_err("it cannot be encoded");
        if !error.to_string().contains("could not send event") {
            println!("in round {round}, all that is said of the result is: {error}");
            pool.kill();
            exit(0);
        }
    }
    exit(1);
}
