//! This same program as a plain child, for limits that need a second process.
//!
//! Owns the roles of a child, and their command line. A limit and the pool start the same executable, so
//! its size and its linking make no difference between them.

use std::process::{Child, Command, Stdio};

use procpool_testkit::gate;

use crate::{Outcome, pools};

/// The first argument of a child; a role follows.
const CHILD_ARGUMENT: &str = "child";

/// The role of a child.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    /// Returns from `main` at once.
    Return,
    /// The answering end of a ping-pong; its stdin is a socket.
    Echo,
    /// The same, and it never sleeps while a block lasts.
    SpinningEcho,
    /// Touches memory, gives a permit to a gate and waits to be killed.
    Hold { bytes: usize, gate: String },
    /// Prints the memory of a queued task, in a fresh heap.
    QueuedMemory,
}

impl Role {
    fn arguments(&self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Return => &["return"],
            Self::Echo => &["echo"],
            Self::SpinningEcho => &["spinning-echo"],
            Self::Hold { bytes, gate } => &["hold", &bytes.to_string(), gate],
            Self::QueuedMemory => &["queued-memory"],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Reads the output of [`command`](Self::command). `None` if this process is not a child.
    pub(crate) fn read(arguments: &[String]) -> Option<Self> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let [CHILD_ARGUMENT, role @ ..] = &arguments[..] else { return None };
        match role {
            ["return"] => Some(Self::Return),
            ["echo"] => Some(Self::Echo),
            ["spinning-echo"] => Some(Self::SpinningEcho),
            ["hold", bytes, gate] => {
                Some(Self::Hold { bytes: bytes.parse().ok()?, gate: (*gate).to_owned() })
            }
            ["queued-memory"] => Some(Self::QueuedMemory),
            _ => None,
        }
    }

    /// Returns the command that starts a child with this role.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.arg(CHILD_ARGUMENT).args(self.arguments()).stdin(Stdio::null());
        command
    }
}

/// A child that holds memory until it is killed.
pub(crate) fn holding(bytes: usize, arrived: &gate::Gate) -> Outcome<Child> {
    let child = Role::Hold { bytes, gate: arrived.path() }.command().spawn()?;
    arrived.take(1, pools::PATIENCE)?;
    Ok(child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_survive_the_command_line() {
        let hold = Role::Hold { bytes: 9, gate: "/tmp/a b".into() };
        for role in [Role::Return, Role::Echo, Role::SpinningEcho, hold, Role::QueuedMemory] {
            let mut arguments = vec![CHILD_ARGUMENT.to_owned()];
            arguments.extend(role.arguments());
            let read = Role::read(&arguments).map(|role| format!("{role:?}"));
            assert_eq!(read, Some(format!("{role:?}")));
        }
        assert!(Role::read(&["quick".to_owned()]).is_none());
        assert!(Role::read(&[]).is_none());
    }
}
