//! The wrapper for types that the compact format cannot carry.
//!
//! Owns one newtype and the choice of MessagePack with field names for its content. The pool's own format
//! only sees bytes.

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// Carries a value together with its field names, in MessagePack.
///
/// The pool's own format contains no names. It refuses a value that it cannot carry, before the value is
/// sent. Wrapped in this type such a value travels, as an argument, as a result or as a field of either:
///
/// | what | bare | wrapped |
/// |---|---|---|
/// | `skip_serializing_if`, where it skips | refused | arrives, with `default` |
/// | `flatten`, a sequence or map of unknown length | refused | arrives |
/// | `untagged`, `tag`, `tag` with `content`, `serde_json::Value` | refused | arrives |
/// | `skip_serializing` or `skip_deserializing` | refused | arrives as its default, or not at all: the other side has nothing to read |
/// | `skip` on a variant, for those behind it | refused | arrives |
/// | `rename` for one direction, to another word | refused | not read: let both directions have one name |
/// | `serialize_with` or `into` whose other direction does not mirror it | refused | an error where it is read |
/// | `skip` on a field | arrives as its default | arrives as its default |
/// | `default`, `alias`, `rename`, `with`, `from` and `into`, `transparent`, `other`, `remote` | arrives | arrives |
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
