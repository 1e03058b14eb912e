//! Why a worker has no value for its pool: the failures that are sent in place of one.
//!
//! Owns their encoding, and their conversion into the submitter's error.

use serde::{Deserialize, Serialize};

use crate::error::{CodecError, CodecStep, Error, RemotePanic};

/// Why a worker is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InitializerFailure {
    Returned(String),
    Panicked(RemotePanic),
    Codec(CodecError),
    /// Memory for this many bytes of initargs could not be allocated.
    OutOfMemory(u64),
    /// The worker could not set itself up.
    Setup(String),
}

/// Why a task has no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    Panicked(RemotePanic),
    Codec(CodecError),
    /// Memory for this many bytes of arguments could not be allocated.
    OutOfMemory(u64),
}

/// Encodes one of this module's types.
pub(crate) fn encode_failure<T: Serialize>(failure: &T) -> Vec<u8> {
    postcard::to_stdvec(failure).expect("strings and options always fit the format")
}

/// Converts a failure from a worker into the submitter's error.
pub(crate) fn failure_error(failure: Failure) -> Error {
    match failure {
        Failure::Panicked(panic) => Error::Panicked(panic),
        Failure::Codec(codec) => Error::Codec(codec),
        Failure::OutOfMemory(bytes) => {
            Error::OutOfMemory { step: CodecStep::DecodeArguments, bytes }
        }
    }
}

/// Decodes a failure from a worker.
pub(crate) fn decode_failure(bytes: &[u8]) -> Error {
    match postcard::from_bytes(bytes) {
        Ok(failure) => failure_error(failure),
        Err(error) => Error::Codec(CodecError {
            step: CodecStep::DecodeResult,
            type_name: std::any::type_name::<Failure>().to_owned(),
            message: error.to_string(),
        }),
    }
}

/// Decodes a panic from a forkserver.
pub(crate) fn decode_panic(bytes: &[u8]) -> RemotePanic {
    postcard::from_bytes(bytes).unwrap_or_else(|error| RemotePanic {
        message: format!("a message that could not be read ({error})"),
        location: None,
        backtrace: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_their_golden_bytes() {
        let returned = InitializerFailure::Returned("no".into());
        assert_eq!(encode_failure(&returned), b"\0\x02no");
    }
}
