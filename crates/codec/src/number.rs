//! Writes and reads numbers whose encoding has at most eight bytes, without a loop.
//!
//! Owns a fast path for postcard's encoding of `u64`, `u32`, `usize`, `i64` and `i32`: in a `map` of numbers
//! the encoding is most of the work. Other types, longer encodings, and encodings that are not the shortest
//! take the general path; [`varint`] writes any number for it.
//!
//! ```text
//! number                      … dddddddccccccc bbbbbbbaaaaaaa
//! as postcard writes it       1aaaaaaa 1bbbbbbb 1ccccccc 0ddddddd
//! ```
//!
//! Halving spreads the groups of seven bits into bytes: first 28 and 28, then 14 and 14, then 7 and 7.

use std::any::Any;

/// The bits that say whether another byte follows.
const MORE: u64 = 0x8080_8080_8080_8080;

/// Returns whether this module writes values of `T`. The compiler evaluates this.
#[inline]
pub fn is<T: 'static>() -> bool {
    from_unsigned::<T>(0).is_some()
}

/// Returns the encoding of any number, and its length in bytes.
#[inline]
pub fn varint(mut number: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut used = 0;
    while number >= 0x80 {
        bytes[used] = number as u8 | 0x80;
        number >>= 7;
        used += 1;
    }
    bytes[used] = number as u8;
    (bytes, used + 1)
}

/// Returns the encoding of a number, lowest byte first, and its length in bytes. Returns `None` if `T` is not
/// one of these types or the encoding is longer than eight bytes.
#[inline]
pub fn encode<T: 'static>(value: &T) -> Option<(u64, usize)> {
    let number = to_unsigned(value)?;
    let highest = 63 - (number | 1).leading_zeros() as usize;
    // `highest / 7 + 1` for every `highest` up to 63.
    let length = (highest * 9 + 73) / 64;
    if length > 8 {
        return None;
    }
    let fours = (number & 0x0fff_ffff) | ((number & 0x00ff_ffff_f000_0000) << 4);
    let twos = (fours & 0x0000_3fff_0000_3fff) | ((fours & 0x0fff_c000_0fff_c000) << 2);
    let ones = (twos & 0x007f_007f_007f_007f) | ((twos & 0x3f80_3f80_3f80_3f80) << 1);
    Some((ones | more(length), length))
}

/// Decodes the lowest `length` bytes of `word`; the others are 0.
#[inline]
pub fn decode<T: 'static>((word, length): (u64, usize)) -> Option<T> {
    if !(1..=8).contains(&length) || word & MORE != more(length) {
        return None;
    }
    let twos = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let fours = (twos & 0x0000_3fff_0000_3fff) | ((twos & 0x3fff_0000_3fff_0000) >> 2);
    from_unsigned((fours & 0x0fff_ffff) | ((fours & 0x0fff_ffff_0000_0000) >> 4))
}

/// Returns [`MORE`] for an encoding of `length` bytes: set in all bytes except the last.
#[inline]
fn more(length: usize) -> u64 {
    (MORE >> 8) >> (8 * (8 - length))
}

/// Returns the unsigned number that postcard encodes: for a signed one, with the sign in the lowest bit.
#[inline]
fn to_unsigned<T: 'static>(value: &T) -> Option<u64> {
    let value: &dyn Any = value;
    let unsigned = value.downcast_ref::<u64>().copied();
    let unsigned = unsigned.or_else(|| value.downcast_ref::<u32>().map(|number| (*number).into()));
    let unsigned = unsigned.or_else(|| value.downcast_ref::<usize>().map(|number| *number as u64));
    let zigzag = |number: i64| ((number << 1) ^ (number >> 63)) as u64;
    let signed = || value.downcast_ref::<i64>().map(|number| zigzag(*number));
    let short = || value.downcast_ref::<i32>().map(|number| zigzag((*number).into()));
    unsigned.or_else(signed).or_else(short)
}

