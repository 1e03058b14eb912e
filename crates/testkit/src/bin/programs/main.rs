//! The programs that tests start, in one executable, because each executable takes time to link: its first
//! argument names the program, which gets the other arguments.
//!
//! A program is the function `main` of its module. It calls `procpool::init()` itself, unless it shows what
//! happens without that. Programs that need an executable of their own are beside this one; each says why.

use std::process::{ExitCode, Termination};

mod article_orders;
mod article_without_initializer;
mod chaos;
mod clean_after_drop;
mod clean_ends;
mod clean_executable;
mod clean_groups;
mod clean_nested;
mod clean_numbers;
mod clean_queue;
mod clean_reaping;
mod clean_signals;
mod clean_streams;
mod clean_stuck_stderr;
mod clean_workers;
mod every_method;
mod fail_limits;
mod fail_manager;
mod fail_map;
mod fail_panic;
mod fail_room;
mod fail_streams;
mod fail_stuck_abort;
mod fail_thread_local;
mod fail_uninitialized;
mod fail_unkillable;
mod map_memory;
mod matrix;
mod orphans;
mod policies_ends;
mod policies_stopped;

type Program = fn(&[String]) -> ExitCode;

/// Declares the programs, by name.
macro_rules! programs {
    ($($name:ident,)*) => {
        const PROGRAMS: &[(&str, Program)] =
            &[$((stringify!($name), |arguments| $name::main(arguments).report())),*];
    };
}

programs! {
    article_orders,
    article_without_initializer,
    chaos,
    clean_after_drop,
    clean_ends,
    clean_executable,
    clean_groups,
    clean_nested,
    clean_numbers,
    clean_queue,
    clean_reaping,
    clean_signals,
    clean_streams,
    clean_stuck_stderr,
    clean_workers,
    every_method,
    fail_limits,
    fail_manager,
    fail_map,
    fail_panic,
    fail_room,
    fail_streams,
    fail_stuck_abort,
    fail_thread_local,
    fail_uninitialized,
    fail_unkillable,
    map_memory,
    matrix,
    orphans,
    policies_ends,
    policies_stopped,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = arguments.split_first().and_then(|(name, arguments)| {
        let (_, program) = PROGRAMS.iter().find(|(known, _)| known == name)?;
        Some((program, arguments))
    });
    if let Some((program, arguments)) = named {
        return program(arguments);
    }
    // Workers, forkservers and relays have the pool's arguments, and no name: this does not return in them.
    procpool_hosts::init();
    let names: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
    eprintln!("usage: programs NAME [ARGUMENT]..., with one of the names: {}", names.join(", "));
    ExitCode::from(2)
}
