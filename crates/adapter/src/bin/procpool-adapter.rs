//! procpool's adapter: `procpool-adapter spawn|forkserver|fork describe|run`.

use std::process::ExitCode;

use procpool::StartMethod;
use procpool_adapter::procpool_pool::{Procpool, nest};
use procpool_adapter::{body, main as adapter};

fn main() -> ExitCode {
    body::set_nest(nest);
    procpool::init();
    let method = match std::env::args().nth(1).as_deref() {
        Some("spawn") => StartMethod::Spawn,
        Some("forkserver") => StartMethod::Forkserver,
        Some("fork") => StartMethod::Fork,
        _ => {
            eprintln!("the first argument must be `spawn`, `forkserver` or `fork`");
            return ExitCode::from(2);
        }
    };
    adapter(&Procpool::new(method))
}
