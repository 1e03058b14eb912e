//! Tasks are sent ahead, workers are killed at random instants, futures are cancelled: and still every
//! finished task keeps its result, at most one outcome is unknown for each death, the others run
//! elsewhere, exactly once, and nothing runs twice.
//!
//! The workers record every task that they run, with one write each to a file that outlives them. A round
//! is [`TASKS`] tasks of about a microsecond, a random number of cancellations, and one SIGKILL. The seed
//! is printed; `EXACTNESS_SEED` repeats it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{
    Activity, DeathPolicy, Error, Future, ProcessPoolExecutor, StartMethod, WorkerExit,
};
use procpool_testkit::watch;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

procpool::init_tests!();

const ROUNDS: u32 = 300;
const TASKS: u32 = 500;

/// The worker's state: the file for its records.
fn open_trace(path: String) -> Result<File, std::io::Error> {
    OpenOptions::new().append(true).open(path)
}

/// Records that it runs, in one write; returns.
fn run(trace: &mut File, number: u32) -> u64 {
    let record = [number.to_le_bytes(), std::process::id().to_le_bytes()].concat();
    assert_eq!(trace.write(&record).expect("the file is open"), record.len());
    answer(number)
}

fn answer(number: u32) -> u64 {
    u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn pid(_: &mut File, _: ()) -> u32 {
    std::process::id()
}

/// Reads the new records: for each task, the workers in which it ran.
fn read_trace(file: &mut File) -> HashMap<u32, Vec<u32>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("the trace is readable");
    let mut ran = HashMap::<u32, Vec<u32>>::new();
    for record in bytes.chunks(8) {
        let number = |part: &[u8]| u32::from_le_bytes(part.try_into().expect("four bytes"));
        ran.entry(number(&record[..4])).or_default().push(number(&record[4..]));
    }
    ran
}

/// The numbers of a round, for the account at the end.
#[derive(Debug, Default)]
struct Account {
    rounds: u32,
    in_doubt: u32,
    cancelled: u32,
    /// Rounds in which the killed worker had run some of the tasks, and others ran elsewhere.
    interrupted: u32,
}

struct Judge {
    executor: ProcessPoolExecutor<File>,
    trace: File,
    random: StdRng,
    account: Account,
    next: u32,
}

impl Judge {
    fn new(method: StartMethod, max_workers: usize, path: &Path, seed: u64) -> Self {
        File::create(path).expect("the folder is writable");
        let text = path.to_str().expect("a plain path").to_owned();
        let executor = ProcessPoolExecutor::builder()
            .start_method(method)
            .max_workers(max_workers)
            .death_policy(DeathPolicy::Replace { retries: 0 })
            .initializer_with_args(open_trace, text)
            .build()
            .expect("a pool can be made");
        Self {
            executor,
            trace: File::open(path).expect("it was made above"),
            random: StdRng::seed_from_u64(seed),
            account: Account::default(),
            next: 0,
        }
    }

    fn round(&mut self) {
        let victim = self.executor.submit_with(pid, ()).result().expect("a worker answers");
        let first = self.next;
        self.next += TASKS;
        // The kill happens after a number of tasks, at any moment between two looks.
        let before = self.records();
        let kill_at = before + self.random.random_range(0..u64::from(TASKS) / 2);
        let mut killed = false;
        let mut futures: Vec<Future<u64>> = Vec::new();
        let mut cancelled = vec![false; TASKS as usize];
        for number in first..self.next {
            futures.push(self.executor.submit_with(run, number));
            if self.random.random_ratio(1, 50) {
                let place = self.random.random_range(0..futures.len());
                cancelled[place] |= futures[place].cancel();
            }
            killed |= !killed && self.kill_at(kill_at, victim);
        }
        while !killed {
            killed = self.kill_at(kill_at, victim);
        }
        let results: Vec<_> = futures.iter().map(Future::result).collect();
        self.judge(first, victim, &cancelled, results);
    }

    /// The number of tasks that have run so far, in all rounds.
    fn records(&self) -> u64 {
        self.trace.metadata().expect("the trace is there").len() / 8
    }

