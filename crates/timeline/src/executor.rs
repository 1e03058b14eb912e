//! A pool that records its run.
//!
//! Owns the pool, the thread that reads its events, and the files. The thread exists from `record` to the
//! end of the pool.

use std::any::type_name;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;

use procpool::{Builder, Error, Future, Map, Payload, ProcessPoolExecutor};

use crate::log::{Log, TASKS};
use crate::marks::{self, VARIABLE, nanos};
use crate::task::{Items, Marked, call, call_with};
use crate::timeline::Timeline;

/// The most notes of workers that are read for each task, which has two for each time that it was tried.
const MARKS: usize = 8;

/// Builds pools that record their runs.
pub trait Record<S> {
    /// Builds a pool as [`Builder::build`] does, and records its run: `path`.svg and `path`.json are
    /// written when it ends. Until then, workers write to `path`.marks.
    ///
    /// Its folder is made if it is missing. An extension of `path` is replaced.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::build`], and [`Error::InvalidArgument`] if the file for the workers cannot be
    /// made.
    ///
    /// # Examples
    ///
    /// See [the crate](crate).
    fn record(self, path: impl Into<PathBuf>) -> Result<Recorded<S>, Error>;

    /// Like [`record`](Self::record), for at most `most` tasks, where that takes [`TASKS`]. Those after them
    /// run as usual and are counted. A recorded task takes some 400 bytes of memory at the end, and some
    /// 800 in the trace.
    ///
    /// # Errors
    ///
    /// Those of [`record`](Self::record).
    fn record_at_most(self, most: usize, path: impl Into<PathBuf>) -> Result<Recorded<S>, Error>;
}

impl<S: 'static> Record<S> for Builder<S> {
    fn record(self, path: impl Into<PathBuf>) -> Result<Recorded<S>, Error> {
        self.record_at_most(TASKS, path)
    }

    fn record_at_most(self, most: usize, path: impl Into<PathBuf>) -> Result<Recorded<S>, Error> {
        let path = path.into();
        let refused = |error: io::Error| {
            let what = format!("record: no file can be made at {}: {error}", path.display());
            Error::InvalidArgument(what.into())
        };
        // Workers may have another folder.
        let path = std::path::absolute(&path).map_err(refused)?;
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(refused)?;
        let marks = path.with_extension("marks");
        File::create(&marks).map_err(refused)?;
        let began = nanos(SystemTime::now());
        let executor = match self.env(VARIABLE, &marks).build() {
            Ok(executor) => executor,
            Err(error) => {
                let _ = fs::remove_file(&marks);
                return Err(error);
            }
        };
        let log = Arc::new(Log::new(most));
        let events = executor.events();
        let reader = std::thread::Builder::new().name("procpool-timeline".to_owned()).spawn({
            let log = Arc::clone(&log);
            move || events.for_each(|event| log.event(event))
        });
        let reader = Some(reader.map_err(refused)?);
        let owner = std::process::id();
        Ok(Recorded { executor: Some(executor), log, reader, path, began, owner })
    }
}

/// A pool that records its run. It is a [`ProcessPoolExecutor`] otherwise.
///
/// Tasks that are submitted by its own methods are recorded. Any other way to submit, such as
/// [`ProcessPoolExecutor::submit_options`], is recorded through [`submit_by`](Self::submit_by) or
/// [`map_by`](Self::map_by).
///
/// The end of the run, which [`finish`](Self::finish) or the drop waits for, is that of the pool.
#[must_use = "the pool ends when this is dropped"]
pub struct Recorded<S: 'static = ()> {
    executor: Option<ProcessPoolExecutor<S>>,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    /// Absolute, of the files, which differ by extension.
    path: PathBuf,
    /// In nanoseconds since 1970.
    began: u64,
    /// A forked copy of the program must not end the run.
    owner: u32,
}

