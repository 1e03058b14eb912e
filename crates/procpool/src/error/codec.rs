//! A value that could not be encoded or decoded.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The step at which encoding or decoding a value failed.
///
/// # Examples
///
/// ```
/// use procpool::CodecStep;
///
/// fn has_run(failed_at: CodecStep) -> bool {
///     matches!(failed_at, CodecStep::EncodeResult | CodecStep::DecodeResult)
/// }
/// assert!(!has_run(CodecStep::DecodeArguments));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CodecStep {
    /// In the parent, before the task was queued.
    EncodeArguments,
    /// In the worker; the task did not run.
    DecodeArguments,
    /// In the worker, after the task ran.
    EncodeResult,
    /// In the thread that requested the result, after the task ran.
    DecodeResult,
    /// In the worker, while the task ran.
    EncodeReport,
    /// On the thread that handles reports.
    DecodeReport,
}

/// A value that could not be encoded or decoded. Only its own task is affected.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), procpool::Error> {
/// #     procpool::init();
/// #     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
/// #     #[derive(serde::Deserialize)]
/// #     struct Secret;
/// #     impl serde::Serialize for Secret {
/// #         fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
/// #             Err(serde::ser::Error::custom("a secret is never sent"))
/// #         }
/// #     }
/// let error = executor.submit(|_: Secret| (), Secret).error();
/// let Some(procpool::Error::Codec(codec)) = error else { panic!("it cannot travel") };
/// assert_eq!(codec.step, procpool::CodecStep::EncodeArguments);
/// assert!(codec.type_name.ends_with("Secret"));
/// #     Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CodecError {
    /// The step that failed.
    pub step: CodecStep,
    /// The Rust type, as [`std::any::type_name`] returns it.
    pub type_name: String,
    /// The message of the type or the format, and the remedy if there is one.
    pub message: String,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.step {
            CodecStep::EncodeArguments => "the arguments could not be encoded",
            CodecStep::DecodeArguments => "the arguments could not be decoded in the worker",
            CodecStep::EncodeResult => "the result could not be encoded in the worker",
            CodecStep::DecodeResult => "the result could not be decoded",
            CodecStep::EncodeReport => "the report could not be encoded in the worker",
            CodecStep::DecodeReport => "the report could not be decoded",
        };
        write!(f, "{what}: type `{}`: {}", self.type_name, self.message)
    }
}

impl std::error::Error for CodecError {}
