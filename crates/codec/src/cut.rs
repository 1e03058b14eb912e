//! Where bytes are cut: what a writer and a reader of the same bytes have to agree on.
//!
//! Owns the fingerprint of a value's cuts, which both sides take while they work. Equal fingerprints
//! mean that every byte was read as what it was written as. Names, and the borders of structs and
//! tuples, leave no bytes and count for nothing. For most types the compiler knows the fingerprint.

use std::fmt::{self, Display};

/// A piece of bytes, by how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cut {
    /// A byte as it is: also what says which of `None` and `Some` follows.
    Byte = 1,
    SignedByte,
    /// As many bytes as the number needs: also the length of a sequence, the number of a variant.
    Unsigned,
    Signed,
    F32,
    F64,
    /// Sixteen bytes, of a number too long for what is common.
    Long,
    Char,
    /// A length, and so many elements: bytes and text are sequences of bytes.
    Sequence,
}

impl Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cut::Byte => "a byte, a bool or an Option",
            Cut::SignedByte => "an i8",
            Cut::Unsigned => "an unsigned number or a variant",
            Cut::Signed => "a signed number",
            Cut::F32 => "an f32",
            Cut::F64 => "an f64",
            Cut::Long => "a number of 128 bits",
            Cut::Char => "a char",
            Cut::Sequence => "a sequence or a map",
        })
    }
}

/// What the cuts so far come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) u32);

/// A sequence whose elements are being cut. A run of elements that are cut alike counts as one, so
/// that the fingerprint is not another one for every length; so do bytes, as text is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    before: Fingerprint,
    last: Fingerprint,
}

impl Fingerprint {
    pub(super) const START: Self = Self(0);

    #[inline]
    pub(super) const fn with(self, mark: u32) -> Self {
        Self(self.0.wrapping_mul(0x9e37_79b1).wrapping_add(mark))
    }

    #[inline]
    pub(super) fn cut(&mut self, cut: Cut) {
        *self = self.with(cut as u32);
    }

    #[inline]
    pub(super) fn begin(&mut self) -> Run {
        let before = std::mem::replace(self, Self::START);
        Run { before, last: Self::START.with(Cut::Byte as u32) }
    }

    #[inline]
    pub(super) fn element(&mut self, run: &mut Run) {
        if *self != run.last {
            run.last = *self;
            run.before = run.before.with(self.0);
        }
        *self = Self::START;
    }

    #[inline]
    pub(super) fn end(&mut self, run: Run) {
        *self = run.before.with(Cut::Sequence as u32);
    }
}
