//! Bytes → values of types that do not consist only of the standard library's.
//!
//! Owns the deserializer that mirrors [`Writer`](super::writer::Writer), and computes the fingerprint of its
//! cuts.

use std::fmt::{self, Display};

use serde::de::value::U32Deserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};

use super::cut::{Cut, Fingerprint, Run};

/// The reason why a value was not read. Boxed, so that a success needs no room for it.
#[derive(Debug)]
pub(super) struct Error(Box<Reason>);

#[derive(Debug)]
enum Reason {
    /// The bytes are too short, or invalid for the kind that is read.
    Garbled(&'static str),
    /// An error of the type's own `Deserialize`.
    Custom(String),
}

impl Error {
    #[cold]
    pub(super) fn garbled(what: &'static str) -> Self {
        Self(Box::new(Reason::Garbled(what)))
    }

    #[cold]
    fn short() -> Self {
        Self::garbled("it reads beyond the end of buffer")
    }

    /// Returns whether the type's own `Deserialize` reported it.
    pub(super) fn is_custom(&self) -> bool {
        matches!(*self.0, Reason::Custom(_))
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Garbled(what) => f.write_str(what),
            Reason::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        Self(Box::new(Reason::Custom(message.to_string())))
    }
}

/// A serde deserializer for bytes.
#[derive(Debug)]
pub(super) struct Reader<'de> {
    pub(super) rest: &'de [u8],
    pub(super) print: Fingerprint,
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes, print: Fingerprint::START }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'de [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(Error::short)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(Error::short)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    fn number(&mut self) -> Result<u64, Error> {
        // Most numbers are short.
        match self.rest.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok((*byte).into())
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, Error> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 && (shift < 63 || byte <= 1) {
                return Ok(number);
            }
        }
        Err(Error::garbled("a number is too long"))
    }

    #[inline]
    fn cut<const N: usize>(&mut self, cut: Cut) -> Result<[u8; N], Error> {
        self.print.cut(cut);
        self.array()
    }

    #[inline]
    fn unsigned(&mut self) -> Result<u64, Error> {
        self.print.cut(Cut::Unsigned);
        self.number()
    }

    #[inline]
    fn signed(&mut self) -> Result<i64, Error> {
        self.print.cut(Cut::Signed);
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn char(&mut self) -> Result<char, Error> {
        self.print.cut(Cut::Char);
        char::from_u32(fit(self.number()?)?).ok_or_else(|| Error::garbled("it is not a character"))
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'de [u8], Error> {
        self.print.cut(Cut::Sequence);
        let length = self.number()?;
        self.take(fit(length)?)
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str, Error> {
        str::from_utf8(self.bytes()?).map_err(|_| Error::garbled("text is not UTF-8"))
    }

    #[inline]
    fn sequence<R>(
        &mut self,
        visit: impl FnOnce(Parts<'_, 'de>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut left = fit(self.number()?)?;
        let mut run = self.print.begin();
        let value = visit(Parts { reader: self, left: &mut left, run: Some(&mut run) })?;
        self.print.end(run);
        if left == 0 {
            Ok(value)
        } else {
            Err(Error::garbled("a sequence was not read to its end"))
        }
    }

    #[inline]
    fn flag(&mut self) -> Result<bool, Error> {
        match self.cut(Cut::Byte)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Error::garbled("a byte is neither 0 nor 1")),
        }
    }
}

/// Defines methods of serde's [`Deserializer`], one per line.
macro_rules! visits {
    ($self:ident, $visitor:ident; $($method:ident($($name:ident: $type:ty),*) => $body:expr;)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>($self, $($name: $type,)* $visitor: V) -> Result<V::Value, Error> {
            $body
        })*
    };
}
pub(super) use visits;