/// The inverse. Also returns `None` for a number that the type cannot hold.
#[inline]
fn from_unsigned<T: 'static>(number: u64) -> Option<T> {
    let mut slot = None::<T>;
    let any: &mut dyn Any = &mut slot;
    let signed = (number >> 1) as i64 ^ -((number & 1) as i64);
    if let Some(slot) = any.downcast_mut::<Option<u64>>() {
        *slot = Some(number);
    } else if let Some(slot) = any.downcast_mut::<Option<u32>>() {
        *slot = number.try_into().ok();
    } else if let Some(slot) = any.downcast_mut::<Option<usize>>() {
        *slot = number.try_into().ok();
    } else if let Some(slot) = any.downcast_mut::<Option<i64>>() {
        *slot = Some(signed);
    } else if let Some(slot) = any.downcast_mut::<Option<i32>>() {
        *slot = signed.try_into().ok();
    }
    slot
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use std::fmt::Debug;

    /// Compares both directions with postcard.
    fn check<T>(number: T) -> Result<(), TestCaseError>
    where
        T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
    {
        let expected = postcard::to_stdvec(&number).unwrap();
        match encode(&number) {
            Some((word, length)) => {
                prop_assert_eq!(&word.to_le_bytes()[..length], &expected);
                prop_assert_eq!(word.checked_shr(8 * length as u32).unwrap_or(0), 0);
                prop_assert_eq!(decode::<T>((word, length)), Some(number));
            }
            None => prop_assert!(expected.len() > 8),
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn numbers_are_written_and_read_as_postcard_does(number: u64, shift in 0_u32..64) {
            // Shifted, because almost all unshifted numbers are long.
            let number = number >> shift;
            check(number)?;
            check(number as u32)?;
            check(number as usize)?;
            check(number as i64)?;
            check(-(number as i64 >> 1))?;
            check(number as i32)?;
            check(!(number as i32))?;
        }

        #[test]
        fn every_decoded_number_is_the_one_that_postcard_decodes(word: u64, ends in 0_u64.., length in 0_usize..=8) {
            // Unmodified, most random words have an end mark in their middle.
            let word = word | (MORE & !(ends << 7));
            let word = word & !u64::MAX.checked_shl(8 * length as u32).unwrap_or(0);
            let bytes = &word.to_le_bytes()[..length];
            fn same<T: DeserializeOwned + PartialEq + Debug + 'static>(
                bytes: &[u8],
                read: Option<T>,
            ) -> Result<(), TestCaseError> {
                if let Some(read) = read {
                    prop_assert_eq!(postcard::take_from_bytes::<T>(bytes), Ok((read, &[][..])));
                }
                Ok(())
            }
            same::<u64>(bytes, decode((word, length)))?;
            same::<u32>(bytes, decode((word, length)))?;
            same::<usize>(bytes, decode((word, length)))?;
            same::<i64>(bytes, decode((word, length)))?;
            same::<i32>(bytes, decode((word, length)))?;
        }
    }

    #[test]
    fn the_largest_and_the_smallest_number_of_every_length_match() {
        for length in 1..=9 {
            let above = 1_u64 << (7 * length);
            check(above - 1).unwrap();
            check(above).unwrap();
        }
        for number in [0, 1, u64::MAX] {
            check(number).unwrap();
        }
        check(i64::MIN).unwrap();
        check(i32::MIN).unwrap();
    }

    #[test]
    fn other_types_are_neither_encoded_nor_decoded() {
        assert!(is::<u64>() && is::<i32>() && !is::<u8>() && !is::<Option<u64>>());
        assert_eq!(encode(&7_u8), None);
        assert_eq!(encode(&"7"), None);
        assert_eq!(decode::<u8>((7, 1)), None);
        assert_eq!(decode::<String>((7, 1)), None);
        assert_eq!(decode::<u32>(encode(&(1_u64 << 32)).unwrap()), None, "it does not fit");
    }
}
