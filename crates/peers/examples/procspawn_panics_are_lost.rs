//! procspawn: a worker whose task panics is killed, at times before it has sent the panic's message.

use std::process::exit;

use procspawn::Pool;

fn main() {
    procspawn::init();
    let pool = Pool::new(1).expect("a pool starts");
    for round in 1..=200 {
        let failing: fn(()) = |()| panic!("what the task says");
        let error = pool.spawn((), failing).join().expect_err("the task panics");
        if !error.to_string().contains("what the task says") {
            println!("in round {round}, all that is said of the panic is: {error}");
            pool.kill();
            exit(0);
        }
    }
    println!("each of 200 panics has arrived");
    exit(1);
}
