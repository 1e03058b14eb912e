//! procspawn: a busy worker outlives a program that is killed, until its task is done.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio, exit};
use std::thread::sleep;
use std::time::Duration;

fn busy(_: ()) {
    println!("{}", std::process::id());
    sleep(Duration::from_secs(60));
}

fn main() {
    procspawn::init();
    if std::env::args().count() > 1 {
        let pool = procspawn::Pool::new(1).expect("a pool starts");
        return pool.spawn((), busy).join().expect("the task runs");
    }
    let mut command = Command::new("/proc/self/exe");
    let mut program = command.arg("program").stdout(Stdio::piped()).spawn().expect("it starts");
    let output = BufReader::new(program.stdout.take().expect("it is piped"));
    let worker = output.lines().next().expect("a line").expect("the worker's number");
    program.kill().and_then(|()| program.wait()).expect("it is killed");
    sleep(Duration::from_secs(5));
    let there = std::fs::exists(format!("/proc/{worker}")).expect("/proc is there");
    println!("five seconds after the program was killed, its busy worker is there: {there}");
    Command::new("kill").args(["-9", &worker]).status().expect("kill runs");
    exit(if there { 0 } else { 1 });
}
