//! A function and its arguments ↔ bytes.
//!
//! Owns the trampolines: functions, one per kind of call and set of types, that decode arguments,
//! call the user's function and encode its return value. A trampoline is sent along with the user's
//! function (see [`Entry`]), so a worker needs no table of tasks. Knows no frames and no pool.

use std::any::Any;
use std::fmt::Display;
use std::time::Instant;

use procpool_link::Draft;
use procpool_link::Entry;
use procpool_os::code::{self, FnPointer, Function};
use procpool_os::lineage::Lineage;

use crate::chunk;
use crate::codec::{self, Output, number};
use crate::error::{CodecError, CodecStep, Error};
use crate::failure::{Failure, encode_failure};
use crate::panics::catch;
use crate::payload::Payload;

/// A draft as an encoder's output.
struct Drafting<'a>(&'a mut Draft);

impl Output for Drafting<'_> {
    #[inline]
    fn extend(&mut self, bytes: &[u8]) -> bool {
        self.0.extend(bytes)
    }

    #[inline]
    fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool {
        self.0.extend_short(bytes, length)
    }
}

/// The state that a worker's tasks share: the initializer's `S`, behind `Any` because the worker's
/// loop does not know its type.
pub(crate) type WorkerState = Option<Box<dyn Any>>;

/// The encoded input and output of a call. The buffers are reused.
#[derive(Debug)]
pub(crate) struct CallBuffers {
    pub(crate) arguments: Vec<u8>,
    /// The beginning of a chunk's output; the rest is in `output`.
    pub(crate) draft: Draft,
    pub(crate) output: Vec<u8>,
    /// The worker's process. A forked copy of it, made by user code, goes no further.
    home: Lineage,
}

impl CallBuffers {
    /// Creates the buffers of worker `home`.
    pub(crate) fn new(draft: Draft, home: Lineage) -> Self {
        Self { arguments: Vec::new(), draft, output: Vec::new(), home }
    }

    /// Empties the buffers. Returns the memory of one that held something large.
    pub(crate) fn recycle(&mut self) -> Option<Vec<u8>> {
        /// More keeps more memory in idle workers; less reallocates it for medium-sized payloads.
        const KEPT: usize = 64 * 1024;
        let mut long = None;
        for buffer in [&mut self.arguments, &mut self.output] {
            buffer.clear();
            if buffer.capacity() > KEPT {
                long = Some(std::mem::take(buffer));
            }
        }
        long
    }
}

/// Runs a task or a chunk with the user's function and the worker's state, the initializer, which fills that state,
/// or the finalizer, which takes it.
pub(crate) type Trampoline =
    fn(Function, &mut CallBuffers, &mut WorkerState) -> Result<(), Failure>;

/// The return type of an initializer: `()`, or `Result<S, E>` with any displayable `E`.
///
/// `S` is the worker's state: tasks submitted with
/// [`submit_with`](crate::ProcessPoolExecutor::submit_with) and
/// [`map_with`](crate::ProcessPoolExecutor::map_with) get it as `&mut S`. It never leaves its
/// worker, so it need not be `Send` or serializable. An `Err` breaks the pool, as
/// [`initializer`](crate::Builder::initializer) says, with its text as the cause. That text is
/// formatted by `{:#}`, which includes the causes of an `anyhow` or `eyre` error; those of a
/// `Box<dyn Error>` or an [`io::Error`](std::io::Error) are appended. For an error of another type
/// whose text omits its causes, use a `Box<dyn Error>` to keep them.
///
/// # Examples
///
/// ```
/// use procpool::InitializerOutput;
///
/// fn is_one<O: InitializerOutput>(_: fn() -> O) {}
/// is_one(|| println!("nothing for the tasks"));
/// is_one(|| "42".parse::<u32>());
/// ```
#[diagnostic::on_unimplemented(
    message = "an initializer returns `()` or `Result<S, E>`, not `{Self}`",
    label = "this initializer returns `{Self}`",
    note = "to give `{Self}` to the tasks as their state, return it in `Ok`, from a function that \
            returns `Result<{Self}, E>`; `E` may be `std::convert::Infallible`"
)]
pub trait InitializerOutput: sealed::Sealed + 'static {
    /// The type that tasks get as `&mut S`.
    type State: 'static;

    #[doc(hidden)]
    fn into_state(self) -> Result<Self::State, String>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<S, E> Sealed for Result<S, E> {}
}

