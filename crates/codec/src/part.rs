//! The way from a value to one of its parts.

/// From something to a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// Of an `Option`.
    Inner,
    Newtype,
    Element,
    Key,
    Value,
    /// Of a tuple.
    Nth(usize),
    /// The owner and the field.
    Field(&'static str, &'static str),
    /// The number and the name.
    Variant(u32, &'static str),
}
