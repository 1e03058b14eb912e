//! The server's thread, for a pool: started when the pool needs its first worker, joined when the pool is over.

use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use procpool_launch::{Elsewhere, Service, StartError};

use super::run;
use crate::command::Launcher;

/// Starts the server's thread, for a pool.
#[derive(Debug)]
pub(crate) struct Remote {
    launcher: Launcher,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Remote {
    pub(crate) fn new(launcher: Launcher) -> Self {
        Self { launcher, thread: Mutex::new(None) }
    }

    /// Waits for a thread whose pool has ended it, or whose end the pool has been told.
    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic of the thread is a bug, reported by the hook.
        let _ = thread.map(JoinHandle::join);
    }
}

impl Elsewhere for Remote {
    fn serve(&mut self, service: Service) -> Result<(), StartError> {
        self.join();
        let launcher = self.launcher.clone();
        let thread = thread::Builder::new().name("procpool-hosts".to_owned());
        let thread = thread.spawn(move || run(service, &launcher)).map_err(|error| {
            let errno = error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw);
            StartError { what: "the thread for other hosts", errno }
        })?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.join();
    }
}
