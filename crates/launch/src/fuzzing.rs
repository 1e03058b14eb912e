//! What the fuzz targets call; compiled under `--cfg fuzzing` alone.

use crate::init::parse_place;
use crate::report::{self, Report, Request};

/// Decodes what a forkserver and its pool may say to each other.
pub fn packet(bytes: &[u8]) {
    drop(report::decode::<Report>(bytes));
    let _ = report::decode::<Request>(bytes);
}

/// Reads the second argument of a worker, without taking over what it names.
///
/// The first byte chooses whether the rest is the argument itself or spelled in few characters.
pub fn argument(data: &[u8]) {
    const CHARACTERS: &[u8; 16] = b"0123456789:::-+x";
    let Some((first, rest)) = data.split_first() else { return };
    let spelled = |byte: &u8| CHARACTERS[usize::from(byte % 16)];
    let argument = match first % 2 {
        0 => rest.to_vec(),
        _ => rest.iter().take(usize::from(first % 32)).map(spelled).collect(),
    };
    let Ok(argument) = String::from_utf8(argument) else { return };
    if let Some(place) = parse_place(&argument) {
        let ([socket, memory, lifeline], parent, slot) = place;
        let again = format!("{socket}:{memory}:{lifeline}:{parent}:{slot}");
        assert_eq!(parse_place(&again), Some(place));
    }
}
