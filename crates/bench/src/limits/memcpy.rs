//! Copies between warm buffers: a round trip is four of them when the bytes go through a buffer that both
//! processes map.

use std::hint::black_box;

/// Five buffers of one size, all touched.
#[derive(Debug)]
pub(crate) struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    pub(crate) fn new(bytes: usize) -> Self {
        Self((0..5_u8).map(|index| vec![index + 1; bytes]).collect())
    }

    /// Copies the first into the second, that into the third and so on: four copies.
    pub(crate) fn copy(&mut self) {
        for index in 1..self.0.len() {
            let (before, after) = self.0.split_at_mut(index);
            after[0].copy_from_slice(black_box(&before[index - 1]));
            black_box(&after[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_buffer_reaches_the_last() {
        let mut buffers = Buffers::new(3);
        buffers.copy();
        assert_eq!(buffers.0, vec![vec![1; 3]; 5]);
    }
}
