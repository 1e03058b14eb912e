//! A process that lives on until the test is over.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::os::Watched;

/// A process that must outlive its parent, and is killed at the end of the test in any case.
#[derive(Debug)]
pub struct Bystander(pub Watched);

impl Drop for Bystander {
    fn drop(&mut self) {
        if !self.0.ended_within(std::time::Duration::ZERO) {
            let _ = kill(Pid::from_raw(self.0.pid as i32), Signal::SIGKILL);
        }
    }
}
