//! The programs for the first host, with a pool of `srun()`. They print what a trial checks, and wait for lines
//! of their standard input.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{Write, stdin};
use std::path::PathBuf;
use std::time::Duration;

use procpool::{Builder, DeathPolicy, Error, ProcessPoolExecutor};
use procpool_hosts::{OnHosts, srun};

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

/// A worker on each host runs a task until the trial has lost one of them.
fn busy() {
    let builder = builder().max_workers(4).death_policy(DeathPolicy::Replace { retries: 0 });
    let executor =
        builder.env(FOLDER, std::env::var_os(FOLDER).unwrap_or_default()).build().unwrap();
    executor.start_workers(4).result().unwrap();
    let task = |()| {
        let mut file = OpenOptions::new().append(true).create(true).open(ran()).unwrap();
        file.write_all(format!("{}\n", host()).as_bytes()).unwrap();
        while !ran().with_file_name("go").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let mut futures: Vec<_> = (0..4).map(|_| executor.submit(task, ())).collect();
    let lines = || std::fs::read_to_string(ran()).unwrap_or_default();
    while lines().lines().count() < 4 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let hosts: BTreeSet<String> = lines().lines().map(str::to_owned).collect();
    println!("running on {} hosts", hosts.len());
    await_line();
    let lost = loop {
        match futures.iter().position(|future| future.done()) {
            Some(lost) => break futures.remove(lost),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    println!("{}", lost.error().unwrap());
    std::fs::write(ran().with_file_name("go"), "").unwrap();
    println!("{} others", futures.iter().filter(|future| future.result().is_ok()).count());
    await_line();
    // The hosts that are left go on.
    let results = executor.map(|x: u32| x, 0..100);
    assert_eq!(results.collect::<Result<Vec<u32>, Error>>(), Ok((0..100).collect()));
    println!("ran {} times", lines().lines().count());
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