impl InitializerOutput for () {
    type State = ();

    fn into_state(self) -> Result<(), String> {
        Ok(())
    }
}

impl<S: 'static, E: Display + 'static> InitializerOutput for Result<S, E> {
    type State = S;

    fn into_state(self) -> Result<S, String> {
        self.map_err(|error| with_causes(&error))
    }
}

/// The text of an error, with its causes as far as an arbitrary type reveals them: by the alternate
/// form, which `anyhow` and `eyre` use for them, or by downcasting to the types that often have
/// some.
fn with_causes<E: Display + 'static>(error: &E) -> String {
    use std::error::Error as Plain;
    type Boxed = Box<dyn Plain>;
    type BoxedSync = Box<dyn Plain + Send + Sync>;
    let mut text = format!("{error:#}");
    let any: &dyn Any = error;
    let mut cause = match (any.downcast_ref(), any.downcast_ref(), any.downcast_ref()) {
        (Some(boxed), _, _) => Boxed::as_ref(boxed).source(),
        (_, Some(boxed), _) => BoxedSync::as_ref(boxed).source(),
        (_, _, Some(io)) => Plain::source(io as &std::io::Error),
        _ => None,
    };
    while let Some(error) = cause {
        let more = error.to_string();
        // Some texts already contain their cause's.
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// A function that runs as a task: with or without its worker's state.
pub(crate) trait TaskFn: FnPointer {
    type Arguments: Payload;
    type Output: Payload;

    /// Returns the function bound to the state that it takes.
    fn bind(self, state: &mut WorkerState) -> impl FnMut(Self::Arguments) -> Self::Output;
}

impl<A: Payload, R: Payload> TaskFn for fn(A) -> R {
    type Arguments = A;
    type Output = R;

    fn bind(self, _state: &mut WorkerState) -> impl FnMut(A) -> R {
        self
    }
}

impl<S: 'static, A: Payload, R: Payload> TaskFn for fn(&mut S, A) -> R {
    type Arguments = A;
    type Output = R;

    fn bind(self, state: &mut WorkerState) -> impl FnMut(A) -> R {
        let state = state
            .as_mut()
            .and_then(|state| state.downcast_mut())
            .expect("the executor's type ties its tasks to its initializer's state");
        move |arguments| self(state, arguments)
    }
}

/// Returns the entry by which workers call `task`.
pub(crate) fn call_entry<F: TaskFn>(task: F) -> Result<Entry, Error> {
    entry(task, |task, call, state| run_call(typed::<F>(task).bind(state), call))
}

/// Returns the entry by which workers call `task` for every item of a chunk.
pub(crate) fn chunk_entry<F: TaskFn>(task: F) -> Result<Entry, Error> {
    entry(task, |task, call, state| {
        run_chunk(typed::<F>(task).bind(state), call);
        Ok(())
    })
}

/// Returns the entry by which workers call `function` before their first task. Nobody reads its result.
pub(crate) fn first_entry<F: TaskFn>(function: F) -> Result<Entry, Error> {
    entry(function, |function, call, state| {
        let mut function = typed::<F>(function).bind(state);
        run_call(|arguments| drop(function(arguments)), call)
    })
}

/// Returns the entry by which workers call an initializer without arguments.
pub(crate) fn initializer_entry<O: InitializerOutput>(
    initializer: fn() -> O,
) -> Result<Entry, Error> {
    entry(initializer, |function, _, state| keep_state(typed::<fn() -> O>(function)(), state))
}

/// Returns the entry by which workers call an initializer with arguments.
pub(crate) fn initializer_with_entry<A: Payload, O: InitializerOutput>(
    initializer: fn(A) -> O,
) -> Result<Entry, Error> {
    entry(initializer, |function, call, state| {
        let initargs = codec::decode_taking(&mut call.arguments, CodecStep::DecodeArguments);
        let initargs = initargs.map_err(|error| Failure::Codec(*error))?;
        call.home.end_copy();
        keep_state(typed::<fn(A) -> O>(function)(initargs), state)
    })
}

