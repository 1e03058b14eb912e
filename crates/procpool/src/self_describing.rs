//! The wrapper for types that the compact format cannot carry.
//!
//! Owns one newtype and the choice of MessagePack with field names for its inside; the pool's own
//! format sees a string of bytes.

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// Carries a value together with its field names, in MessagePack.
///
/// The pool's own format writes no names, so types that look at names while they are decoded do
/// not fit it: untagged and internally tagged enums, `#[serde(flatten)]`, skipped fields,
/// `serde_json::Value`. Wrapped in this type they travel, as an argument, as a result or as a
/// field of either.
///
/// # Examples
///
/// ```
/// use procpool::SelfDescribing;
/// use serde_json::{Value, json};
///
/// fn keys(SelfDescribing(value): SelfDescribing<Value>) -> usize {
///     value.as_object().map_or(0, |object| object.len())
/// }
///
/// fn main() -> Result<(), procpool::Error> {
///     procpool::init();
///     let executor = procpool::ProcessPoolExecutor::builder().max_workers(1).build()?;
///     let value = SelfDescribing(json!({"a": 1, "b": [true, null]}));
///     assert_eq!(executor.submit(keys, value).result()?, 2);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SelfDescribing<T>(pub T);

impl<T: Serialize> Serialize for SelfDescribing<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = rmp_serde::to_vec_named(&self.0).map_err(ser::Error::custom)?;
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for SelfDescribing<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes<T>(std::marker::PhantomData<fn() -> T>);

        impl<T: DeserializeOwned> Visitor<'_> for Bytes<T> {
            type Value = SelfDescribing<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value in MessagePack, as bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                rmp_serde::from_slice(bytes).map(SelfDescribing).map_err(E::custom)
            }
        }

        deserializer.deserialize_bytes(Bytes(std::marker::PhantomData))
    }
}
