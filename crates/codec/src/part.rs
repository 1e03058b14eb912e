//! Steps of the path from a value to one of its parts.

/// A step from a value to one of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// Into a `Some`.
    Inner,
    Newtype,
    Element,
    Key,
    Value,
    /// Into this element of a tuple.
    Nth(usize),
    /// Into a field: the struct and the field.
    Field(&'static str, &'static str),
    /// Into a variant: its number and its name.
    Variant(u32, &'static str),
}
