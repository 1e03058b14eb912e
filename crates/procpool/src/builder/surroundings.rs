//! The builder's settings for the surroundings of workers: their environment, the destination of
//! their output, their process groups, the signals that they ignore, when the out-of-memory killer takes
//! them.
//!
//! Checks nothing: `start::surroundings` and `build` do.

use std::ffi::OsString;

use super::Builder;
use crate::start::Output;

impl<S> Builder<S> {
    /// Sets an environment variable in the workers. The program's own environment stays as it is.
    ///
    /// Workers have the environment that the program has when they are started. A variable that is
    /// set here has this value instead; of several values for a name the last counts. Names and
    /// values that no environment can hold are an error of [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::ProcessPoolExecutor;
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    ///     .env("OMP_NUM_THREADS", "1")
    ///     .env("RUST_BACKTRACE", "1")
    ///     .build()?;
    /// let threads = executor.submit(|()| std::env::var("OMP_NUM_THREADS").ok(), ());
    /// assert_eq!(threads.result()?.as_deref(), Some("1"));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.surroundings.variables.push((name.into(), value.into()));
        self
    }

    /// Sets the destination of the workers' stdout; by default that of the program's.
    ///
    /// # Examples
    ///
    /// A log file for each worker:
    ///
    /// ```
    /// # use procpool::{Output, ProcessPoolExecutor};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     procpool::init();
    /// #     let folder = std::env::temp_dir().join(format!("procpool-{}", std::process::id()));
    /// #     std::fs::create_dir(&folder)?;
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .stdout(Output::File(folder.join("worker-{worker}.log")))
    ///     .build()?;
    /// executor.submit(|name: String| println!("hello, {name}"), "log".to_owned()).result()?;
    /// assert_eq!(std::fs::read_to_string(folder.join("worker-0.log"))?, "hello, log\n");
    /// #     std::fs::remove_dir_all(folder)?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn stdout(mut self, output: Output) -> Self {
        self.surroundings.stdout = output;
        self
    }

    /// Sets the destination of the workers' stderr; by default that of the program's.
    ///
    /// See [`stdout`](Self::stdout).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// #     use procpool::{Output, ProcessPoolExecutor};
    /// let builder = ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.stderr(Output::Null).build()?;
    /// executor.submit(|()| eprintln!("nobody sees this"), ()).result()?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn stderr(mut self, output: Output) -> Self {
        self.surroundings.stderr = output;
        self
    }

    /// Keeps the last `lines` lines that each worker writes to stderr, for the
    /// [report of its death](crate::WorkerDeath::stderr). By default none are kept.
    ///
    /// The workers' stderr is then a pipe. A thread of the pool reads it and passes everything on
    /// to the destination set by [`stderr`](Self::stderr). The first 4 KiB of each line are kept.
    ///
    /// The workers' output is passed on before the executor's drop returns, unless the program's
    /// stderr accepts nothing for a second. A program that a task started and that outlives the
    /// pool holds an end of a pipe that nobody reads: give it a stderr of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::{BrokenCause, Error, Output, ProcessPoolExecutor};
    /// fn give_up(code: i32) {
    ///     eprintln!("the licence server does not answer");
    ///     std::process::exit(code);
    /// }
    ///
    /// # fn main() -> Result<(), Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    /// #         .stderr(Output::Null)
    ///     .capture_stderr(20)
    ///     .build()?;
    /// let error = executor.submit(give_up, 3).error();
    /// #     let Some(Error::BrokenProcessPool(broken)) = error else { panic!("the worker exits") };
    /// let BrokenCause::WorkerDied(death) = broken.cause() else { panic!("the worker exits") };
    /// assert_eq!(death.stderr.as_deref(), Some("the licence server does not answer"));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn capture_stderr(mut self, lines: usize) -> Self {
        self.surroundings.captured_lines = Some(lines);
        self
    }

    /// Sets how soon the kernel's out-of-memory killer takes a worker, as `/proc/PID/oom_score_adj`
    /// (see proc_pid_oom_score_adj(5)): from -1000, never, to 1000, first. By default a worker has the
    /// program's value.
    ///
    /// A number above the program's own makes workers go before the program. A lower one needs
    /// a privilege (CAP_SYS_RESOURCE); without it no worker can be started. It is set before the
    /// initializer runs, and programs that tasks start inherit it. A forkserver keeps the program's
    /// value. The report of a worker's death says [whether it was such a
    /// kill](crate::WorkerDeath::oom_killed).
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::ProcessPoolExecutor;
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder().max_workers(1).oom_score_adj(800).build()?;
    /// let score = executor.submit(|()| std::fs::read_to_string("/proc/self/oom_score_adj").ok(), ());
    /// assert_eq!(score.result()?.as_deref(), Some("800\n"));
    /// #     Ok(())
    /// # }
    /// ```
    pub fn oom_score_adj(mut self, score: i16) -> Self {
        self.policies.oom_score_adj = Some(score);
        self
    }

    /// Leaves SIGTERM, SIGHUP, SIGQUIT and SIGINT to the program: workers ignore them, and so does a
    /// forkserver. By default a worker ends by the first three, and its task with it; SIGINT never
    /// ends one.
    ///
    /// A terminal sends such a signal to all processes of the program's group, and systemd sends
    /// SIGTERM to all of its control group (`KillMode=control-group`). With this setting the program
    /// can finish its tasks first, and decides when its workers end. They still end with it if it is
    /// killed.
    ///
    /// Workers run with the first three signals blocked; a task can accept one by sigwait(3). Programs
    /// that a task starts inherit that, and ignore these signals, too, unless they unblock them, as
    /// many shells do. Where the pool would send SIGTERM, in
    /// [`terminate_workers`](crate::ProcessPoolExecutor::terminate_workers) and after a
    /// [time limit](Self::task_time_limit), it kills at once instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nix::sys::signal::{Signal, kill};
    /// # use nix::unistd::Pid;
    /// # use procpool::ProcessPoolExecutor;
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor = ProcessPoolExecutor::builder().max_workers(1).ignore_group_signals().build()?;
    /// let worker = executor.submit(|()| std::process::id(), ()).result()?;
    /// kill(Pid::from_raw(worker.cast_signed()), Signal::SIGTERM).expect("it is our own");
    /// assert_eq!(executor.submit(|()| std::process::id(), ()).result()?, worker);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn ignore_group_signals(mut self) -> Self {
        self.surroundings.ignores_group_signals = true;
        self
    }

    /// Sets whether each worker leads a process group of its own; by default all are in the
    /// program's.
    ///
    /// If the pool kills such a worker, or it dies otherwise, all processes of its group are killed
    /// too: the programs that its tasks have started, unless they left the group. A worker that
    /// exits because the pool ends does not affect them.
    ///
    /// For the terminal, these groups are in the background. Ctrl-C and Ctrl-Z do not reach the
    /// workers and the programs that tasks start, since the terminal signals the program's group; a
    /// task that reads from the terminal (`/dev/tty`) is stopped by SIGTTIN, and its future stays
    /// pending. Writing works, unless the terminal is set to forbid it (`stty tostop`). It is the
    /// pool that kills groups: if the program itself is killed, only the workers end with it. If
    /// the program ignores SIGCHLD, so does its forkserver: the kernel then reaps the forkserver's workers
    /// before their groups can be killed, and these live on; the groups of
    /// [`StartMethod::Spawn`](crate::StartMethod::Spawn) do not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool::ProcessPoolExecutor;
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// let executor =
    ///     ProcessPoolExecutor::builder().max_workers(1).process_groups(true).build()?;
    /// let group = executor.submit(|()| nix::unistd::getpgrp().as_raw(), ()).result()?;
    /// let worker = executor.submit(|()| std::process::id(), ()).result()?;
    /// assert_eq!(group.unsigned_abs(), worker);
    /// #     Ok(())
    /// # }
    /// ```
    pub fn process_groups(mut self, process_groups: bool) -> Self {
        self.surroundings.process_groups = process_groups;
        self
    }
}
