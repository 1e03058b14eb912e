//! Value ↔ bytes, in [postcard's documented format](https://postcard.jamesmunns.com/wire-format).
//!
//! An internal crate of procpool: its interface follows the pool's needs. It owns the choice of the format,
//! and the promise that a value arrives equal or is an error. It knows neither frames nor functions. The
//! format contains no names and no types: if a value is written in one way and read in another, all later
//! bytes are shifted.
//!
//! ```text
//! type                             written and read by          checked by
//! number                           `number`                     –
//! `Vec<u8>`, `String`              copied as bytes              –
//! other standard library types     postcard                     –
//! any other type                   `writer`, `reader`           `log`, which asks `probe`, before the first
//!                                                               value of a shape is sent; the fingerprint
//!                                                               of its `cut`s, when a value is read
//! ```
//!
//! The standard library's types read what they write. Other types may not, because of serde's attributes or
//! hand-written code. The check never runs a `Deserialize` to its end in the sending process, so it misses
//! some differences; the fingerprint detects those when the value is read.

#![forbid(unsafe_code)]

mod cut;
mod log;
pub mod number;
mod part;
mod probe;
mod reader;
mod self_describing;
mod writer;

use std::any::{Any, TypeId, type_name};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;
use std::thread::LocalKey;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::cut::Fingerprint;
use self::log::Log;
use self::reader::Reader;
use self::writer::Writer;

pub use self::self_describing::SelfDescribing;

/// How many shapes of a type are checked: a sequence of enums has a shape for each order of variants.
/// More finds rarer faults before a value is sent, but takes longer for types with many shapes; less leaves
/// more to the fingerprint.
const SHAPES: usize = 256;

/// A value that could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The type of the value.
    pub type_name: &'static str,
    /// The reason.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type `{}`: {}", self.type_name, self.message)
    }
}

impl std::error::Error for Error {}

/// The destination of an encoded value.
pub trait Output {
    /// Appends bytes. Returns `false` if there is no room for them.
    fn extend(&mut self, bytes: &[u8]) -> bool;

    /// Appends the first `length` of eight bytes. Returns `false` if there is no room for all eight.
    fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool;
}

impl Output for Vec<u8> {
    #[inline]
    fn extend(&mut self, bytes: &[u8]) -> bool {
        /// The most bytes that are copied one by one. Most values are numbers: a few bytes of variable
        /// length, which were stored one by one a moment ago. Copying them in the same way costs a fraction
        /// of a call of memcpy, whose wide loads wait for the narrow stores. More slows long copies down;
        /// less sends some numbers through memcpy.
        const FEW: usize = 10;
        if bytes.len() <= FEW {
            self.reserve(FEW);
            bytes.iter().for_each(|byte| self.push(*byte));
        } else {
            self.extend_from_slice(bytes);
        }
        true
    }

    #[inline]
    fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool {
        let end = self.len() + length;
        self.extend_from_slice(&bytes);
        self.truncate(end);
        true
    }
}

/// Appends `value` to `output`. On failure `output` is unchanged.
///
/// # Errors
///
/// The value cannot be written, or its type would read something else.
#[inline]
pub fn encode<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    output: &mut Vec<u8>,
) -> Result<(), Box<Error>> {
    let before = output.len();
    match encode_to(value, output) {
        Ok(()) => Ok(()),
        Err(()) => encode_checked(value, output, before),
    }
}

/// Appends `value` to `output`, unless its shape must be checked first or its error needs an explanation.
/// After a failure `output` may end with a part of the value.
///
/// # Errors
///
/// [`encode`] has to encode the value.
#[expect(clippy::result_unit_err, reason = "`encode` returns the reason")]
#[inline]
pub fn encode_to<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    output: &mut impl Output,
) -> Result<(), ()> {
    let done = |done| if done { Ok(()) } else { Err(()) };
    if let Some(bytes) = as_bytes(value) {
        return done(output.extend(bytes));
    }
    if let Some((word, length)) = number::encode(value)
        && output.extend_short(word.to_le_bytes(), length)
    {
        return Ok(());
    }
    match kind::<T>(&WRITTEN) {
        Kind::Standard => postcard::serialize_with_flavor(value, Appender(output)).map_err(|_| ()),
        Kind::Unchecked => Err(()),
        Kind::Checked => done(encode_known(value, output)),
    }
}

/// Appends a value and its fingerprint. Returns `false` if the value cannot be written or its shape is
/// unchecked. Not inlined, so that the standard library's types do not pay for its size.
#[inline(never)]
fn encode_known<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    output: &mut impl Output,
) -> bool {
    let mut writer = Writer::new(output, Fingerprint::START);
    let written = value.serialize(&mut writer);
    let print = writer.trace;
    written.is_ok() && is_known::<T>(print) && output.extend(&print.0.to_le_bytes())
}

