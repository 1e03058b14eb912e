//! Many items in one piece of bytes: how `map` packs its inputs and its results.
//!
//! Owns the layout, which is the same in both directions, and nothing else:
//!
//! ```text
//! item:   varint(2 × length + failed) | bytes
//! result of a chunk:   nanoseconds it took, u64 le | item …
//! ```
//!
//! Every item has its own length, so an item that cannot be decoded spares its neighbours. A
//! *failed* item holds an encoded [`Failure`](crate::wire::Failure) in place of a value; as an
//! input it is one that could not be encoded, and the worker passes it through.

/// The header of a value of this length, if it is one byte.
#[inline]
pub(crate) fn short_header(length: usize) -> Option<u8> {
    u8::try_from(length << 1).ok().filter(|header| *header < 0x80)
}

/// Appends one item: `write` appends its bytes and says whether they are a failure.
#[inline]
pub(crate) fn push(output: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> bool) {
    // Most items are short: leave one byte for the header, and move the item if it needs more.
    let start = output.len();
    output.push(0);
    let failed = write(output);
    let length = output.len() - start - 1;
    let mut header = ((length as u64) << 1) | u64::from(failed);
    if header < 0x80 {
        output[start] = header as u8;
        return;
    }
    let mut bytes = [0; 10];
    let mut used = 0;
    while header >= 0x80 {
        bytes[used] = header as u8 | 0x80;
        header >>= 7;
        used += 1;
    }
    bytes[used] = header as u8;
    output.splice(start..=start, bytes[..=used].iter().copied());
}

/// One item of a piece of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) failed: bool,
    pub(crate) bytes: &'a [u8],
}

/// Takes the first item off `rest`; `None` at the end, and for bytes that are no item.
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

/// The same, for a header of any length.
fn take_long<'a>(rest: &mut &'a [u8]) -> Option<Item<'a>> {
    let mut header = 0_u64;
    let mut used = 0;
    loop {
        let byte = *rest.get(used)?;
        // The tenth byte of a 64-bit number has one bit left for it.
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
        fn items_come_back_and_prefixes_end_early(
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
    fn an_impossible_length_is_no_item() {
        for header in [&[0xff; 10][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]]
        {
            assert_eq!(take(&mut &header[..]), None);
        }
    }
}
