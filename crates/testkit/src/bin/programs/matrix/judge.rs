//! One judgement for each kind of cell.

use procpool::{
    Activity, BrokenCause, DeathPolicy, Error, ExitReason, KillOutcome, ShutdownOptions,
    WorkerDeath, WorkerExit,
};
use procpool_testkit::fault::Fault;
use procpool_testkit::pool::cause_of;
use procpool_testkit::task::pid;

use super::table::{self, Cell, Expected, Moment, Outcome};
use super::trial::{Asked, PROMISE, Trial, wait_until_stopped};

/// Judges one cell that does not concern this program's own process, under one policy.
pub(crate) fn judge(cell: &Cell, policy: DeathPolicy) {
    let mut trial = Trial::new(cell, policy);
    let worker = trial.start();
    let judge = Judge { fault: cell.fault, policy, worker };
    match cell.expected() {
        Expected::Task(outcome) => judge.task(trial, cell.moment, outcome),
        Expected::Death => judge.death(trial),
        Expected::BadStart => judge.bad_start(trial),
        Expected::IdleDeath => judge.idle_death(trial),
        Expected::BadLeave => judge.leave(trial, ExitReason::Died(judge.exit())),
        Expected::LeaveExceedsLimit => judge.leave(trial, ExitReason::TimeLimitExceeded),
        Expected::TaskExceedsLimit => judge.task_exceeds_limit(trial),
        Expected::NeedsKill => judge.needs_kill(trial),
        Expected::IdleUntilShutdown => judge.idle_until_shutdown(trial),
        Expected::Program | Expected::CannotExist(_) => unreachable!("it is not judged here"),
    }
}

#[derive(Debug, Clone, Copy)]
struct Judge {
    fault: Fault,
    policy: DeathPolicy,
    /// The worker that fails.
    worker: u32,
}

impl Judge {
    fn exit(&self) -> WorkerExit {
        table::exit_of(self.fault).expect("this fault ends processes")
    }

    fn breaks(&self) -> bool {
        self.policy == DeathPolicy::Break
    }

    fn assert_died(&self, death: &WorkerDeath, activity: Activity) {
        let WorkerDeath { pid, exit, activity: was, .. } = death;
        assert_eq!((*pid, *exit, *was), (self.worker, self.exit(), activity), "{death}");
    }

    fn task(&self, mut trial: Trial, moment: Moment, outcome: Outcome) {
        match (trial.hit(), outcome) {
            (Asked::Outcome(Ok(())), Outcome::Result)
            | (Asked::Panicked, Outcome::CallerPanics) => {}
            (Asked::Outcome(Err(Error::Panicked(panic))), Outcome::Panicked) => {
                assert_eq!(panic.message, "the fault is a panic");
            }
            (Asked::Outcome(Err(Error::Codec(error))), Outcome::Codec(step)) => {
                assert_eq!(error.step, step, "{error}");
            }
            (other, _) => panic!("{other:?}"),
        }
        if moment == Moment::Idle {
            trial.let_go();
            trial.wait_until_over();
        }
        assert_eq!(trial.assert_goes_on(), self.worker, "the worker lives on");
        trial.executor.shutdown();
        assert_eq!(trial.exit_of(self.worker), ExitReason::Finished);
    }

    fn death(&self, mut trial: Trial) {
        let Asked::Outcome(Err(error)) = trial.hit() else { panic!("the worker has died") };
        if self.breaks() {
            let BrokenCause::WorkerDied(death) = cause_of(&error) else { panic!("{error}") };
            self.assert_died(death, Activity::Running(1));
            assert_broken(&trial, &error);
        } else {
            let Error::WorkerDied(death) = &error else { panic!("{error}") };
            self.assert_died(death, Activity::Running(1));
            assert_ne!(trial.assert_goes_on(), self.worker);
        }
        assert_eq!(trial.exit_of(self.worker), ExitReason::Died(self.exit()));
    }

