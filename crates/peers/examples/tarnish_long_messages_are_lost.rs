//! tarnish: a message of more than a kilobyte is lost: its call fails, or waits forever.

use std::{sync::mpsc, time::Duration};

#[derive(Default)]
struct Length;

impl tarnish::Task for Length {
    type Input = String;
    type Output = usize;
    type Error = String;

    fn run(&mut self, text: String) -> Result<usize, String> {
        Ok(text.len())
    }
}

fn main() {
    tarnish::main::<Length>(|| {
        let [short, long, other] = [1000, 1500, 1100].map(|length| {
            let (returned, outcome) = mpsc::channel();
            let call = move || tarnish::Process::<Length>::spawn()?.call("x".repeat(length));
            std::thread::spawn(move || returned.send(call()).ok());
            outcome.recv_timeout(Duration::from_secs(5))
        });
        println!("1000 bytes: {short:?}; 1500: {long:?}; 1100, after five seconds: {other:?}");
        let shown = matches!((short, long, other), (Ok(Ok(_)), Ok(Err(_)), Err(_)));
        std::process::exit(i32::from(!shown));
    });
}
