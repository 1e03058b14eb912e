//! An adapter of a pool with one fault: `saboteur NAME describe|run`. `saboteur --list` lists them.

use std::process::ExitCode;

use procpool_adapter::procpool_pool::PROCPOOL;
use procpool_adapter::saboteurs::{self, Procpool};
use procpool_adapter::{begin, serve};

fn main() -> ExitCode {
    begin(PROCPOOL);
    let name = std::env::args().nth(1).unwrap_or_default();
    if name == "--list" {
        for saboteur in saboteurs::all() {
            println!("{:<34} {}", saboteur.name, saboteur.does);
        }
        return ExitCode::SUCCESS;
    }
    match saboteurs::all().into_iter().find(|saboteur| saboteur.name == name) {
        Some(saboteur) => serve(&(saboteur.make)(Procpool::good())),
        None => {
            eprintln!("there is no saboteur {name:?}; `saboteur --list` says which there are");
            ExitCode::from(2)
        }
    }
}
