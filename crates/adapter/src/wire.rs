//! The messages between client and worker: a text, and perhaps a value that fails to be encoded or
//! decoded.

use procpool_contract::{Call, Place};
use serde::de::{self, Deserializer};
use serde::ser::{self, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A text that may refuse to be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    text: String,
    fails: Fails,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Fails {
    Never,
    Encode,
    Decode,
}

impl Wire {
    /// Returns the argument of a call.
    pub fn of_call(call: &Call) -> Self {
        let fails = match call.poison {
            Some(Place::EncodeArgument) => Fails::Encode,
            Some(Place::DecodeArgument) => Fails::Decode,
            Some(Place::EncodeResult | Place::DecodeResult) | None => Fails::Never,
        };
        let text = call.to_json();
        Self { text, fails }
    }

    /// Returns the call in it.
    ///
    /// # Panics
    ///
    /// There is none, which is a fault of the adapter.
    pub fn call(&self) -> Call {
        Call::from_json(self.text.as_bytes()).expect("what travels is a call")
    }

    /// Returns the result of `call`.
    pub fn of_result(call: &Call, value: &Value) -> Self {
        let fails = match call.poison {
            Some(Place::EncodeResult) => Fails::Encode,
            Some(Place::DecodeResult) => Fails::Decode,
            Some(Place::EncodeArgument | Place::DecodeArgument) | None => Fails::Never,
        };
        Self { text: value.to_string(), fails }
    }

    /// Returns the result in it.
    ///
    /// # Panics
    ///
    /// There is none, which is a fault of the adapter.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text).expect("what travels is JSON")
    }
}

impl Serialize for Wire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.fails {
            Fails::Encode => Err(ser::Error::custom("this refuses to be encoded")),
            fails => (fails, &self.text).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Wire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (fails, text) = Deserialize::deserialize(deserializer)?;
        match fails {
            Fails::Decode => Err(de::Error::custom("this refuses to be decoded")),
            fails => Ok(Self { text, fails }),
        }
    }
}
