//! procpool's adapter: `procpool-adapter spawn|forkserver|fork describe|run`.

use procpool_adapter::procpool_pool::PROCPOOL;

fn main() -> std::process::ExitCode {
    procpool_adapter::main(PROCPOOL)
}