    fn bad_start(&self, mut trial: Trial) {
        let hit = trial.hit();
        let reason = match self.fault {
            Fault::Error | Fault::Panic => ExitReason::InitializerFailed,
            _ => ExitReason::Died(self.exit()),
        };
        match hit {
            Asked::Outcome(Ok(())) if !self.breaks() => {
                assert_ne!(trial.assert_goes_on(), self.worker);
            }
            Asked::Outcome(Err(error)) if self.breaks() => {
                let of = self.worker;
                match (cause_of(&error), self.fault) {
                    (BrokenCause::InitializerFailed { pid, message }, Fault::Error) => {
                        assert_eq!((*pid, &message[..]), (of, "the fault is an error"));
                    }
                    (BrokenCause::InitializerPanicked { pid, panic }, Fault::Panic) => {
                        assert_eq!((*pid, &panic.message[..]), (of, "the fault is a panic"));
                    }
                    (BrokenCause::WorkerDied(death), _) => {
                        self.assert_died(death, Activity::Initializing);
                    }
                    (other, _) => panic!("{other}"),
                }
                assert_broken(&trial, &error);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(trial.exit_of(self.worker), reason);
    }

    fn idle_death(&self, mut trial: Trial) {
        assert_eq!(trial.hit(), Asked::Outcome(Ok(())), "it was over before");
        trial.let_go();
        assert_eq!(trial.exit_of(self.worker), ExitReason::Died(self.exit()));
        if self.breaks() {
            let error = trial.executor.submit(pid, ()).error().expect("the pool is broken");
            let BrokenCause::WorkerDied(death) = cause_of(&error) else { panic!("{error}") };
            self.assert_died(death, Activity::Idle);
        } else {
            assert_ne!(trial.assert_goes_on(), self.worker);
        }
    }

    fn leave(&self, mut trial: Trial, reason: ExitReason) {
        assert_eq!(trial.hit(), Asked::Outcome(Ok(())), "it was over before");
        assert_eq!(trial.exit_of(self.worker), reason);
        assert_ne!(trial.assert_goes_on(), self.worker);
    }

    fn task_exceeds_limit(&self, mut trial: Trial) {
        let hit = trial.hit();
        let Asked::Outcome(Err(Error::TimeLimitExceeded { work_item: 1, .. })) = hit else {
            panic!("{hit:?}")
        };
        assert_eq!(trial.exit_of(self.worker), ExitReason::TimeLimitExceeded);
        assert_ne!(trial.assert_goes_on(), self.worker);
    }

    fn needs_kill(&self, mut trial: Trial) {
        let hit = trial.submit();
        wait_until_stopped(self.worker);
        trial.executor.kill_workers();
        let error = hit().expect_err("it never ran");
        assert_eq!(cause_of(&error), &BrokenCause::Killed);
        assert_eq!(trial.exit_of(self.worker), ExitReason::Killed);
    }

    fn idle_until_shutdown(&self, mut trial: Trial) {
        assert_eq!(trial.hit(), Asked::Outcome(Ok(())), "it was over before");
        trial.let_go();
        wait_until_stopped(self.worker);
        // The pool does not know that the worker is stopped; tasks that were sent to it can be taken back.
        let waits = trial.executor.submit(pid, ());
        assert_eq!(waits.kill(), KillOutcome::Cancelled);
        trial.executor.shutdown_with(ShutdownOptions::new().wait(false));
        assert_eq!(trial.exit_of(self.worker), ExitReason::TimeLimitExceeded);
        assert_eq!(waits.result_timeout(PROMISE), Err(Error::Cancelled));
        // After a shutdown that did not wait, dropping does not wait either.
        trial.executor.shutdown();
    }
}

/// Asserts that the pool gives the same error to later tasks.
fn assert_broken(trial: &Trial, error: &Error) {
    assert_eq!(trial.executor.submit(pid, ()).error().as_ref(), Some(error));
}
