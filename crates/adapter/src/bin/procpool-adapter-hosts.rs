//! The adapter of procpool with workers on other hosts: `procpool-adapter-hosts relays|srun describe|run`.
//!
//! Knows only how such a pool is made; everything else is procpool's table. `relays` starts the relays on this
//! machine, `srun` on those of an allocation.

use procpool::{Builder, Error, Future, ProcessPoolExecutor};
use procpool_adapter::procpool_pool::PROCPOOL;
use procpool_adapter::{Adapter, Given, Wire};
use procpool_hosts::{Launcher, OnHosts, shell, srun};

const ON_HOSTS: Adapter<fn() -> Launcher, ProcessPoolExecutor, Future<Wire>, Error> = Adapter {
    description: PROCPOOL.description,
    start_methods: &[("relays", relays), ("srun", srun)],
    init: procpool_hosts::init,
    new: |launcher, settings, initialize| {
        ProcessPoolExecutor::builder()
            .launcher(launcher())
            .given(settings.max_workers, Builder::max_workers)
            .given(settings.max_tasks_per_child, Builder::max_tasks_per_child)
            .given(settings.idle_timeout, Builder::idle_timeout)
            .given(settings.task_timeout, Builder::task_time_limit)
            .given_each(settings.env, |builder, (name, value)| builder.env(name, value))
            .given(settings.initializer, |it, call| it.initializer_with_args(initialize, call))
            .build()
    },
    submit: PROCPOOL.submit,
    refused: PROCPOOL.refused,
    map: PROCPOOL.map,
    shutdown: PROCPOOL.shutdown,
    kill_workers: PROCPOOL.kill_workers,
    result: PROCPOOL.result,
    result_timeout: PROCPOOL.result_timeout,
    cancel: PROCPOOL.cancel,
    states: PROCPOOL.states,
    add_callback: PROCPOOL.add_callback,
    wait: PROCPOOL.wait,
    as_completed: PROCPOOL.as_completed,
    classify: PROCPOOL.classify,
};

fn relays() -> Launcher {
    shell("for i in $(seq {n}); do {relay} & done; wait")
}

fn main() -> std::process::ExitCode {
    procpool_adapter::main(ON_HOSTS)
}
