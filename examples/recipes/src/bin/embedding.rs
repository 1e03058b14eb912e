//! The user of a library that has a pool inside: `main` does nothing for it.
//!
//! `embedding TEXT` gives TEXT to five plugins. One panics, one crashes, one never returns; the
//! library's workers are copies of this program, and this `main` does not run in them. One line of
//! `plugins/src/lib.rs` does that.

use std::process::abort;
use std::thread::park;

use procpool_recipe_plugins::{Plugin, run};

fn shout(text: String) -> String {
    text.to_uppercase()
}

fn panics(text: String) -> String {
    panic!("{text} is not to its taste")
}

fn crashes(_: String) -> String {
    abort()
}

fn hangs(text: String) -> String {
    loop {
        park();
        if text.is_empty() {
            return text;
        }
    }
}

fn reverse(text: String) -> String {
    text.chars().rev().collect()
}

fn main() -> Result<(), String> {
    println!("main of {}", std::process::id());
    let text = std::env::args().nth(1).unwrap_or("hello".to_owned());
    let plugins: [(&str, Plugin); 5] = [
        ("shout", shout),
        ("panics", panics),
        ("crashes", crashes),
        ("hangs", hangs),
        ("reverse", reverse),
    ];
    let results = run(&plugins.map(|(_, plugin)| plugin), &text)?;
    for ((name, _), result) in plugins.iter().zip(results) {
        match result {
            Ok(text) => println!("{name}: {text}"),
            Err(error) => println!("{name} failed: {error}"),
        }
    }
    Ok(())
}
