//! Failures, and whose they are.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{Activity, BrokenCause, DeathPolicy, Error, KillOutcome, WorkerExit};
use procpool_hosts::{OnHosts, shell};

use crate::{builder, host, is_alive, local, send, trial, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_panic_fails_its_task_alone", a_panic_fails_its_task_alone),
        trial(
            "a_dead_worker_breaks_the_pool_with_host_and_signal",
            a_dead_worker_breaks_the_pool_with_host_and_signal,
        ),
        trial("a_dead_worker_is_replaced_on_its_host", a_dead_worker_is_replaced_on_its_host),
        trial(
            "the_item_that_a_worker_died_of_fails_alone",
            the_item_that_a_worker_died_of_fails_alone,
        ),
        trial("a_failed_initializer_breaks_the_pool", a_failed_initializer_breaks_the_pool),
        trial("a_time_limit_ends_a_task_on_its_host", a_time_limit_ends_a_task_on_its_host),
        trial("a_killed_task_ends_on_its_host", a_killed_task_ends_on_its_host),
        trial("a_lost_host_costs_the_call_that_it_ran", a_lost_host_costs_the_call_that_it_ran),
        trial("a_silent_host_is_lost", a_silent_host_is_lost),
        trial(
            "a_command_that_fails_is_an_error_with_its_last_lines",
            a_command_that_fails_is_an_error_with_its_last_lines,
        ),
        trial("options_for_this_host_are_refused", options_for_this_host_are_refused),
    ]
}

fn replacing(workers: usize) -> procpool::Builder {
    builder(workers).death_policy(DeathPolicy::Replace { retries: 0 })
}

/// The pids of a worker and of its relay.
fn family(executor: &procpool::ProcessPoolExecutor) -> (u32, u32) {
    let task = |()| (std::process::id(), std::os::unix::process::parent_id());
    executor.submit(task, ()).result().unwrap()
}

fn a_panic_fails_its_task_alone() {
    let executor = builder(1).build().unwrap();
    let error = executor.submit(|()| -> () { panic!("no luck") }, ()).error();
    assert!(
        matches!(&error, Some(Error::Panicked(panic)) if panic.message == "no luck"),
        "{error:?}"
    );
    assert_eq!(executor.submit(|x: u32| x, 1).result(), Ok(1));
}

fn a_dead_worker_breaks_the_pool_with_host_and_signal() {
    let executor = builder(1).build().unwrap();
    let kill_me = |()| -> () {
        let _ = kill(Pid::this(), Signal::SIGKILL);
    };
    let error = executor.submit(kill_me, ()).error();
    let Some(Error::BrokenProcessPool(broken)) = &error else { panic!("{error:?}") };
    let BrokenCause::WorkerDied(death) = broken.cause() else { panic!("{broken}") };
    assert_eq!((death.exit, death.activity), (WorkerExit::Signal(9), Activity::Running(1)));
    assert_eq!(death.host, Some(host()));
    assert!(death.usage.is_some(), "its relay has reaped it");
    assert!(!death.oom_killed, "this machine's counter says nothing");
    let sentence = format!("worker {} on {} was killed by SIGKILL while", death.pid, host());
    assert!(broken.to_string().contains(&sentence), "{broken}");
}

fn a_dead_worker_is_replaced_on_its_host() {
    let executor = replacing(1).build().unwrap();
    let (first, relay) = family(&executor);
    let error = executor.submit(|code: i32| -> () { std::process::exit(code) }, 3).error();
    assert!(
        matches!(&error, Some(Error::WorkerDied(death)) if death.exit == WorkerExit::Code(3)),
        "{error:?}"
    );
    let (second, again) = family(&executor);
    assert_ne!(first, second);
    assert_eq!(relay, again);
}

fn the_item_that_a_worker_died_of_fails_alone() {
    let executor = replacing(1).build().unwrap();
    let task = |x: u32| {
        if x == 5 {
            std::process::exit(1);
        }
        2 * x
    };
    let results = executor.map_options().chunksize(10).map(task, 0..10);
    let results: Vec<Option<u32>> = results.map(Result::ok).collect();
    let expected: Vec<Option<u32>> = (0..10).map(|x| (x != 5).then_some(2 * x)).collect();
    assert_eq!(results, expected);
}

fn a_failed_initializer_breaks_the_pool() {
    let builder = builder(1).initializer(|| Err::<(), &str>("no database"));
    let error = builder.build().unwrap().submit(|()| (), ()).error().unwrap().to_string();
    assert!(error.contains("no database"), "{error}");
}

