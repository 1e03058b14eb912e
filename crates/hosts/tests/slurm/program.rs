//! The programs for the first host, with a pool of `srun()`. They print what a trial checks, and wait for lines
//! of their standard input.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{Write, stdin};
use std::path::PathBuf;
use std::time::Duration;

use procpool::{Builder, DeathPolicy, Error, EventKind, Future, ProcessPoolExecutor};
use procpool_hosts::{Launcher, OnHosts, command, srun};

/// The argument by which this program knows that it is one of those; the next is its name.
pub(crate) const PROGRAM: &str = "--program";

/// The variable with a folder that all hosts have.
pub(crate) const FOLDER: &str = "HOSTS_FOLDER";

pub(crate) fn run_if_asked_to() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_none_or(|first| first != PROGRAM) {
        return;
    }
    println!("pid {}", std::process::id());
    match arguments[2].as_str() {
        "article" => article(),
        "deaths" => deaths(),
        "busy" => busy(),
        "cancelled" => cancelled(),
        "late" => late(),
        "large" => large(),
        "idle" => idle(),
        "undisturbed" => undisturbed(),
        other => panic!("there is no program {other}"),
    }
    std::process::exit(0);
}

fn builder() -> Builder {
    ProcessPoolExecutor::builder().launcher(srun())
}

fn host() -> String {
    let name = nix::sys::utsname::uname().expect("there is one");
    name.nodename().to_str().expect("it is plain").to_owned()
}

/// Waits for a line.
fn await_line() {
    stdin().read_line(&mut String::new()).expect("the trial writes one");
}

/// The article's, with some more items.
fn article() {
    let initializer = |start: u64| Ok::<u64, String>(start);
    let executor = builder().initializer_with_args(initializer, 40).build().unwrap();
    let sums = executor.map_with(|state, x: u64| *state + x, 0..1000);
    println!("sum {}", sums.map(Result::unwrap).sum::<u64>());
    executor.start_workers(8).result().unwrap();
    let workers = executor.broadcast(|()| host(), ()).result().unwrap();
    let mut hosts = BTreeSet::new();
    for worker in &workers {
        let name = worker.result.clone().unwrap();
        assert_eq!(worker.worker.host.map(|host| host.to_string()), Some(name.clone()));
        hosts.insert(name);
    }
    println!("hosts {hosts:?}");
    println!("workers {}", workers.len());
}

fn deaths() {
    let executor = builder().death_policy(DeathPolicy::Replace { retries: 0 }).build().unwrap();
    let futures: Vec<_> = (0..100).map(|x: u32| executor.submit(|x: u32| x, x)).collect();
    let kill_me = |()| -> () {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::SIGKILL);
    };
    println!("{}", executor.submit(kill_me, ()).error().unwrap());
    println!("{} others", futures.iter().filter(|future| future.result().is_ok()).count());
}

fn ran() -> PathBuf {
    PathBuf::from(std::env::var_os(FOLDER).expect("the trial sets it")).join("ran")
}

