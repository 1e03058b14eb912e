//! procspawn: the message of a task's panic is written to standard error, even if its handle is read.

use std::process::{Command, exit};

use procspawn::Pool;

fn main() {
    procspawn::init();
    if std::env::args().count() > 1 {
        let pool = Pool::new(1).expect("a pool starts");
        let failing: fn(()) = |()| panic!("what the task says");
        pool.spawn((), failing).join().expect_err("the task panics");
        return pool.shutdown();
    }
    let output = Command::new("/proc/self/exe").arg("program").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    println!("the program ends with {}, and says {:?}", output.status, said.lines().nth(2));
    exit(if output.status.success() && said.contains("what the task says") { 0 } else { 1 });
}
