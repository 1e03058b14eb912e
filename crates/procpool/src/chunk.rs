//! Many items in one run of bytes: how `map` packs its inputs and its results.
//!
//! Owns the layout, which is the same in both directions, and nothing else:
//!
//! ```text
//! item:   varint(2 × length + failed) | bytes
//! result of a chunk:   item … | nanoseconds it took, u64 le
//! ```
//!
//! Every item has its own length, so an item that cannot be decoded does not affect its neighbours.
//! A *failed* item holds an encoded [`Failure`](crate::failure::Failure) in place of a value. As an
//! input it is one that could not be encoded, and the worker passes it through.
//!
//! Numbers, which mostly fit into eight bytes, are also written and read in one piece.

use crate::codec::{Output, number};

/// The header of a value of this length, if one byte is enough.
#[inline]
pub(crate) fn short_header(length: usize) -> Option<u8> {
    u8::try_from(length << 1).ok().filter(|header| *header < 0x80)
}

/// Appends a number and its header in one piece. Returns `false` and writes nothing if it is no
/// number of at most seven bytes or there is no room.
#[inline]
pub(crate) fn push_number<T: 'static>(output: &mut impl Output, value: &T) -> bool {
    match number::encode(value) {
        Some((word, length)) if length <= 7 => {
            let word = word << 8 | (length as u64) << 1;
            output.extend_short(word.to_le_bytes(), 1 + length)
        }
        _ => false,
    }
}

/// How long a chunk took, in nanoseconds, by the end of its result.
pub(crate) fn duration(result: &[u8]) -> Option<u64> {
    result.last_chunk().map(|nanos| u64::from_le_bytes(*nanos))
}

/// Appends one item: `write` appends its bytes and returns whether they are a failure.
#[inline]
pub(crate) fn push(output: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> bool) {
    // Most items are short: reserve one byte for the header, and move the item if it needs more.
    let start = output.len();
    output.push(0);
    let failed = write(output);
    let length = output.len() - start - 1;
    let header = ((length as u64) << 1) | u64::from(failed);
    if header < 0x80 {
        output[start] = header as u8;
        return;
    }
    let (bytes, length) = number::varint(header);
    output.splice(start..=start, bytes[..length].iter().copied());
}

/// One item of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) failed: bool,
    pub(crate) bytes: &'a [u8],
}

/// Takes a number that [`push_number`] appended off `rest`. Returns `None` and takes nothing for
/// any other item, and for one that starts less than eight bytes before the end.
#[inline]
pub(crate) fn take_number<T: 'static>(rest: &mut &[u8]) -> Option<T> {
    let (word, _) = rest.split_first_chunk::<8>()?;
    let word = u64::from_le_bytes(*word);
    // Not failed, and at most seven bytes.
    let length = (word as usize >> 1) & 7;
    if word & 0xf1 != 0 {
        return None;
    }
    let bytes = (word >> 8) & ((1 << (8 * length)) - 1);
    let value = number::decode((bytes, length))?;
    *rest = &rest[1 + length..];
    Some(value)
}

/// Takes the first item off `rest`. Returns `None` at the end, and if the bytes are no item.
#[inline]
pub(crate) fn take<'a>(rest: &mut &'a [u8]) -> Option<Item<'a>> {
    let (first, tail) = rest.split_first()?;
    // Most items are short.
    if *first >= 0x80 {
        return take_long(rest);
    }
    let (bytes, tail) = tail.split_at_checked(usize::from(*first >> 1))?;
    *rest = tail;
    Some(Item { failed: first & 1 == 1, bytes })
}