fn lines() -> Vec<String> {
    std::fs::read_to_string(ran()).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The file by which the trial ends the tasks.
fn go() -> PathBuf {
    ran().with_file_name("go")
}

fn wait_until(holds: impl Fn() -> bool) {
    while !holds() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A pool with a worker on each host.
fn on_every_host(launcher: Launcher) -> ProcessPoolExecutor {
    let folder = std::env::var_os(FOLDER).unwrap_or_default();
    let builder = ProcessPoolExecutor::builder().launcher(launcher).max_workers(4);
    let builder = builder.death_policy(DeathPolicy::Replace { retries: 0 });
    builder.env(FOLDER, folder).build().unwrap()
}

/// A task for each worker. It writes a line, waits for `go`, and returns a mebibyte, of which n2 has as many as that.
fn begin_everywhere(executor: &ProcessPoolExecutor, on_n2: usize) -> Vec<Future<Vec<u8>>> {
    executor.start_workers(4).result().unwrap();
    let task = |on_n2: usize| {
        let mut file = OpenOptions::new().append(true).create(true).open(ran()).unwrap();
        file.write_all(format!("{}\n", host()).as_bytes()).unwrap();
        wait_until(|| go().exists());
        vec![7; if host() == "n2" { on_n2 << 20 } else { 1 << 20 }]
    };
    let futures: Vec<_> = (0..4).map(|_| executor.submit(task, on_n2)).collect();
    wait_until(|| lines().len() == 4);
    let hosts: BTreeSet<String> = lines().into_iter().collect();
    println!("running on {} hosts", hosts.len());
    futures
}

/// The hosts that are left go on.
fn is_well(executor: &ProcessPoolExecutor) {
    let results = executor.map(|x: u32| x, 0..100);
    let results = results.collect::<Result<Vec<u32>, Error>>().unwrap();
    assert_eq!(results, (0..100).collect::<Vec<u32>>());
}

/// Waits for the first of these to end, and prints its error; then prints how many of the others have a result,
/// after `then`.
fn print_lost(mut futures: Vec<Future<Vec<u8>>>, then: impl FnOnce()) {
    wait_until(|| futures.iter().any(|future| future.done() && future.error().is_some()));
    let lost = futures.iter().position(|future| future.done() && future.error().is_some());
    println!("{}", futures.remove(lost.unwrap()).error().unwrap());
    then();
    println!("{} others", futures.iter().filter(|future| future.result().is_ok()).count());
}

/// Tasks run until the trial has lost a host.
fn busy() {
    let executor = on_every_host(srun());
    let futures = begin_everywhere(&executor, 1);
    await_line();
    print_lost(futures, || std::fs::write(go(), "").unwrap());
    await_line();
    is_well(&executor);
    println!("ran {} times", lines().len());
}

/// The trial loses n2 while a result is on its way.
fn large() {
    let executor = on_every_host(srun());
    let futures = begin_everywhere(&executor, 1024);
    print_lost(futures, || ());
    is_well(&executor);
}

/// The trial disturbs something else than tasks.
fn undisturbed() {
    let executor = on_every_host(srun());
    let futures = begin_everywhere(&executor, 1);
    println!("{} results", futures.iter().filter(|future| future.result().is_ok()).count());
    is_well(&executor);
}

/// The relay on n2 waits for `go` before it dials.
fn late() {
    let line = format!(
        "if [ $(hostname) = n2 ]; then touch {0}/about-to-dial; until [ -e {0}/go ]; do sleep 0.01; done; fi; exec {{relay}}",
        ran().parent().unwrap().display()
    );
    let srun = ["srun", "--ntasks={n}", "--input=none", "--kill-on-bad-exit=0", "--no-kill"];
    let template = srun.into_iter().chain(["sh", "-c", &line]);
    let address = [10, 77, 0, 10];
    let executor = on_every_host(command(template).address(address.into()));
    is_well(&executor);
    println!("100 results");
}

/// The trial loses n2 while nothing runs.
fn idle() {
    let executor = on_every_host(srun());
    let mut events = executor.events();
    executor.start_workers(4).result().unwrap();
    println!("idle on 4 hosts");
    await_line();
    // The program may notice later than the worker, and would still call it.
    let exits = events.find_map(|event| match event.kind {
        EventKind::WorkerExited(worker, reason) => Some(format!("{worker} {reason}")),
        _ => None,
    });
    println!("{}", exits.unwrap());
    is_well(&executor);
    println!("100 results");
}

fn cancelled() {
    let executor = builder().build().unwrap();
    executor.start_workers(8).result().unwrap();
    let futures: Vec<_> = (0..8)
        .map(|_| executor.submit(|()| std::thread::sleep(Duration::from_secs(600)), ()))
        .collect();
    println!("running on 4 hosts");
    println!("{}", futures[0].error().unwrap());
}