/// Does the same from position `before` on, with a check of the value's shape. Returns the reason on failure.
#[cold]
#[inline(never)]
fn encode_checked<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    output: &mut Vec<u8>,
    before: usize,
) -> Result<(), Box<Error>> {
    output.truncate(before);
    let mut writer = Writer::new(output, Log::of::<T>());
    let written = value.serialize(&mut writer);
    let log = writer.trace;
    let written = written.map_err(|error| match error.needs_location() {
        true => format!("{} {error}", log.location()),
        false => error.to_string(),
    });
    let is_standard = is_standard(type_name::<T>());
    let checked = written.and_then(|()| match is_standard {
        true => Err("its Serialize reported an error, and none when it was asked again".to_owned()),
        false => log.check::<T>(&output[before..]),
    });
    checked.map_err(|message| {
        output.truncate(before);
        failure::<T>(message)
    })?;
    learn::<T>(log.print);
    output.extend_from_slice(&log.print.0.to_le_bytes());
    Ok(())
}

/// Reads a value that occupies all of `input`.
///
/// # Errors
///
/// The bytes are no such value, or were not written as one.
#[inline]
pub fn decode<T: DeserializeOwned + 'static>(input: &[u8]) -> Result<T, Box<Error>> {
    if is_bytes::<T>() {
        return from_bytes(input.to_vec());
    }
    // The compiler knows the answer to the first question.
    if number::is::<T>() || kind::<T>(&READ) == Kind::Standard {
        return match postcard::take_from_bytes::<T>(input) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(left_over::<T>(rest.len())),
            Err(error) => Err(undecodable::<T>(error)),
        };
    }
    decode_compared(input)
}

/// Reads a value, and compares the fingerprint of the read with that of the write.
#[inline]
fn decode_compared<T: DeserializeOwned>(input: &[u8]) -> Result<T, Box<Error>> {
    let (input, print) = input.split_last_chunk().unwrap_or((input, &[0; 4]));
    let mut reader = Reader::new(input);
    match T::deserialize(&mut reader) {
        Ok(value) if reader.rest.is_empty() && reader.print.0.to_le_bytes() == *print => Ok(value),
        Ok(_) => Err(misread::<T>(reader.rest.len())),
        Err(error) => Err(unread::<T>(&error)),
    }
}

/// Reads a value that occupies all of `input`. A `Vec<u8>` or a `String` takes over the bytes.
///
/// # Errors
///
/// As for [`decode`].
pub fn decode_taking<T: DeserializeOwned + 'static>(input: &mut Vec<u8>) -> Result<T, Box<Error>> {
    if is_bytes::<T>() { from_bytes(std::mem::take(input)) } else { decode(input) }
}

/// Turns a `Vec<u8>` or a `String` into its bytes.
///
/// # Errors
///
/// Returns a value of any other type.
pub fn into_bytes<T: 'static>(value: T) -> Result<Vec<u8>, T> {
    let mut slot = Some(value);
    let any: &mut dyn Any = &mut slot;
    let bytes = match any.downcast_mut::<Option<Vec<u8>>>() {
        Some(bytes) => bytes.take(),
        None => any.downcast_mut::<Option<String>>().and_then(Option::take).map(String::into_bytes),
    };
    // The slot is empty exactly if the bytes were taken out of it.
    match slot {
        Some(value) => Err(value),
        None => Ok(bytes.unwrap_or_default()),
    }
}

/// Makes an error. It is boxed, so that a success is returned in registers: moving a wide result through
/// memory costs as much as decoding a number.
#[cold]
fn failure<T>(message: impl Into<String>) -> Box<Error> {
    Box::new(Error { type_name: type_name::<T>(), message: message.into() })
}

#[cold]
fn undecodable<T>(error: postcard::Error) -> Box<Error> {
    failure::<T>(error.to_string())
}

#[cold]
fn left_over<T>(bytes: usize) -> Box<Error> {
    failure::<T>(format!("{bytes} bytes are left over after reading it back"))
}

#[cold]
fn unread<T>(error: &reader::Error) -> Box<Error> {
    match error.is_custom() {
        true => failure::<T>(format!("its Deserialize refused the data: {error}")),
        false => failure::<T>(does_not_mirror(&error.to_string())),
    }
}

#[cold]
fn misread<T>(left_over: usize) -> Box<Error> {
    let found = match left_over {
        0 => "another type than was written".to_owned(),
        bytes => format!("{bytes} bytes are left over after reading it back"),
    };
    failure::<T>(does_not_mirror(&found))
}

fn does_not_mirror(found: &str) -> String {
    format!(
        "its Deserialize does not read what its Serialize wrote ({found}): let one mirror the other, \
         or wrap the value in procpool::SelfDescribing"
    )
}