/// Like `take`, for a header of any length.
fn take_long<'a>(rest: &mut &'a [u8]) -> Option<Item<'a>> {
    let mut header = 0_u64;
    let mut used = 0;
    loop {
        let byte = *rest.get(used)?;
        // The tenth byte of a 64-bit number has room for one bit.
        if used == 9 && byte > 1 {
            return None;
        }
        header |= u64::from(byte & 0x7f) << (7 * used);
        used += 1;
        if byte < 0x80 {
            break;
        }
    }
    let length = usize::try_from(header >> 1).ok()?;
    let (bytes, tail) = rest.get(used..)?.split_at_checked(length)?;
    *rest = tail;
    Some(Item { failed: header & 1 == 1, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push_bytes(output: &mut Vec<u8>, failed: bool, bytes: &[u8]) {
        push(output, |output| {
            output.extend_from_slice(bytes);
            failed
        });
    }

    proptest! {
        #[test]
        fn items_survive_the_round_trip_and_prefixes_end_early(
            items in prop::collection::vec(
                (any::<bool>(), lengths()), 0..20,
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut packed = Vec::new();
            for (failed, bytes) in &items {
                push_bytes(&mut packed, *failed, bytes);
            }
            let mut rest = &packed[..];
            for (failed, bytes) in &items {
                let item = take(&mut rest);
                prop_assert_eq!(item, Some(Item { failed: *failed, bytes }));
            }
            prop_assert_eq!((take(&mut rest), rest.len()), (None, 0));

            let mut prefix = &packed[..cut.index(packed.len() + 1)];
            for (failed, bytes) in &items {
                match take(&mut prefix) {
                    Some(item) => prop_assert_eq!(item, Item { failed: *failed, bytes }),
                    None => break,
                }
            }
        }

        #[test]
        fn numbers_read_in_one_piece_equal_items(numbers: Vec<(u64, u32)>) {
            let (mut one_by_one, mut in_one_piece) = (Vec::new(), Vec::new());
            for (number, shift) in &numbers {
                let number = number >> (shift % 64);
                let bytes = postcard::to_stdvec(&number).unwrap();
                push_bytes(&mut one_by_one, false, &bytes);
                if !push_number(&mut in_one_piece, &number) {
                    prop_assert!(bytes.len() > 7);
                    push_bytes(&mut in_one_piece, false, &bytes);
                }
            }
            prop_assert_eq!(&one_by_one, &in_one_piece);
            let mut rest = &one_by_one[..];
            for (number, shift) in &numbers {
                let (number, mut item) = (number >> (shift % 64), rest);
                let bytes = take(&mut item).unwrap().bytes;
                match take_number::<u64>(&mut rest) {
                    Some(taken) => prop_assert_eq!((taken, rest), (number, item)),
                    None => {
                        prop_assert!(bytes.len() > 7 || rest.len() < 8);
                        rest = item;
                    }
                }
            }
        }

        #[test]
        fn a_number_is_read_in_one_piece_only_if_it_is_an_item(header: u8, mut bytes: Vec<u8>) {
            // Most likely a short one.
            bytes.insert(0, header & 0x9f);
            let mut rest = &bytes[..];
            if let Some(number) = take_number::<u64>(&mut rest) {
                let mut other = &bytes[..];
                let item = take(&mut other).unwrap();
                prop_assert_eq!((item.failed, other), (false, rest));
                prop_assert_eq!(postcard::from_bytes(item.bytes), Ok(number));
            }
        }

        #[test]
        fn garbage_is_items_or_the_end(bytes: Vec<u8>) {
            let mut rest = &bytes[..];
            while take(&mut rest).is_some() {}
        }
    }

    /// Lengths on both sides of every header size that tests can afford.
    fn lengths() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![0usize..70, 8_000usize..9_000, 1_048_570usize..1_048_580]
            .prop_map(|length| vec![length as u8; length])
    }

    #[test]
    fn headers_have_their_golden_bytes() {
        let mut packed = Vec::new();
        push_bytes(&mut packed, false, b"a");
        push_bytes(&mut packed, true, b"");
        push_bytes(&mut packed, false, &[1; 64]);
        assert_eq!(&packed[..5], [0x02, b'a', 0x01, 0x80, 0x01]);
    }

    #[test]
    fn an_impossible_length_is_refused() {
        for header in [&[0xff; 10][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]]
        {
            assert_eq!(take(&mut &header[..]), None);
        }
    }
}
