//! Finds out what a type's `Deserialize` asks for, without reading a value.
//!
//! Owns a deserializer that follows a path into the type, records what it is asked for there, and returns an
//! error, so that no user code continues with a value. It reads only those parts of a tuple that precede the
//! one in question; see [`Log::check`](super::log::Log::check).

use std::any::type_name;
use std::mem::discriminant;

use serde::de::value::{StrDeserializer, U32Deserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};

use super::cut::Cut;
use super::part::Step;
use super::reader::{Error, Name, Names, Reader, visits};

/// The kind of value that a type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Cut(Cut),
    Text,
    Unit,
    Tuple(usize),
    /// By the names of its fields.
    Struct(&'static [&'static str]),
    /// Any value: only a format with names or types could answer that.
    Unnamed,
}

#[derive(Debug, Default)]
pub(super) struct Answer {
    /// `None` if the path could not be followed to its end.
    pub(super) asked: Option<Asked>,
    /// The name of the visitor's type, which shows whether serde's derive wrote the code.
    pub(super) visitor: &'static str,
    /// The index of the field or variant that the last name stands for, in the order of reading. `None` if
    /// serde's derive did not write the code.
    pub(super) number: Option<usize>,
    /// Whether the last name is not among those that are read.
    pub(super) unread: bool,
    /// Whether a newtype on the path was read by hand-written code.
    pub(super) by_hand: bool,
}

impl Answer {
    /// Returns whether serde's derive wrote the code that asked.
    pub(super) fn is_derived(&self) -> bool {
        is_derived(self.visitor)
    }
}

pub(super) struct Probe<'a, 'de> {
    pub(super) path: &'a [Step],
    /// The start of each step's parent.
    pub(super) starts: &'a [usize],
    pub(super) bytes: &'de [u8],
    pub(super) answer: &'a mut Answer,
}

/// Returns whether serde's derive wrote a visitor.
pub(super) fn is_derived(visitor: &str) -> bool {
    visitor.contains("::__Visitor")
}

/// The error that ends every probe.
#[cold]
fn end() -> Error {
    Error::garbled("this was only a question")
}

impl<'a, 'de> Probe<'a, 'de> {
    /// Records what is asked for at the path's end.
    fn end<V, T>(mut self, asked: Asked, _: V) -> Result<T, Error> {
        self.skip_newtypes();
        if self.path.is_empty() || asked == Asked::Unnamed {
            self.answer.asked = Some(asked);
            self.answer.visitor = type_name::<V>();
        }
        Err(end())
    }

    fn skip_newtypes(&mut self) {
        while let [Step::Newtype, ..] = self.path {
            self.answer.by_hand = true;
            self.step();
        }
    }

    fn behind_newtype(mut self) -> Self {
        if let [Step::Newtype, ..] = self.path {
            self.step();
        }
        self
    }

    fn step(&mut self) {
        (self.path, self.starts) = (&self.path[1..], &self.starts[1..]);
    }

    /// Follows one step into a value, or records the question at the path's end.
    fn into_part<V: Visitor<'de>>(
        mut self,
        asked: Asked,
        visitor: V,
        visit: impl FnOnce(V, Part<'a, 'de>) -> Result<V::Value, Error>,
    ) -> Result<V::Value, Error> {
        self.skip_newtypes();
        let names = match asked {
            Asked::Struct(names) => names,
            _ => &[],
        };
        let Some((step, start)) = self.path.first().copied().zip(self.starts.first().copied())
        else {
            return self.end(asked, visitor);
        };
        self.step();
        (self.answer.number, self.answer.unread) = (None, false);
        let reader = Reader::new(self.bytes.get(start..).unwrap_or_default());
        visit(visitor, Part { probe: Some(self), step, names, reader })
    }

    fn name(&mut self, names: &'static [&'static str], name: &str) -> Option<&'static str> {
        let letters = |name: &str| name.replace(['_', '-'], "").to_lowercase();
        let same = |listed: &&&str| letters(listed) == letters(name);
        let exact = names.iter().find(|listed| **listed == name);
        let found = exact.or_else(|| names.iter().find(same)).copied();
        self.answer.unread = found.is_none();
        found
    }

    /// Records the index of a field or variant: serde's derive numbers them by an enum named `__Field`.
    fn number<T>(&mut self, value: &T) {
        let name = format!("{:?}", discriminant(value));
        let digits = name.trim_matches(|c: char| !c.is_ascii_digit());
        let derived = type_name::<T>().contains("::__Field");
        self.answer.number = digits.parse().ok().filter(|_| derived);
    }
}

impl<'de> Deserializer<'de> for Probe<'_, 'de> {
    type Error = Error;

