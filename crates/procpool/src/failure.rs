//! Why a worker has no value for its pool: the failures that are sent in place of one.
//!
//! Owns their encoding, and their conversion into the submitter's error.

use serde::{Deserialize, Serialize};

use crate::error::{CodecError, CodecStep, Error, RemotePanic};

/// Why a task has no value, or why a worker is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// The initializer returned this error.
    Returned(String),
    Panicked(RemotePanic),
    Codec(CodecError),
    /// Memory for this many bytes of arguments could not be allocated.
    OutOfMemory(u64),
    /// The worker could not set itself up.
    Setup(String),
}

/// Encodes a failure, or a panic of a forkserver.
pub(crate) fn encode_failure<T: Serialize>(failure: &T) -> Vec<u8> {
    postcard::to_stdvec(failure).expect("strings and options always fit the format")
}

/// Decodes the failure of a task into the submitter's error.
pub(crate) fn decode_failure(bytes: &[u8]) -> Error {
    let message = match postcard::from_bytes(bytes) {
        Ok(Failure::Panicked(panic)) => return Error::Panicked(panic),
        Ok(Failure::Codec(codec)) => return Error::Codec(codec),
        Ok(Failure::OutOfMemory(bytes)) => {
            return Error::OutOfMemory { step: CodecStep::DecodeArguments, bytes };
        }
        Ok(Failure::Returned(_) | Failure::Setup(_)) => "no task fails like this".to_owned(),
        Err(error) => error.to_string(),
    };
    let type_name = std::any::type_name::<Failure>().to_owned();
    Error::Codec(CodecError { step: CodecStep::DecodeResult, type_name, message })
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
        let returned = Failure::Returned("no".into());
        assert_eq!(encode_failure(&returned), b"\0\x02no");
    }
}