    /// Kills `victim` if enough tasks have run.
    fn kill_at(&mut self, records: u64, victim: u32) -> bool {
        let now = self.records() >= records;
        if now {
            // Any instant within a task.
            (0..self.random.random_range(0..2_000)).for_each(|_| std::hint::spin_loop());
            kill(Pid::from_raw(victim as i32), Signal::SIGKILL)
                .expect("it lives, or is not reaped");
        }
        now
    }

    fn judge(
        &mut self,
        first: u32,
        victim: u32,
        cancelled: &[bool],
        results: Vec<Result<u64, Error>>,
    ) {
        let ran = read_trace(&mut self.trace);
        let mut in_doubt = 0;
        let (mut by_victim, mut elsewhere) = (0, 0);
        for (number, (result, cancelled)) in (first..).zip(results.into_iter().zip(cancelled)) {
            let workers = ran.get(&number).map_or(&[][..], |workers| &workers[..]);
            by_victim += u32::from(workers.contains(&victim));
            elsewhere += u32::from(workers.iter().any(|worker| *worker != victim));
            match result {
                Ok(value) => {
                    assert_eq!(value, answer(number), "task {number}");
                    assert_eq!(workers.len(), 1, "task {number} ran in {workers:?}");
                    assert!(!cancelled, "task {number} was cancelled, and ran");
                }
                Err(Error::Cancelled) => {
                    assert!(cancelled, "task {number} was not cancelled");
                    assert_eq!(workers.len(), 0, "task {number} was cancelled, and ran");
                    self.account.cancelled += 1;
                }
                Err(Error::WorkerDied(death)) => {
                    let how = (death.pid, death.exit);
                    assert_eq!(how, (victim, WorkerExit::Signal(9)), "task {number}");
                    assert!(
                        matches!(death.activity, Activity::Running(_)),
                        "task {number}: {death}"
                    );
                    assert!(workers.len() <= 1, "task {number} ran in {workers:?}");
                    assert!(!cancelled, "task {number} was cancelled, and failed");
                    in_doubt += 1;
                }
                Err(other) => panic!("task {number}: {other}"),
            }
        }
        assert!(in_doubt <= 1, "{in_doubt} tasks of one dead worker are in doubt");
        let ours = first..first + TASKS;
        assert!(ran.keys().all(|number| ours.contains(number)), "an old task ran again");
        self.account.rounds += 1;
        self.account.in_doubt += in_doubt;
        self.account.interrupted += u32::from(by_victim > 0 && elsewhere > 0);
    }
}

/// Judges many rounds, and asserts that enough of them were of the relevant kind.
fn judge_rounds(method: StartMethod, max_workers: usize) {
    let given = std::env::var("EXACTNESS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| rand::rng().next_u64());
    println!("EXACTNESS_SEED={seed}");
    watch::within(2 * watch::HANG, move || {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut judge = Judge::new(method, max_workers, &folder.path().join("trace"), seed);
        (0..ROUNDS).for_each(|_| judge.round());
        println!("{:?}", judge.account);
        let Account { rounds, interrupted, cancelled, in_doubt } = judge.account;
        assert_eq!(rounds, ROUNDS);
        assert!(interrupted > ROUNDS / 4, "most kills were before or after all tasks");
        assert!(cancelled > ROUNDS / 4, "nothing was ever cancelled in time");
        assert!(in_doubt > 0, "no kill ever hit a task");
    });
}

// Behaviours: CAN-07, BRK-11, BRK-12.
#[test]
fn one_worker_after_another_runs_every_task_at_most_once() {
    judge_rounds(StartMethod::Spawn, 1);
}

// Behaviours: CAN-07, BRK-11, BRK-12.
#[test]
fn two_workers_of_which_one_is_killed_run_every_task_at_most_once() {
    judge_rounds(StartMethod::Spawn, 2);
}

// Behaviours: CAN-07, BRK-11, BRK-12.
#[test]
fn two_forked_workers_of_which_one_is_killed_run_every_task_at_most_once() {
    judge_rounds(StartMethod::Forkserver, 2);
}
