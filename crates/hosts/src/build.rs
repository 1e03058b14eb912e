//! The build that this process runs, proved by content.
//!
//! Owns the search for the linker's build id in the executable. A file without one is hashed as a whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use snow::params::HashChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};

const PROGRAM: &str = "/proc/self/exe";

/// Returns what two processes have in common if they run the same build: in hexadecimal, with its kind.
pub(crate) fn identity() -> io::Result<String> {
    // The whole file may be long, and on a file system that many hosts read at once.
    if let Some(id) = build_id(&File::open(PROGRAM)?) {
        return Ok(format!("build id {}", hexadecimal(&id)));
    }
    let mut hash = DefaultResolver
        .resolve_hash(&HashChoice::Blake2s)
        .ok_or_else(|| io::Error::other("no hash function"))?;
    hash.input(&fs::read(PROGRAM)?);
    let mut output = [0; 32];
    hash.result(&mut output);
    Ok(format!("hash {}", hexadecimal(&output)))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Finds the note `NT_GNU_BUILD_ID` in a 64-bit little-endian ELF file.
fn build_id(file: &File) -> Option<Vec<u8>> {
    const NOTE: u64 = 4;
    const BUILD_ID: u64 = 3;
    let bytes = |at: u64, count: usize| {
        let mut bytes = vec![0; count];
        file.read_exact_at(&mut bytes, at).ok().map(|()| bytes)
    };
    let number = |at: u64, count: usize| {
        let digits = bytes(at, count)?;
        Some(digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit)))
    };
    if bytes(0, 6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for header in (0..count).map(|index| table.saturating_add(index * size)) {
        if number(header, 4)? != NOTE {
            continue;
        }
        let mut at = number(header + 8, 8)?;
        let end = at.checked_add(number(header + 32, 8)?)?;
        while at < end {
            let (name, length) = (number(at, 4)?, number(at + 4, 4)?);
            let start = at + 12 + name.next_multiple_of(4);
            if number(at + 8, 4)? == BUILD_ID && bytes(at + 12, 4)? == b"GNU\0" {
                // Linkers write at most 64 bytes.
                return bytes(start, length.min(64) as usize);
            }
            at = start + length.next_multiple_of(4);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_build_id_is_found_or_the_file_is_hashed() {
        let identity = identity().unwrap();
        assert!(identity.starts_with("build id ") || identity.starts_with("hash "), "{identity}");
        assert!(identity.len() > 40, "{identity}");
        for text in ["\x7fELF\x02\x01", "#!/bin/sh", ""] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(build_id(&file), None);
        }
    }
}