fn a_time_limit_ends_a_task_on_its_host() {
    let grace = Duration::from_millis(50);
    let executor = replacing(1).grace(grace).build().unwrap();
    let (first, _) = family(&executor);
    let limited = executor.submit_options().time_limit(Duration::from_millis(100));
    let asked = |()| while !procpool::should_stop() {};
    assert!(matches!(limited.submit(asked, ()).error(), Some(Error::TimeLimitExceeded { .. })));
    assert_eq!(family(&executor).0, first, "it stopped when it was asked to");
    let deaf = |()| std::thread::sleep(Duration::from_secs(600));
    let error = limited.submit(deaf, ()).error();
    assert!(matches!(error, Some(Error::TimeLimitExceeded { .. })), "{error:?}");
    until("SIGTERM has ended it", || !is_alive(first));
    assert_ne!(family(&executor).0, first);
}

fn a_killed_task_ends_on_its_host() {
    let executor = replacing(1).build().unwrap();
    let (worker, _) = family(&executor);
    let future = executor.submit(|()| std::thread::sleep(Duration::from_secs(600)), ());
    until("it runs", || future.running());
    assert_eq!(future.kill(), KillOutcome::Killed);
    until("it has ended", || !is_alive(worker));
    assert_ne!(family(&executor).0, worker);
}

fn a_lost_host_costs_the_call_that_it_ran() {
    let executor = replacing(2).build().unwrap();
    executor.start_workers(2).result().unwrap();
    let task = |()| -> u32 {
        send(Signal::SIGKILL, std::os::unix::process::parent_id());
        std::thread::sleep(Duration::from_secs(600));
        0
    };
    let lost = executor.submit(task, ());
    let others: Vec<_> = (0..20).map(|x: u32| executor.submit(|x: u32| x, x)).collect();
    let error = lost.error();
    let Some(Error::WorkerDied(death)) = &error else { panic!("{error:?}") };
    assert_eq!(death.exit, WorkerExit::WithHost);
    assert_eq!(death.host, Some(host()));
    for (x, other) in others.iter().enumerate() {
        assert_eq!(other.result(), Ok(x as u32));
    }
    until("its worker has exited with it", || !is_alive(death.pid));
}

fn a_silent_host_is_lost() {
    let silence = Duration::from_millis(500);
    let builder = procpool::ProcessPoolExecutor::builder().launcher(local(2).silence(silence));
    let executor = builder.death_policy(DeathPolicy::Replace { retries: 0 }).build().unwrap();
    executor.start_workers(2).result().unwrap();
    let task = |()| {
        let relay = std::os::unix::process::parent_id();
        send(Signal::SIGSTOP, relay);
        std::thread::sleep(Duration::from_secs(600));
    };
    let start = Instant::now();
    let error = executor.submit(task, ()).error();
    let Some(Error::WorkerDied(death)) = &error else { panic!("{error:?}") };
    assert_eq!(death.exit, WorkerExit::WithHost);
    // The last that was heard of it may be a quarter older.
    assert!(start.elapsed() >= silence / 2, "nothing else says that it is lost");
    assert_eq!(executor.submit(|x: u32| x, 1).result(), Ok(1));
    // A stopped process does not notice that it is cut off. It does when it continues.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", death.pid)).unwrap();
    let relay = stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    send(Signal::SIGCONT, relay);
    until("the relay has exited", || !is_alive(relay));
    until("and its worker with it", || !is_alive(death.pid));
}

fn a_command_that_fails_is_an_error_with_its_last_lines() {
    let launcher = shell("echo 'no such partition' >&2; exit 3").workers(1);
    let builder = procpool::ProcessPoolExecutor::builder().launcher(launcher);
    let error = builder.build().unwrap().submit(|()| (), ()).error();
    let Some(Error::BrokenProcessPool(broken)) = &error else { panic!("{error:?}") };
    assert!(matches!(broken.cause(), BrokenCause::HostsLost(_)), "{broken}");
    let text = broken.to_string();
    assert!(text.contains("exit status: 3") && text.contains("no such partition"), "{text}");
}

fn options_for_this_host_are_refused() {
    let refused = [
        builder(1).max_memory_per_child(1 << 30).build(),
        builder(1).oom_score_adj(500).build(),
        builder(1).start_method(procpool::StartMethod::Forkserver).build(),
        builder(1).preload(|| ()).build(),
    ];
    for pool in refused {
        assert!(matches!(pool, Err(Error::InvalidArgument(_))), "{pool:?}");
    }
}