    visits! { self, visitor;
        deserialize_any() => self.end(Asked::Unnamed, visitor);
        deserialize_identifier() => self.end(Asked::Unnamed, visitor);
        deserialize_ignored_any() => self.end(Asked::Unnamed, visitor);
        deserialize_bool() => self.end(Asked::Cut(Cut::Byte), visitor);
        deserialize_u8() => self.end(Asked::Cut(Cut::Byte), visitor);
        deserialize_i8() => self.end(Asked::Cut(Cut::SignedByte), visitor);
        deserialize_u16() => self.end(Asked::Cut(Cut::Unsigned), visitor);
        deserialize_u32() => self.end(Asked::Cut(Cut::Unsigned), visitor);
        deserialize_u64() => self.end(Asked::Cut(Cut::Unsigned), visitor);
        deserialize_i16() => self.end(Asked::Cut(Cut::Signed), visitor);
        deserialize_i32() => self.end(Asked::Cut(Cut::Signed), visitor);
        deserialize_i64() => self.end(Asked::Cut(Cut::Signed), visitor);
        deserialize_u128() => self.end(Asked::Cut(Cut::Long), visitor);
        deserialize_i128() => self.end(Asked::Cut(Cut::Long), visitor);
        deserialize_f32() => self.end(Asked::Cut(Cut::F32), visitor);
        deserialize_f64() => self.end(Asked::Cut(Cut::F64), visitor);
        deserialize_char() => self.end(Asked::Cut(Cut::Char), visitor);
        deserialize_str() => self.end(Asked::Text, visitor);
        deserialize_string() => self.end(Asked::Text, visitor);
        deserialize_bytes() => self.end(Asked::Text, visitor);
        deserialize_byte_buf() => self.end(Asked::Text, visitor);
        deserialize_unit() => self.end(Asked::Unit, visitor);
        deserialize_unit_struct(_owner: Name) => self.end(Asked::Unit, visitor);
        deserialize_option() => self.into_part(Asked::Cut(Cut::Byte), visitor, |visitor, part| match part.step {
            Step::Inner => visitor.visit_some(part.take()?),
            _ => Err(end()),
        });
        deserialize_newtype_struct(_owner: Name) => {
            self.answer.by_hand |= !is_derived(type_name::<V>());
            visitor.visit_newtype_struct(self.behind_newtype())
        };
        deserialize_seq() => self.into_part(Asked::Cut(Cut::Sequence), visitor, V::visit_seq);
        deserialize_map() => self.into_part(Asked::Cut(Cut::Sequence), visitor, V::visit_map);
        deserialize_tuple(length: usize) => self.into_part(Asked::Tuple(length), visitor, V::visit_seq);
        deserialize_tuple_struct(_owner: Name, length: usize) => self.deserialize_tuple(length, visitor);
        deserialize_struct(_owner: Name, names: Names) => {
            self.into_part(Asked::Struct(names), visitor, |visitor, part| match part.step {
                Step::Nth(_) => visitor.visit_seq(part),
                // Hand-written code may read a map in another way.
                _ if is_derived(type_name::<V>()) => visitor.visit_map(part),
                _ => Err(end()),
            })
        };
        deserialize_enum(_owner: Name, names: Names) => {
            self.into_part(Asked::Cut(Cut::Unsigned), visitor, |visitor, mut part| {
                part.names = names;
                visitor.visit_enum(part)
            })
        };
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The one part of a value that the path leads to.
struct Part<'a, 'de> {
    probe: Option<Probe<'a, 'de>>,
    step: Step,
    /// The names of the fields or variants.
    names: &'static [&'static str],
    /// Reads the preceding parts of a tuple.
    reader: Reader<'de>,
}

impl<'a, 'de> Part<'a, 'de> {
    fn take(mut self) -> Result<Probe<'a, 'de>, Error> {
        self.probe.take().ok_or_else(end)
    }

    fn ask<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.probe.take().ok_or_else(end)?)
    }

    /// Finds out which field or variant `name` stands for.
    fn identify<S: DeserializeSeed<'de>>(
        &mut self,
        name: &str,
        seed: S,
    ) -> Result<S::Value, Error> {
        let probe = self.probe.as_mut().ok_or_else(end)?;
        let name = probe.name(self.names, name).ok_or_else(end)?;
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        let value = seed.deserialize(name)?;
        probe.number(&value);
        Ok(value)
    }
}

impl<'de> de::SeqAccess<'de> for Part<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match &mut self.step {
            Step::Element | Step::Nth(0) => self.ask(seed).map(Some),
            Step::Nth(before) => {
                *before -= 1;
                seed.deserialize(&mut self.reader).map(Some)
            }
            _ => Err(end()),
        }
    }
}

impl<'de> de::MapAccess<'de> for Part<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match self.step {
            Step::Field(_, name) => self.identify(name, seed).map(Some),
            Step::Key => self.ask(seed).map(Some),
            _ => Err(end()),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.ask(seed)
    }

    fn next_entry_seed<K: DeserializeSeed<'de>, S: DeserializeSeed<'de>>(
        &mut self,
        key: K,
        value: S,
    ) -> Result<Option<(K::Value, S::Value)>, Error> {
        match self.step {
            Step::Value => self.ask(value).and(Err(end())),
            _ => self.next_key_seed(key).and(Err(end())),
        }
    }
}

impl<'a, 'de> de::EnumAccess<'de> for Part<'a, 'de> {
    type Error = Error;
    type Variant = Probe<'a, 'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        mut self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), Error> {
        let Step::Variant(number, name) = self.step else { return Err(end()) };
        let value = if type_name::<S::Value>().contains("::__Field") {
            self.identify(name, seed)?
        } else {
            let number: U32Deserializer<Error> = number.into_deserializer();
            seed.deserialize(number)?
        };
        Ok((value, self.take()?))
    }
}

impl<'de> de::VariantAccess<'de> for Probe<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.end(Asked::Unit, ())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.behind_newtype())
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}
