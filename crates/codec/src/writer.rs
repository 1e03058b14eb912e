//! Values of types that do not consist only of the standard library's → bytes, as postcard writes them
//! (except `char` and 128-bit numbers, whose encoding is simpler).
//!
//! Owns the serializer that refuses values that a format without names cannot carry, and computes the
//! fingerprint of the others. It reports the positions of the value's parts to a [`Trace`], which uses them
//! only if the type is checked.

use std::fmt::{self, Display, Write};

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::Output;
use super::cut::{Cut, Fingerprint, Run};
use super::number::varint;
use super::part::Step;

/// The reason why a value was not written. Boxed, so that a success is returned in a register.
#[derive(Debug)]
pub(super) struct Error(Box<Reason>);

#[derive(Debug)]
enum Reason {
    /// There was no room for it.
    Full,
    /// A field was skipped: its owner and its name.
    Skipped(&'static str, &'static str),
    /// The length of a sequence or map was not known before it was written.
    NoLength,
    /// An error of the type's own `Serialize`.
    Custom(String),
}

impl Error {
    #[cold]
    fn new(reason: Reason) -> Self {
        Self(Box::new(reason))
    }

    /// Returns whether the message lacks a subject.
    pub(super) fn needs_location(&self) -> bool {
        matches!(*self.0, Reason::NoLength)
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Full => f.write_str("there is no room for it"),
            Reason::Skipped(owner, field) => write!(
                f,
                "field `{field}` of `{owner}` was left out, by #[serde(skip_serializing_if)]: drop that \
                 attribute, or wrap the value in procpool::SelfDescribing"
            ),
            Reason::NoLength => f.write_str(
                "is a sequence or map whose length is not known before it is written, as \
                 #[serde(flatten)] makes them: wrap the value in procpool::SelfDescribing",
            ),
            Reason::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Reason::Custom(message.to_string()))
    }
}

/// Observes the writer's progress through a value.
pub(super) trait Trace {
    /// Returns the fingerprint so far.
    fn print(&mut self) -> &mut Fingerprint;

    #[inline]
    fn cut(&mut self, cut: Cut) {
        self.print().cut(cut);
    }

    /// A sequence or a map begins. Its cut is made at its end.
    #[inline]
    fn begin(&mut self) {}

    /// Text or bytes, which are cut as a sequence of bytes.
    #[inline]
    fn text(&mut self) {
        self.cut(Cut::Sequence);
    }

    #[inline]
    fn wrote(&mut self, _bytes: usize) {}

    /// A part of type `T` of the current value begins.
    #[inline]
    fn enter<T: ?Sized>(&mut self, _step: Step) {}

    #[inline]
    fn leave(&mut self) {}

    #[inline]
    fn unit(&mut self) {}

    #[inline]
    fn tuple(&mut self, _length: usize) {}

    /// A struct ends after this many fields, which were all entered.
    #[inline]
    fn fields(&mut self, _owner: &'static str, _count: usize) {}

    #[inline]
    fn variant(&mut self, _index: u32, _name: &'static str) {}
}

impl Trace for Fingerprint {
    #[inline]
    fn print(&mut self) -> &mut Fingerprint {
        self
    }
}

/// A serde serializer for an output.
#[derive(Debug)]
pub(super) struct Writer<'a, O, T> {
    output: &'a mut O,
    pub(super) trace: T,
}

impl<'a, O: Output, T: Trace> Writer<'a, O, T> {
    pub(super) fn new(output: &'a mut O, trace: T) -> Self {
        Self { output, trace }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.trace.wrote(bytes.len());
        if self.output.extend(bytes) { Ok(()) } else { Err(Error::new(Reason::Full)) }
    }

    #[inline]
    fn number(&mut self, number: u64) -> Result<(), Error> {
        let (bytes, length) = varint(number);
        self.put(&bytes[..length])
    }

    #[inline]
    fn cut_number(&mut self, cut: Cut, number: u64) -> Result<(), Error> {
        self.trace.cut(cut);
        self.number(number)
    }

    #[inline]
    fn cut_bytes(&mut self, cut: Cut, bytes: &[u8]) -> Result<(), Error> {
        self.trace.cut(cut);
        self.put(bytes)
    }

    #[inline]
    fn text(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.trace.text();
        self.number(bytes.len() as u64)?;
        self.put(bytes)
    }

    #[inline]
    fn part<V: Serialize + ?Sized>(&mut self, step: Step, value: &V) -> Result<(), Error> {
        self.trace.enter::<V>(step);
        value.serialize(&mut *self)?;
        self.trace.leave();
        Ok(())
    }

