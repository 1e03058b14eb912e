//! Value ↔ bytes, in [postcard's documented format](https://postcard.jamesmunns.com/wire-format).
//!
//! Owns the choice of the format and the sentences for what does not fit it. Knows neither frames
//! nor functions. Postcard writes no names and no types, so a value must be read back by the very
//! type that wrote it; both ends are the same executable, so that holds for every type whose
//! `Serialize` and `Deserialize` mirror each other. Two types are not written in that format: a
//! value that is a `Vec<u8>` or a `String` as a whole travels as its own bytes.

pub(crate) mod number;

use std::any::{Any, TypeId, type_name};

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CodecError, CodecStep};

const REMEDY: &str = "untagged and internally tagged enums, flattened or skipped fields and types \
                      like serde_json::Value need names in the data: wrap the value in \
                      procpool::SelfDescribing";

/// Where an encoded value goes.
pub(crate) trait Output {
    /// Appends bytes; false when there is no room for them.
    fn extend(&mut self, bytes: &[u8]) -> bool;

    /// Appends the first `length` of eight bytes; false when there is no room for all of them.
    fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool;
}

impl Output for Vec<u8> {
    #[inline]
    fn extend(&mut self, bytes: &[u8]) -> bool {
        /// Mostly it is a number: a few bytes, of a length that only becomes known now, written one
        /// by one a moment ago. Copied in the same way they cost a fraction of what a call of
        /// memcpy does, whose wide loads have to wait for the narrow stores.
        const FEW: usize = 10;
        if bytes.len() <= FEW {
            self.reserve(FEW);
            bytes.iter().for_each(|byte| self.push(*byte));
        } else {
            self.extend_from_slice(bytes);
        }
        true
    }

    #[inline]
    fn extend_short(&mut self, bytes: [u8; 8], length: usize) -> bool {
        let end = self.len() + length;
        self.extend_from_slice(&bytes);
        self.truncate(end);
        true
    }
}

/// Appends `value` to `output`; on failure `output` is as before.
pub(crate) fn encode<T: Serialize + 'static>(
    value: &T,
    output: &mut Vec<u8>,
    step: CodecStep,
) -> Result<(), Box<CodecError>> {
    let before = output.len();
    encode_to(value, output).map_err(|error| {
        output.truncate(before);
        failure::<T>(step, explain_encode(error, value))
    })
}

/// Appends `value` to `output`. What is there after a failure is a beginning of it.
#[inline]
pub(crate) fn encode_to<T: Serialize + 'static>(
    value: &T,
    output: &mut impl Output,
) -> postcard::Result<()> {
    if let Some(bytes) = as_bytes(value) {
        let full = postcard::Error::SerializeBufferFull;
        return if output.extend(bytes) { Ok(()) } else { Err(full) };
    }
    if let Some((word, length)) = number::encode(value)
        && output.extend_short(word.to_le_bytes(), length)
    {
        return Ok(());
    }
    postcard::serialize_with_flavor(value, Appender(output))
}

/// Reads a value that occupies all of `input`.
#[inline]
pub(crate) fn decode<T: DeserializeOwned + 'static>(
    input: &[u8],
    step: CodecStep,
) -> Result<T, Box<CodecError>> {
    if is_bytes::<T>() {
        return from_bytes(input.to_vec(), step);
    }
    match postcard::take_from_bytes::<T>(input) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(left_over::<T>(step, rest.len())),
        Err(error) => Err(undecodable::<T>(step, error)),
    }
}

/// Reads a value that occupies all of `input`; one that is nothing but bytes takes them over.
pub(crate) fn decode_taking<T: DeserializeOwned + 'static>(
    input: &mut Vec<u8>,
    step: CodecStep,
) -> Result<T, Box<CodecError>> {
    if is_bytes::<T>() { from_bytes(std::mem::take(input), step) } else { decode(input, step) }
}

/// Gives a value's own bytes away if it is nothing but bytes; gives it back otherwise.
pub(crate) fn into_bytes<T: 'static>(value: T) -> Result<Vec<u8>, T> {
    let mut slot = Some(value);
    let any: &mut dyn Any = &mut slot;
    let bytes = match any.downcast_mut::<Option<Vec<u8>>>() {
        Some(bytes) => bytes.take(),
        None => any.downcast_mut::<Option<String>>().and_then(Option::take).map(String::into_bytes),
    };
    // The slot is empty exactly when the bytes were taken out of it.
    match slot {
        Some(value) => Err(value),
        None => Ok(bytes.unwrap_or_default()),
    }
}

/// Boxed, so that a success is returned in registers: moving a wide result through memory costs as
/// much as decoding a number.
#[cold]
fn failure<T>(step: CodecStep, message: String) -> Box<CodecError> {
    Box::new(CodecError { step, type_name: type_name::<T>().to_owned(), message })
}

/// Postcard's error keeps no text of the type's own. MessagePack's does, so a value that refuses
/// to be encoded is asked once more, on this failure path only.
fn explain_encode<T: Serialize>(error: postcard::Error, value: &T) -> String {
    match error {
        postcard::Error::SerdeSerCustom => match rmp_serde::to_vec(value) {
            Err(rmp_serde::encode::Error::Syntax(message)) => message,
            _ => "its Serialize implementation reported an error".to_owned(),
        },
        other => format!("{other}; {REMEDY}"),
    }
}

