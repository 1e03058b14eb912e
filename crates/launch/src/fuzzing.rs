//! The functions of the fuzz targets. Only compiled under `--cfg fuzzing`.

use crate::init::parse_handover;
use procpool_control::{Report, Request};

/// Decodes a packet between a forkserver and its pool.
pub fn packet(bytes: &[u8]) {
    drop(procpool_control::decode::<Report>(bytes));
    let _ = procpool_control::decode::<Request>(bytes);
}

/// Parses a worker's second argument, without taking over the descriptors that it names.
///
/// The first byte decides whether the rest is the argument itself or picks from a few characters.
pub fn argument(data: &[u8]) {
    const CHARACTERS: &[u8; 16] = b"0123456789:::-+x";
    let Some((first, rest)) = data.split_first() else { return };
    let spelled = |byte: &u8| CHARACTERS[usize::from(byte % 16)];
    let argument = match first % 2 {
        0 => rest.to_vec(),
        _ => rest.iter().take(usize::from(first % 32)).map(spelled).collect(),
    };
    let Ok(argument) = String::from_utf8(argument) else { return };
    if let Some(handover) = parse_handover(&argument) {
        let ([socket, memory, lifeline], parent, slot) = handover;
        let again = format!("{socket}:{memory}:{lifeline}:{parent}:{slot}");
        assert_eq!(parse_handover(&again), Some(handover));
    }
}
