//! A worker's side: a layer that reports each event and span, and its set-up.
//!
//! Knows nothing of what the program makes of it.

use std::mem;

use serde::{Deserialize, Serialize};
use tracing::dispatcher::{self, Dispatch};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::packet::{Packet, Values};
use crate::site::Site;

/// The parts that a worker needs to send its records to the program. Made by [`Tracing::worker`](crate::Tracing::worker).
///
/// # Examples
///
/// An initializer of one's own installs it first:
///
/// ```
/// # use procpool::ProcessPoolExecutor;
/// use procpool_tracing::{Tracing, WorkerTracing};
///
/// fn open((tracing, path): (WorkerTracing, String)) -> Result<String, std::io::Error> {
///     tracing.install();
///     tracing::info!(path, "a worker opens its file");
///     std::fs::read_to_string(path)
/// }
///
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// let tracing = Tracing::new();
/// let executor = tracing
///     .attach(ProcessPoolExecutor::builder())
/// #         .max_workers(1)
///     .initializer_with_args(open, (tracing.worker(), "Cargo.toml".to_owned()))
///     .build()?;
/// assert!(executor.submit_with(|text, ()| text.contains("procpool-tracing"), ()).result()?);
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerTracing {
    /// The directives that select the records, in the syntax of [`Targets`].
    pub(crate) directives: String,
}

impl WorkerTracing {
    /// Makes this process, a worker, send its records to the program, those of `log` too. It does nothing
    /// if the program wants none.
    ///
    /// A worker [forked](procpool::StartMethod::Fork) from a program that has a global subscriber has a copy of it, which
    /// cannot be replaced: then only the records of the calling thread, which runs the tasks, are sent.
    ///
    /// # Examples
    ///
    /// See [`WorkerTracing`].
    pub fn install(self) {
        let dispatch = Dispatch::new(Registry::default().with(self.layer()));
        if self.directives == "off" {
            return;
        }
        // Refused in a worker that has the program's.
        let _ = dispatcher::set_global_default(dispatch.clone());
        if !dispatcher::get_default(|current| current.is::<ReportLayer>()) {
            mem::forget(dispatcher::set_default(&dispatch));
        }
        // Records of `log` are filtered as others are. A worker that has the program's logger keeps it.
        #[cfg(feature = "log")]
        let _ = tracing_log::LogTracer::init();
    }

    /// Returns the layer that sends the records, for a subscriber of the worker's own: one that also writes
    /// them to a file, for instance.
    ///
    /// # Examples
    ///
    /// ```
    /// use tracing_subscriber::layer::SubscriberExt;
    /// use tracing_subscriber::util::SubscriberInitExt;
    ///
    /// fn open_log(tracing: procpool_tracing::WorkerTracing) {
    ///     // With a layer for the worker's own file.
    ///     tracing_subscriber::registry().with(tracing.layer()).init();
    /// }
    /// # fn main() -> Result<(), procpool::Error> {
    /// #     procpool::init();
    /// # let tracing = procpool_tracing::Tracing::new();
    /// # let builder = tracing.attach(procpool::ProcessPoolExecutor::builder().max_workers(1));
    /// # let executor = builder.initializer_with_args(open_log, tracing.worker()).build()?;
    /// # executor.submit(|()| tracing::info!("a record"), ()).result()
    /// # }
    /// ```
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        // The program has read them before.
        ReportLayer.with_filter(self.directives.parse::<Targets>().unwrap_or_default())
    }
}

struct ReportLayer;

/// Sends a packet. Nothing on the way records anything, so this does not call itself.
fn send(packet: Packet) {
    // If the system refuses it, the worker cannot send anything else either: it dies, which the program reports.
    let _ = procpool::report(&packet);
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ReportLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| Some(span.parent()?.id().into_u64()));
        let (id, site) = (id.into_u64(), Site::new(attributes.metadata()));
        let values = Values::of(|visitor| attributes.record(visitor));
        send(Packet::SpanOpened { id, site, parent, values });
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, _: Context<'_, S>) {
        let values = Values::of(|visitor| record.record(visitor));
        send(Packet::SpanRecorded { id: id.into_u64(), values });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let parent = context.event_span(event).map(|span| span.id().into_u64());
        let values = Values::of(|visitor| event.record(visitor));
        send(Packet::Event { site: site_of(event), parent, values });
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        send(Packet::SpanClosed { id: id.into_u64() });
    }
}

/// Returns the place of an event. A record of `log` has it in fields, behind its message: they are no fields then.
fn site_of(event: &Event<'_>) -> Site {
    #[cfg(feature = "log")]
    if let Some(record) = tracing_log::NormalizeEvent::normalized_metadata(event) {
        let mut site = Site::new(&record);
        site.fields.truncate(1);
        return site;
    }
    Site::new(event.metadata())
}