/// How values of a type are written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It consists only of the standard library's types: postcard writes and reads it.
    Standard,
    /// At least one value of it was checked.
    Checked,
    /// No value of it was checked.
    Unchecked,
}

type LastKind = Cell<Option<(TypeId, Kind)>>;

thread_local! {
    /// The kinds of the types that this thread wrote last and read last: a map has one of each. They have no
    /// destructor, so destructors of other thread-locals may still submit.
    static WRITTEN: LastKind = const { Cell::new(None) };
    static READ: LastKind = const { Cell::new(None) };
    /// The shapes that this thread wrote last, by the lowest bits of their fingerprints.
    static LAST: [Cell<Option<(TypeId, Fingerprint)>>; 16] = const { [const { Cell::new(None) }; 16] };
}

/// The checked shapes. Only accessed by `try_lock`: a process that was forked while this was locked checks
/// them again.
static KNOWN: Mutex<BTreeMap<TypeId, BTreeSet<u32>>> = Mutex::new(BTreeMap::new());

#[inline]
fn kind<T: 'static>(last: &'static LocalKey<LastKind>) -> Kind {
    let of = TypeId::of::<T>();
    let is = |id| id == of;
    // The compiler knows the answer.
    let is_short = is(TypeId::of::<u8>()) || is(TypeId::of::<bool>());
    if number::is::<T>() || is_short || is(TypeId::of::<f64>()) || is(TypeId::of::<()>()) {
        return Kind::Standard;
    }
    match last.get() {
        Some((id, kind)) if is(id) => kind,
        _ => find_kind::<T>(last),
    }
}

#[cold]
fn find_kind<T: 'static>(last: &'static LocalKey<LastKind>) -> Kind {
    let id = TypeId::of::<T>();
    let checked = || KNOWN.try_lock().is_ok_and(|known| known.contains_key(&id));
    let kind = match is_standard(type_name::<T>()) {
        true => Kind::Standard,
        false if checked() => Kind::Checked,
        false => Kind::Unchecked,
    };
    last.set(Some((id, kind)));
    kind
}

/// Returns whether all types in the name are the standard library's.
fn is_standard(type_name: &str) -> bool {
    let words = type_name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let mut crates = words.filter_map(|path| path.split_once("::")).map(|(name, _)| name);
    crates.all(|name| matches!(name, "core" | "alloc" | "std"))
}

#[inline]
fn is_known<T: 'static>(print: Fingerprint) -> bool {
    let entry = Some((TypeId::of::<T>(), print));
    LAST.with(|last| {
        let last = &last[print.0 as usize % last.len()];
        last.get() == entry || {
            let known = KNOWN.try_lock().is_ok_and(|known| {
                let shapes = known.get(&TypeId::of::<T>());
                shapes.is_some_and(|shapes| shapes.contains(&print.0) || shapes.len() >= SHAPES)
            });
            if known {
                last.set(entry);
            }
            known
        }
    })
}

fn learn<T: 'static>(print: Fingerprint) {
    if let Ok(mut known) = KNOWN.try_lock() {
        known.entry(TypeId::of::<T>()).or_default().insert(print.0);
        WRITTEN.set(None);
    }
}

/// Returns whether `T` is `Vec<u8>` or `String`. Their bytes are their encoding: the enclosing frame gives
/// the length. Element by element they would cost some 2 ns a byte.
fn is_bytes<T: 'static>() -> bool {
    let id = TypeId::of::<T>();
    id == TypeId::of::<Vec<u8>>() || id == TypeId::of::<String>()
}

fn as_bytes<T: 'static>(value: &T) -> Option<&[u8]> {
    let value: &dyn Any = value;
    match value.downcast_ref::<Vec<u8>>() {
        Some(bytes) => Some(bytes),
        None => value.downcast_ref::<String>().map(String::as_bytes),
    }
}

/// The inverse of [`into_bytes`].
fn from_bytes<T: 'static>(bytes: Vec<u8>) -> Result<T, Box<Error>> {
    let mut slot = None::<T>;
    let any: &mut dyn Any = &mut slot;
    if let Some(slot) = any.downcast_mut::<Option<Vec<u8>>>() {
        *slot = Some(bytes);
    } else if let Some(slot) = any.downcast_mut::<Option<String>>() {
        let text = String::from_utf8(bytes);
        *slot = Some(text.map_err(|error| failure::<T>(error.to_string()))?);
    }
    slot.ok_or_else(|| failure::<T>("it is not bytes".to_owned()))
}

/// An [`Output`] as postcard's output.
struct Appender<'a, O>(&'a mut O);

impl<O: Output> Flavor for Appender<'_, O> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if self.0.extend(data) { Ok(()) } else { Err(postcard::Error::SerializeBufferFull) }
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