#[cold]
fn undecodable<T>(step: CodecStep, error: postcard::Error) -> Box<CodecError> {
    let what = match error {
        postcard::Error::SerdeDeCustom => {
            "its Deserialize implementation refused the data".to_owned()
        }
        other => other.to_string(),
    };
    failure::<T>(step, format!("{what}; {REMEDY}"))
}

#[cold]
fn left_over<T>(step: CodecStep, bytes: usize) -> Box<CodecError> {
    failure::<T>(step, format!("{bytes} bytes are left over after reading it back; {REMEDY}"))
}

/// `Vec<u8>` and `String` are nothing but bytes, which are their encoding: where a value ends is
/// known from what it travels in. Element by element they would cost some 2 ns a byte.
fn is_bytes<T: 'static>() -> bool {
    let id = TypeId::of::<T>();
    id == TypeId::of::<Vec<u8>>() || id == TypeId::of::<String>()
}

fn as_bytes<T: 'static>(value: &T) -> Option<&[u8]> {
    let value: &dyn Any = value;
    match value.downcast_ref::<Vec<u8>>() {
        Some(bytes) => Some(bytes),
        None => value.downcast_ref::<String>().map(String::as_bytes),
    }
}

/// The inverse of [`into_bytes`].
fn from_bytes<T: 'static>(bytes: Vec<u8>, step: CodecStep) -> Result<T, Box<CodecError>> {
    let mut slot = None::<T>;
    let any: &mut dyn Any = &mut slot;
    if let Some(slot) = any.downcast_mut::<Option<Vec<u8>>>() {
        *slot = Some(bytes);
    } else if let Some(slot) = any.downcast_mut::<Option<String>>() {
        let text = String::from_utf8(bytes);
        *slot = Some(text.map_err(|error| failure::<T>(step, error.to_string()))?);
    }
    slot.ok_or_else(|| failure::<T>(step, "it is not bytes".to_owned()))
}

/// Postcard's output.
struct Appender<'a, O>(&'a mut O);

impl<O: Output> Flavor for Appender<'_, O> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if self.0.extend(data) { Ok(()) } else { Err(postcard::Error::SerializeBufferFull) }
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STEP: CodecStep = CodecStep::EncodeArguments;

    fn round_trip<T: Serialize + DeserializeOwned + 'static>(value: &T) -> T {
        let mut bytes = Vec::new();
        encode(value, &mut bytes, STEP).expect("encodes");
        decode(&bytes, STEP).expect("decodes")
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value: (u64, i32, String, Vec<u8>, Option<(bool, char)>, Vec<f64>)) {
            // Compared as text, because NaN differs from itself.
            prop_assert_eq!(format!("{:?}", round_trip(&value)), format!("{value:?}"));
        }

        #[test]
        fn bytes_and_text_are_their_own_encoding(bytes: Vec<u8>, text: String) {
            let mut output = vec![7];
            encode(&bytes, &mut output, STEP).unwrap();
            prop_assert_eq!(&output[1..], &bytes);
            prop_assert_eq!(&round_trip(&bytes), &bytes);
            prop_assert_eq!(&round_trip(&text), &text);
            prop_assert_eq!(into_bytes(text.clone()), Ok(text.clone().into_bytes()));
            prop_assert_eq!(decode_taking(&mut text.clone().into_bytes(), STEP), Ok(text));
            prop_assert_eq!(into_bytes(bytes.clone()), Ok(bytes.clone()));
            prop_assert_eq!(decode_taking(&mut bytes.clone(), STEP), Ok(bytes));
            prop_assert_eq!(into_bytes(7_u64), Err(7));
        }

        #[test]
        fn garbage_is_an_error_or_a_value_but_never_a_panic(bytes: Vec<u8>) {
            let _ = decode::<(u64, String, Vec<u16>)>(&bytes, STEP);
            let _ = decode::<Vec<u8>>(&bytes, STEP);
            let _ = decode::<Option<Vec<String>>>(&bytes, STEP);
        }
    }

    #[test]
    fn a_length_beyond_the_data_allocates_nothing_and_is_an_error() {
        let huge = postcard::to_stdvec(&u64::MAX).unwrap();
        assert!(decode::<Vec<u64>>(&huge, STEP).is_err());
        assert!(decode::<(Vec<u8>,)>(&huge, STEP).is_err());
        assert!(decode::<(String,)>(&huge, STEP).is_err());
    }

    #[test]
    fn text_that_is_not_utf_8_is_an_error() {
        let error = decode::<String>(&[0xff], STEP).unwrap_err().to_string();
        assert!(error.contains("`alloc::string::String`") && error.contains("utf-8"), "{error}");
    }

    #[test]
    fn left_over_bytes_are_an_error_that_names_the_type_and_the_remedy() {
        let error = decode::<u8>(&[1, 2], STEP).unwrap_err().to_string();
        assert!(error.contains("`u8`") && error.contains("SelfDescribing"), "{error}");
    }

    #[test]
    fn a_refusal_by_the_type_keeps_its_words_and_leaves_the_output_alone() {
        struct Refuses;
        impl Serialize for Refuses {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("a socket cannot travel"))
            }
        }
        let mut output = vec![7];
        let error = encode(&Refuses, &mut output, STEP).unwrap_err();
        assert_eq!(error.message, "a socket cannot travel");
        assert!(error.type_name.ends_with("Refuses"));
        assert_eq!(output, [7]);
    }
}