/// Returns the entry by which workers call a finalizer with their state.
pub(crate) fn finalizer_entry<S: 'static>(finalizer: fn(S)) -> Result<Entry, Error> {
    entry(finalizer, |function, _, state| {
        // The parent sends this only after the initializer has succeeded, and once.
        if let Some(state) = state.take().and_then(|state| state.downcast::<S>().ok()) {
            typed::<fn(S)>(function)(*state);
        }
        Ok(())
    })
}

fn entry<F: FnPointer>(function: F, trampoline: Trampoline) -> Result<Entry, Error> {
    let foreign = || Error::ForeignFunction(std::any::type_name::<F>().into());
    Ok(Entry {
        trampoline: code::locate(trampoline).ok_or_else(foreign)?,
        function: code::locate(function).ok_or_else(foreign)?,
    })
}

fn keep_state<O: InitializerOutput>(output: O, state: &mut WorkerState) -> Result<(), Failure> {
    let value = output.into_state().map_err(Failure::Returned)?;
    *state = Some(Box::new(value));
    Ok(())
}

/// The function that was sent along with a trampoline of its own types.
fn typed<F: FnPointer>(function: Function) -> F {
    function.typed().expect("a trampoline travels with a function of its own type")
}

fn run_call<A, R>(task: impl FnOnce(A) -> R, call: &mut CallBuffers) -> Result<(), Failure>
where
    A: Payload,
    R: Payload,
{
    let arguments = codec::decode_taking(&mut call.arguments, CodecStep::DecodeArguments);
    let arguments = arguments.map_err(|error| Failure::Codec(*error))?;
    call.home.end_copy();
    let result = task(arguments);
    match codec::into_bytes(result) {
        Ok(bytes) => {
            call.output = bytes;
            Ok(())
        }
        Err(result) => codec::encode(&result, &mut call.output, CodecStep::EncodeResult)
            .map_err(|error| Failure::Codec(*error)),
    }
}

/// Runs `task` for every item; a panic or a codec error affects its item alone.
fn run_chunk<A, R>(mut task: impl FnMut(A) -> R, call: &mut CallBuffers)
where
    A: Payload,
    R: Payload,
{
    let started = Instant::now();
    let CallBuffers { arguments, draft, output, home } = call;
    let mut items = &arguments[..];
    loop {
        let mut start = output.len();
        // Panics are caught here, not per item: a panic ends the run, and the items behind it form
        // the next one.
        let run = catch(|| {
            while let Some(item) = chunk::take(&mut items) {
                start = output.len();
                let ran = run_item(&mut task, item, draft, output, home);
                ran.map_err(|error| Failure::Codec(*error))?;
            }
            Ok(())
        });
        let Err(failure) = run else { break };
        home.end_copy();
        output.truncate(start);
        chunk::push(output, |output| {
            output.extend_from_slice(&encode_failure(&failure));
            true
        });
        draft.absorb(output);
    }
    let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    if !draft.end(nanos, output) {
        output.extend_from_slice(&nanos.to_le_bytes());
    }
}

#[inline]
fn run_item<A, R>(
    task: impl FnOnce(A) -> R,
    item: chunk::Item<'_>,
    draft: &mut Draft,
    output: &mut Vec<u8>,
    home: &Lineage,
) -> Result<(), Box<CodecError>>
where
    A: Payload,
    R: Payload,
{
    if item.failed {
        chunk::push(output, |output| {
            output.extend_from_slice(item.bytes);
            true
        });
        draft.absorb(output);
        return Ok(());
    }
    let arguments = codec::decode::<A>(item.bytes, CodecStep::DecodeArguments)?;
    // A forked copy of the worker, made by this item, has no draft, and the remaining items belong
    // to its original. Decoding numbers runs no user code.
    if !number::is::<A>() {
        home.end_copy();
    }
    let result = task(arguments);
    home.end_copy();
    if chunk::push_number(&mut Drafting(draft), &result) {
        draft.show();
        return Ok(());
    }
    if !chunk::push_number(output, &result) {
        let mut encoded = Ok(());
        chunk::push(output, |output| {
            encoded = codec::encode(&result, output, CodecStep::EncodeResult);
            false
        });
        encoded?;
    }
    draft.absorb(output);
    Ok(())
}