/// The name of a type, a field or a variant.
pub(super) type Name = &'static str;
pub(super) type Names = &'static [Name];

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    visits! { self, visitor;
        deserialize_u16() => visitor.visit_u16(fit(self.unsigned()?)?);
        deserialize_u32() => visitor.visit_u32(fit(self.unsigned()?)?);
        deserialize_u64() => visitor.visit_u64(self.unsigned()?);
        deserialize_i16() => visitor.visit_i16(fit(self.signed()?)?);
        deserialize_i32() => visitor.visit_i32(fit(self.signed()?)?);
        deserialize_i64() => visitor.visit_i64(self.signed()?);
        deserialize_bool() => visitor.visit_bool(self.flag()?);
        deserialize_u8() => visitor.visit_u8(u8::from_le_bytes(self.cut(Cut::Byte)?));
        deserialize_i8() => visitor.visit_i8(i8::from_le_bytes(self.cut(Cut::SignedByte)?));
        deserialize_f32() => visitor.visit_f32(f32::from_le_bytes(self.cut(Cut::F32)?));
        deserialize_f64() => visitor.visit_f64(f64::from_le_bytes(self.cut(Cut::F64)?));
        deserialize_u128() => visitor.visit_u128(u128::from_le_bytes(self.cut(Cut::Long)?));
        deserialize_i128() => visitor.visit_i128(i128::from_le_bytes(self.cut(Cut::Long)?));
        deserialize_char() => visitor.visit_char(self.char()?);
        deserialize_str() => visitor.visit_borrowed_str(self.text()?);
        deserialize_string() => visitor.visit_str(self.text()?);
        deserialize_bytes() => visitor.visit_borrowed_bytes(self.bytes()?);
        deserialize_byte_buf() => visitor.visit_bytes(self.bytes()?);
        deserialize_option() => if self.flag()? { visitor.visit_some(self) } else { visitor.visit_none() };
        deserialize_unit() => visitor.visit_unit();
        deserialize_unit_struct(_owner: Name) => visitor.visit_unit();
        deserialize_newtype_struct(_owner: Name) => visitor.visit_newtype_struct(self);
        deserialize_seq() => self.sequence(|parts| visitor.visit_seq(parts));
        deserialize_map() => self.sequence(|parts| visitor.visit_map(parts));
        deserialize_tuple(length: usize) => {
            visitor.visit_seq(Parts { reader: self, left: &mut { length }, run: None })
        };
        deserialize_tuple_struct(_owner: Name, length: usize) => self.deserialize_tuple(length, visitor);
        deserialize_struct(_owner: Name, names: Names) => self.deserialize_tuple(names.len(), visitor);
        deserialize_enum(_owner: Name, _names: Names) => visitor.visit_enum(self);
        deserialize_any() => {
            drop(visitor);
            Err(Error::garbled("it is read by names or types, which the data has not"))
        };
        deserialize_identifier() => self.deserialize_any(visitor);
        deserialize_ignored_any() => self.deserialize_any(visitor);
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

#[inline]
fn fit<N, T: TryFrom<N>>(number: N) -> Result<T, Error> {
    number.try_into().map_err(|_| Error::garbled("a number is too large"))
}

/// Access to the parts of a sequence, a map or a tuple.
struct Parts<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: &'a mut usize,
    /// `None` for a tuple.
    run: Option<&'a mut Run>,
}

impl Parts<'_, '_> {
    #[inline]
    fn next(&mut self) -> bool {
        let more = *self.left > 0;
        *self.left = self.left.saturating_sub(1);
        more
    }

    #[inline]
    fn finish(&mut self) {
        if let Some(run) = &mut self.run {
            self.reader.print.element(run);
        }
    }

    /// Returns the number of remaining parts, unless the bytes are too short for it: a garbage length allocates
    /// nothing.
    fn hint(&self) -> Option<usize> {
        Some(*self.left).filter(|left| *left <= self.reader.rest.len())
    }
}

impl<'de> de::SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if !self.next() {
            return Ok(None);
        }
        let element = seed.deserialize(&mut *self.reader)?;
        self.finish();
        Ok(Some(element))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> de::MapAccess<'de> for Parts<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if self.next() { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let value = seed.deserialize(&mut *self.reader)?;
        self.finish();
        Ok(value)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> de::EnumAccess<'de> for &mut Reader<'de> {
    type Error = Error;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let number: u32 = fit(self.unsigned()?)?;
        let number: U32Deserializer<Error> = number.into_deserializer();
        Ok((seed.deserialize(number)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for &mut Reader<'de> {
    type Error = Error;

    #[inline]
    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(fields.len(), visitor)
    }
}
