//! Value ↔ bytes for each step of a task: [`procpool_codec`], with errors that name the step.

pub(crate) use procpool_codec::{Output, encode_to, into_bytes, number};

use serde::de::DeserializeOwned;

use crate::error::{CodecError, CodecStep};
use crate::payload::Payload;

/// Appends `value` to `output`; a failure leaves `output` unchanged.
#[inline]
pub(crate) fn encode<T: Payload>(
    value: &T,
    output: &mut Vec<u8>,
    step: CodecStep,
) -> Result<(), Box<CodecError>> {
    procpool_codec::encode(value, output).map_err(|error| at(step, *error))
}

/// Reads a value that occupies all of `input`.
#[inline]
pub(crate) fn decode<T: DeserializeOwned + 'static>(
    input: &[u8],
    step: CodecStep,
) -> Result<T, Box<CodecError>> {
    procpool_codec::decode(input).map_err(|error| at(step, *error))
}

/// Reads a value that occupies all of `input`; a value that consists of bytes takes them over.
pub(crate) fn decode_taking<T: DeserializeOwned + 'static>(
    input: &mut Vec<u8>,
    step: CodecStep,
) -> Result<T, Box<CodecError>> {
    procpool_codec::decode_taking(input).map_err(|error| at(step, *error))
}

#[cold]
fn at(step: CodecStep, error: procpool_codec::Error) -> Box<CodecError> {
    let procpool_codec::Error { type_name, message } = error;
    Box::new(CodecError { step, type_name: type_name.to_owned(), message })
}