    /// Enters a variant's content. `Fields::leave` or the caller leaves it.
    #[inline]
    fn variant(&mut self, index: u32, name: &'static str) -> Result<(), Error> {
        self.trace.cut(Cut::Unsigned);
        self.trace.variant(index, name);
        self.number(index.into())?;
        self.trace.enter::<()>(Step::Variant(index, name));
        Ok(())
    }

    #[inline]
    fn fields(&mut self, owner: &'static str, is_variant: bool) -> Fields<'_, 'a, O, T> {
        Fields { writer: self, owner, count: 0, is_variant }
    }
}

/// A tuple or a struct that is being written.
pub(super) struct Fields<'w, 'a, O, T> {
    writer: &'w mut Writer<'a, O, T>,
    owner: &'static str,
    count: usize,
    is_variant: bool,
}

/// A sequence or a map that is being written.
pub(super) struct Elements<'w, 'a, O, T> {
    writer: &'w mut Writer<'a, O, T>,
    run: Run,
}

/// Defines methods of serde's traits, one per line.
macro_rules! writes {
    ($self:ident; $($method:ident $([$v:ident])? ($($name:ident: $type:ty),*) -> $ok:ty $body:block)*) => {
        $(#[inline]
        fn $method $(<$v: Serialize + ?Sized>)? ($self, $($name: $type),*) -> Result<$ok, Error> $body)*
    };
}

type Name = &'static str;

impl<'w, 'a, O: Output, T: Trace> Serializer for &'w mut Writer<'a, O, T> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Elements<'w, 'a, O, T>;
    type SerializeMap = Elements<'w, 'a, O, T>;
    type SerializeTuple = Fields<'w, 'a, O, T>;
    type SerializeTupleStruct = Fields<'w, 'a, O, T>;
    type SerializeTupleVariant = Fields<'w, 'a, O, T>;
    type SerializeStruct = Fields<'w, 'a, O, T>;
    type SerializeStructVariant = Fields<'w, 'a, O, T>;

