//! The build that this process runs, proved by content.
//!
//! Owns the search for the linker's build id in the executable. A file without one is hashed as a whole.

use std::fs;
use std::io;

use snow::params::HashChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};

/// Returns what two processes have in common if they run the same build: in hexadecimal, with its kind.
pub(crate) fn identity() -> io::Result<String> {
    let file = fs::read("/proc/self/exe")?;
    if let Some(id) = build_id(&file) {
        return Ok(format!("build id {}", hexadecimal(id)));
    }
    let mut hash = DefaultResolver
        .resolve_hash(&HashChoice::Blake2s)
        .ok_or_else(|| io::Error::other("no hash function"))?;
    hash.input(&file);
    let mut output = [0; 32];
    hash.result(&mut output);
    Ok(format!("hash {}", hexadecimal(&output)))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Finds the note `NT_GNU_BUILD_ID` in a 64-bit little-endian ELF file.
fn build_id(file: &[u8]) -> Option<&[u8]> {
    const NOTE: u32 = 4;
    const BUILD_ID: u32 = 3;
    let half = |at: usize| Some(u16::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let word = |at: usize| Some(u32::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let long =
        |at: usize| usize::try_from(u64::from_le_bytes(*file.get(at..)?.first_chunk()?)).ok();
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size, count) = (long(32)?, usize::from(half(54)?), usize::from(half(56)?));
    for header in (0..count).map(|index| table.saturating_add(index * size)) {
        if word(header)? != NOTE {
            continue;
        }
        let mut at = long(header + 8)?;
        let end = at.checked_add(long(header + 32)?)?;
        while at < end {
            let (name, length) = (word(at)? as usize, word(at + 4)? as usize);
            let start = at + 12 + name.next_multiple_of(4);
            let content = file.get(start..start.checked_add(length)?)?;
            if word(at + 8)? == BUILD_ID && file.get(at + 12..at + 16)? == b"GNU\0" {
                return Some(content);
            }
            at = start + length.next_multiple_of(4);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_id_is_found_or_the_file_is_hashed() {
        let identity = identity().unwrap();
        assert!(identity.starts_with("build id ") || identity.starts_with("hash "), "{identity}");
        assert!(identity.len() > 40, "{identity}");
        assert_eq!(build_id(b"\x7fELF\x02\x01"), None);
        assert_eq!(build_id(b"#!/bin/sh"), None);
    }
}