impl<S: 'static> Recorded<S> {
    /// Submits one call of `task`; see [`ProcessPoolExecutor::submit`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool_timeline::Record;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     procpool::init();
    /// #     let folder = std::env::temp_dir().join(format!("timeline-submit-{}", std::process::id()));
    /// let executor = procpool::ProcessPoolExecutor::builder()
    /// #         .max_workers(1)
    ///     .record(folder.join("run"))?;
    /// assert_eq!(executor.submit(|x: u32| x + 1, 1).result()?, 2);
    /// #     drop(executor);
    /// #     std::fs::remove_dir_all(folder)?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn submit<F, A, R>(&self, task: F, arguments: A) -> Future<R>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Payload,
        R: Payload,
    {
        self.submit_by(task, arguments, |task, arguments| self.deref().submit(task, arguments))
    }

    /// Submits one call of `task` with the state of its worker; see [`ProcessPoolExecutor::submit_with`].
    pub fn submit_with<F, A, R>(&self, _task: F, arguments: A) -> Future<R>
    where
        F: Fn(&mut S, A) -> R + Copy + 'static,
        A: Payload,
        R: Payload,
    {
        let number = self.log.submit(type_name::<F>(), None);
        let future = self.deref().submit_with(call_with::<F, S, A, R>, (number, arguments));
        self.watch(number, &future);
        future
    }

    /// Submits one call of `task` by `submit`, which gets what it has to pass on: for the options of a
    /// submission.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use procpool_timeline::Record;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     procpool::init();
    /// #     let folder = std::env::temp_dir().join(format!("timeline-by-{}", std::process::id()));
    /// #     let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.record(folder.join("run"))?;
    /// let limited = executor.submit_options().time_limit(Duration::from_secs(60));
    /// let future = executor.submit_by(|x: u32| x + 1, 1, |task, x| limited.submit(task, x));
    /// assert_eq!(future.result()?, 2);
    /// #     drop(executor);
    /// #     std::fs::remove_dir_all(folder)?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn submit_by<F, A, R>(
        &self,
        _task: F,
        arguments: A,
        submit: impl FnOnce(fn(Marked<A>) -> R, Marked<A>) -> Future<R>,
    ) -> Future<R>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Payload,
        R: Payload,
    {
        let number = self.log.submit(type_name::<F>(), None);
        let future = submit(call::<F, A, R>, (number, arguments));
        self.watch(number, &future);
        future
    }

    /// Runs `task` for each of `items`; see [`ProcessPoolExecutor::map`].
    pub fn map<F, A, R, I>(&self, task: F, items: I) -> Map<R>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        self.map_by(task, items, |task, items| self.deref().map(task, items))
    }

    /// Runs `task` with the state of its worker for each of `items`; see
    /// [`ProcessPoolExecutor::map_with`].
    pub fn map_with<F, A, R, I>(&self, _task: F, items: I) -> Map<R>
    where
        F: Fn(&mut S, A) -> R + Copy + 'static,
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        let items = Items::new(&self.log, type_name::<F>(), items.into_iter());
        self.deref().map_with(call_with::<F, S, A, R>, items)
    }

    /// Runs `task` for each of `items` by `map`, which gets what it has to pass on: for the options of a
    /// map.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool_timeline::Record;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     procpool::init();
    /// #     let folder = std::env::temp_dir().join(format!("timeline-map-{}", std::process::id()));
    /// #     let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.record(folder.join("run"))?;
    /// let chunks = executor.map_options().chunksize(10);
    /// let map = executor.map_by(|x: u32| x + 1, 0..100, |task, items| chunks.map(task, items));
    /// assert_eq!(map.map(|result| result.unwrap()).sum::<u32>(), 5050);
    /// #     drop(executor);
    /// #     std::fs::remove_dir_all(folder)?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn map_by<F, A, R, I, M>(
        &self,
        _task: F,
        items: I,
        map: impl FnOnce(fn(Marked<A>) -> R, Items<I::IntoIter>) -> M,
    ) -> M
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Payload,
        R: Payload,
        I: IntoIterator<Item = A>,
    {
        map(call::<F, A, R>, Items::new(&self.log, type_name::<F>(), items.into_iter()))
    }

    /// Ends the pool as its drop does, writes the files and returns the timeline.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written. The pool has ended in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// # use procpool_timeline::Record;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     procpool::init();
    /// #     let folder = std::env::temp_dir().join(format!("timeline-finish-{}", std::process::id()));
    /// #     let builder = procpool::ProcessPoolExecutor::builder().max_workers(1);
    /// let executor = builder.record(folder.join("run"))?;
    /// executor.submit(|x: u32| x + 1, 1).result()?;
    /// println!("{}", executor.finish()?.text());
    /// #     std::fs::remove_dir_all(folder)?;
    /// #     Ok(())
    /// # }
    /// ```
    pub fn finish(mut self) -> io::Result<Timeline> {
        self.end()
    }

    fn watch<R: Payload>(&self, number: u64, future: &Future<R>) {
        let log = Arc::clone(&self.log);
        future.add_done_callback(move |future| log.settle(number, future.id(), future.error()));
    }

    fn end(&mut self) -> io::Result<Timeline> {
        drop(self.executor.take());
        // Ends with the pool. It runs nothing that panics.
        let _ = self.reader.take().map(JoinHandle::join);
        let marks_path = self.path.with_extension("marks");
        let marks = marks::read(&marks_path, self.log.most.saturating_mul(MARKS))?;
        let timeline = Timeline::new(self.owner, self.began, self.log.take(), &marks);
        let write = |extension: &str, write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
            let mut file = BufWriter::new(File::create(self.path.with_extension(extension))?);
            write(&mut file)?;
            file.flush()
        };
        write("svg", &|file| file.write_all(timeline.svg(&name(&self.path)).as_bytes()))?;
        write("json", &|file| timeline.write_trace(file))?;
        fs::remove_file(marks_path)?;
        Ok(timeline)
    }
}

/// The name of a run.
fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

impl<S: 'static> Deref for Recorded<S> {
    type Target = ProcessPoolExecutor<S>;

    fn deref(&self) -> &ProcessPoolExecutor<S> {
        self.executor.as_ref().expect("only `end` takes it, which is the last call")
    }
}

impl<S: 'static> Drop for Recorded<S> {
    fn drop(&mut self) {
        if self.owner != std::process::id() {
            // The thread does not exist in this copy of the program.
            std::mem::forget((self.reader.take(), self.executor.take()));
        } else if self.executor.is_some()
            && let Err(error) = self.end()
        {
            eprintln!("procpool-timeline: {} could not be written: {error}", self.path.display());
        }
    }
}

impl<S: 'static> fmt::Debug for Recorded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("path", &self.path).finish_non_exhaustive()
    }
}