    writes! { self;
        serialize_u16(n: u16) -> () { self.cut_number(Cut::Unsigned, n.into()) }
        serialize_u32(n: u32) -> () { self.cut_number(Cut::Unsigned, n.into()) }
        serialize_u64(n: u64) -> () { self.cut_number(Cut::Unsigned, n) }
        serialize_i16(n: i16) -> () { self.serialize_i64(n.into()) }
        serialize_i32(n: i32) -> () { self.serialize_i64(n.into()) }
        serialize_i64(n: i64) -> () { self.cut_number(Cut::Signed, ((n << 1) ^ (n >> 63)) as u64) }
        serialize_bool(flag: bool) -> () { self.cut_bytes(Cut::Byte, &[flag.into()]) }
        serialize_u8(n: u8) -> () { self.cut_bytes(Cut::Byte, &[n]) }
        serialize_i8(n: i8) -> () { self.cut_bytes(Cut::SignedByte, &n.to_le_bytes()) }
        serialize_f32(n: f32) -> () { self.cut_bytes(Cut::F32, &n.to_le_bytes()) }
        serialize_f64(n: f64) -> () { self.cut_bytes(Cut::F64, &n.to_le_bytes()) }
        serialize_u128(n: u128) -> () { self.cut_bytes(Cut::Long, &n.to_le_bytes()) }
        serialize_i128(n: i128) -> () { self.cut_bytes(Cut::Long, &n.to_le_bytes()) }
        serialize_char(c: char) -> () { self.cut_number(Cut::Char, u32::from(c).into()) }
        serialize_str(text: &str) -> () { self.text(text.as_bytes()) }
        serialize_bytes(bytes: &[u8]) -> () { self.text(bytes) }
        serialize_none() -> () { self.serialize_u8(0) }
        serialize_some[V](value: &V) -> () {
            self.cut_bytes(Cut::Byte, &[1])?;
            self.part(Step::Inner, value)
        }
        serialize_unit() -> () {
            self.trace.unit();
            Ok(())
        }
        serialize_unit_struct(_owner: Name) -> () { self.serialize_unit() }
        serialize_newtype_struct[V](_owner: Name, value: &V) -> () { self.part(Step::Newtype, value) }
        serialize_unit_variant(_owner: Name, index: u32, name: Name) -> () {
            self.variant(index, name)?;
            self.trace.unit();
            self.trace.leave();
            Ok(())
        }
        serialize_newtype_variant[V](_owner: Name, index: u32, name: Name, value: &V) -> () {
            self.variant(index, name)?;
            self.part(Step::Newtype, value)?;
            self.trace.leave();
            Ok(())
        }
        serialize_seq(length: Option<usize>) -> Self::SerializeSeq {
            self.trace.begin();
            self.number(length.ok_or_else(|| Error::new(Reason::NoLength))? as u64)?;
            let run = self.trace.print().begin();
            Ok(Elements { writer: self, run })
        }
        serialize_map(length: Option<usize>) -> Self::SerializeMap { self.serialize_seq(length) }
        serialize_tuple(_length: usize) -> Self::SerializeTuple { Ok(self.fields("", false)) }
        serialize_tuple_struct(owner: Name, _length: usize) -> Self::SerializeTupleStruct {
            Ok(self.fields(owner, false))
        }
        serialize_tuple_variant(_owner: Name, index: u32, name: Name, _length: usize) -> Self::SerializeTupleVariant {
            self.variant(index, name)?;
            Ok(self.fields(name, true))
        }
        serialize_struct(owner: Name, _length: usize) -> Self::SerializeStruct { Ok(self.fields(owner, false)) }
        serialize_struct_variant(_owner: Name, index: u32, name: Name, _length: usize) -> Self::SerializeStructVariant {
            self.variant(index, name)?;
            Ok(self.fields(name, true))
        }
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    fn collect_str<V: Display + ?Sized>(self, value: &V) -> Result<(), Error> {
        let mut text = String::new();
        write!(text, "{value}").map_err(ser::Error::custom)?;
        self.text(text.as_bytes())
    }
}

/// Implements serde's traits for tuples and structs, which differ in how they name the next part.
macro_rules! parts {
    ($($trait:ident::$method:ident($($key:ident: $type:ty)?) $end:ident $skip:tt)*) => {
        $(impl<O: Output, T: Trace> ser::$trait for Fields<'_, '_, O, T> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<V: Serialize + ?Sized>(&mut self, $($key: $type,)? value: &V) -> Result<(), Error> {
                let step = parts!(@step self $($key)?);
                self.count += 1;
                self.writer.part(step, value)
            }

            #[inline]
            fn end(self) -> Result<(), Error> {
                self.$end()
            }

            parts! { @skip $skip }
        })*
    };
    (@step $self:ident) => { Step::Nth($self.count) };
    (@step $self:ident $key:ident) => { Step::Field($self.owner, $key) };
    (@skip {}) => {};
    (@skip {skips}) => {
        fn skip_field(&mut self, key: Name) -> Result<(), Error> {
            Err(Error::new(Reason::Skipped(self.owner, key)))
        }
    };
}

parts! {
    SerializeTuple::serialize_element() end_tuple {}
    SerializeTupleStruct::serialize_field() end_tuple {}
    SerializeTupleVariant::serialize_field() end_tuple {}
    SerializeStruct::serialize_field(key: Name) end_struct {skips}
    SerializeStructVariant::serialize_field(key: Name) end_struct {skips}
}

impl<O, T: Trace> Fields<'_, '_, O, T> {
    #[inline]
    fn end_tuple(self) -> Result<(), Error> {
        self.writer.trace.tuple(self.count);
        self.leave()
    }

    #[inline]
    fn end_struct(self) -> Result<(), Error> {
        self.writer.trace.fields(self.owner, self.count);
        self.leave()
    }

    #[inline]
    fn leave(self) -> Result<(), Error> {
        if self.is_variant {
            self.writer.trace.leave();
        }
        Ok(())
    }
}

impl<O: Output, T: Trace> Elements<'_, '_, O, T> {
    /// Writes the last part of an element.
    #[inline]
    fn last<V: Serialize + ?Sized>(&mut self, step: Step, value: &V) -> Result<(), Error> {
        self.writer.part(step, value)?;
        self.writer.trace.print().element(&mut self.run);
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<(), Error> {
        self.writer.trace.print().end(self.run);
        Ok(())
    }
}

impl<O: Output, T: Trace> ser::SerializeSeq for Elements<'_, '_, O, T> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Error> {
        self.last(Step::Element, value)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl<O: Output, T: Trace> ser::SerializeMap for Elements<'_, '_, O, T> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<V: Serialize + ?Sized>(&mut self, key: &V) -> Result<(), Error> {
        self.writer.part(Step::Key, key)
    }

    #[inline]
    fn serialize_value<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Error> {
        self.last(Step::Value, value)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}
