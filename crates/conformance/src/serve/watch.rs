//! Waits for a change of a file, and for the signals that end the program.
//!
//! The folder is watched and not the file, so a file that was replaced is still followed.

use std::ffi::OsString;
use std::os::fd::AsFd as _;
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// A change of the file, or a signal that ends the program.
#[derive(Debug)]
pub(super) enum Event {
    /// The file was written, replaced or removed.
    Changed,
    /// SIGINT or SIGTERM has arrived.
    Signal,
}

/// See the module's header.
#[derive(Debug)]
pub(super) struct Watch {
    folder: Inotify,
    signals: SignalFd,
    name: OsString,
}

impl Watch {
    /// Begins to watch, and blocks the signals in this thread and those that it starts.
    pub(super) fn of(file: &Path) -> Result<Self, String> {
        let fault = |reason: &str| format!("{} cannot be watched: {reason}", file.display());
        let name = file.file_name().ok_or_else(|| fault("it is a folder"))?.to_owned();
        // The parent of a mere name is empty.
        let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let watched = watched(folder).and_then(|folder| Ok((folder, signals()?)));
        let (folder, signals) = watched.map_err(|error| fault(error.desc()))?;
        Ok(Self { folder, signals, name })
    }

    /// Waits for the next event.
    pub(super) fn next(&self) -> Result<Event, String> {
        loop {
            let of = |fd| PollFd::new(fd, PollFlags::POLLIN);
            let mut both = [of(self.signals.as_fd()), of(self.folder.as_fd())];
            match poll(&mut both, PollTimeout::NONE) {
                Ok(_) if both[0].any() == Some(true) => return Ok(Event::Signal),
                Ok(_) if self.has_changed()? => return Ok(Event::Changed),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(format!("the file cannot be watched: {error}")),
            }
        }
    }

    fn has_changed(&self) -> Result<bool, String> {
        let events = self.folder.read_events();
        let events = events.map_err(|error| format!("the file cannot be watched: {error}"))?;
        let is = |flags| events.iter().any(|event| event.mask.intersects(flags));
        if is(AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_MOVE_SELF) {
            return Err("the folder of the results was removed or renamed".to_owned());
        }
        // Of more changes than the system keeps, it says only that there were some.
        let named = events.iter().any(|event| event.name.as_ref() == Some(&self.name));
        Ok(named || is(AddWatchFlags::IN_Q_OVERFLOW))
    }
}

fn watched(folder: &Path) -> nix::Result<Inotify> {
    let changes = AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_MOVED_FROM
        | AddWatchFlags::IN_DELETE;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
    inotify.add_watch(folder, changes | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ONLYDIR)?;
    Ok(inotify)
}

fn signals() -> nix::Result<SignalFd> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)
}
