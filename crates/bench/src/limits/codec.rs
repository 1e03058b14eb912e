//! Encoding and decoding many numbers, and nothing else: the speed of `map` if moving bytes were free.

use postcard::ser_flavors::Flavor;

use crate::Outcome;

/// A buffer that stays warm from block to block, so that no page fault is in the limit.
#[derive(Debug, Default)]
pub(crate) struct Codec {
    buffer: Vec<u8>,
}

/// Appends to the buffer without an intermediate one.
struct Appender<'a>(&'a mut Vec<u8>);

impl Flavor for Appender<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

impl Codec {
    /// Encodes the numbers of `0..count` one by one, each after its length, then decodes them one
    /// by one; returns their sum.
    pub(crate) fn there_and_back(&mut self, count: u64) -> Outcome<u64> {
        self.buffer.clear();
        for number in 0..count {
            let header = self.buffer.len();
            self.buffer.push(0);
            postcard::serialize_with_flavor(&number, Appender(&mut self.buffer))?;
            self.buffer[header] = (self.buffer.len() - header - 1) as u8;
        }
        let (mut rest, mut sum) = (&self.buffer[..], 0_u64);
        while let Some((length, tail)) = rest.split_first() {
            let (item, tail) = tail.split_at(usize::from(*length));
            sum += postcard::from_bytes::<u64>(item)?;
            rest = tail;
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_value_decodes_to_itself() {
        let mut codec = Codec::default();
        assert_eq!(codec.there_and_back(1_000).unwrap(), 499_500);
        assert_eq!(codec.there_and_back(3).unwrap(), 3, "the buffer starts anew");
    }
}
