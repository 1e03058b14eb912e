//! A look at the processes of a run, and what two looks must have in common.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Finding, require};

/// The state of the owner's processes at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Its name in the case.
    pub name: String,
    /// The time: nanoseconds of CLOCK_MONOTONIC.
    pub at: u64,
    /// The number of descriptors of the owner.
    pub descriptors: usize,
    /// The number of its threads.
    pub threads: usize,
    /// Its descendants that are alive.
    pub alive: BTreeSet<u32>,
    /// Its children that are zombies.
    pub zombies: BTreeSet<u32>,
    /// The descriptors of each of its descendants: number and target.
    pub opened: Vec<(u32, Vec<(i32, String)>)>,
    /// The private memory in use by each of its descendants, in KiB.
    #[serde(default)]
    pub memory: BTreeMap<u32, u64>,
    /// The objects in /dev/shm that its processes use, or used at an earlier look.
    pub shared_memory: BTreeSet<String>,
    /// The files in the folder for temporary files.
    #[serde(default)]
    pub temporary: BTreeSet<String>,
    /// The surroundings of the owner, and of each of its descendants that is alive.
    #[serde(default)]
    pub surroundings: BTreeMap<u32, Surroundings>,
}

/// The inherited state of a process besides its descriptors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// Its working folder.
    pub folder: String,
    /// The permissions that its new files lack, in octal digits.
    pub umask: String,
    /// The dispositions of signals: `SIGPIPE` is `ignored`, `caught`, `blocked` in the main thread, or `default`.
    pub signals: BTreeMap<String, String>,
    /// The names of the variables with which the owner was started, and this process was not, or with
    /// another value.
    pub lacks: BTreeSet<String>,
}

impl Sample {
    /// Checks that the surroundings of the program `owner` are the same at the look `after`, except what
    /// the signals `but` do.
    ///
    /// # Errors
    ///
    /// They are not, or one look did not see the program.
    pub fn program_is_as_at(&self, after: &Self, owner: u32, but: &[&str]) -> Finding {
        let of = |look: &Self| {
            let found = look.surroundings.get(&owner).cloned();
            found.ok_or_else(|| format!("the program was not seen at the look \"{}\"", look.name))
        };
        let (before, after) = (of(self)?, of(after)?);
        for (what, before, after) in [
            ("working folder", &before.folder, &after.folder),
            ("umask", &before.umask, &after.umask),
        ] {
            require(before == after, || format!("the program's {what} was changed, to {after:?}"))?;
        }
        let due = before.signals.iter().filter(|(name, _)| !but.contains(&name.as_str()));
        for (name, does) in due {
            let now = after.signals.get(name).map_or("unknown", String::as_str);
            require(now == does, || {
                format!("{name} was {does} in the program before the pool, and {now} after it")
            })?;
        }
        Ok(())
    }

    /// Checks that nothing has been added since the look `before`.
    ///
    /// # Errors
    ///
    /// There is more of something.
    pub fn is_no_more_than(&self, before: &Self) -> Finding {
        let counts = [
            ("descriptors", before.descriptors, self.descriptors),
            ("threads", before.threads, self.threads),
            ("processes", before.alive.len(), self.alive.len()),
            ("zombies", before.zombies.len(), self.zombies.len()),
        ];
        for (of, before, now) in counts {
            require(now <= before, || format!("{before} {of} at first, {now} at the end"))?;
        }
        let files = [
            ("in shared memory", &before.shared_memory, &self.shared_memory),
            ("in the folder for temporary files", &before.temporary, &self.temporary),
        ];
        for (place, before, now) in files {
            // Those of a pool that the program still has are other ones each time.
            let added: Vec<&String> = now.difference(before).collect();
            require(now.len() <= before.len(), || format!("{added:?} is left {place}"))?;
        }
        Ok(())
    }
}
