//! Cuts: how the bytes of a value are divided, on which writer and reader have to agree.
//!
//! Owns the fingerprint of a value's cuts, which both sides compute while they work. If the fingerprints are
//! equal, every byte was read as the kind it was written as. Names, and the borders of structs and
//! tuples, have no bytes and do not count. For most types the compiler knows the fingerprint.

use std::fmt::{self, Display};

/// The kind of a piece of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cut {
    /// A plain byte: also the tag of an `Option`.
    Byte = 1,
    SignedByte,
    /// A number of variable length: also the number of a variant.
    Unsigned,
    Signed,
    F32,
    F64,
    /// Sixteen bytes of a 128-bit number.
    Long,
    Char,
    /// A length, and that many elements: bytes and text are sequences of bytes.
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

/// The hash of the cuts so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) u32);

/// A sequence whose elements are being cut. Equal neighbours count as one, so that the fingerprint does not
/// depend on the length. A leading run of bytes does not count: text is written the same way.
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
