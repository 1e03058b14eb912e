//! Messages as JSON text: each is written and read by code that is compiled here, once, and optimized even
//! in tests, which send megabytes.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Call, Description, Event, Line, Scenario};

macro_rules! message {
    ($($type:ty)*) => {$(
        impl $type {
            /// Returns the message as JSON, in one line without an end of line.
            pub fn to_json(&self) -> String {
                write(serde_json::to_value(self))
            }

            /// Reads the message.
            ///
            /// # Errors
            ///
            /// The fault, its place in the message, and the beginning of the text.
            pub fn from_json(text: &[u8]) -> Result<Self, String> {
                read(text)
            }
        }
    )*};
}

message!(Call Description Event Line Scenario);

/// Writes a message by code of `serde_json`'s own, which is optimized.
fn write(message: serde_json::Result<Value>) -> String {
    message.unwrap_or_else(|_| unreachable!("a message is plain data")).to_string()
}

fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let mut from = serde_json::Deserializer::from_slice(text);
    let message = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let place = error.path().to_string();
        let text = String::from_utf8_lossy(&text[..text.len().min(300)]).into_owned();
        match place.as_str() {
            "." => format!("{} in {text:?}", error.inner()),
            _ => format!("at `{place}`: {} in {text:?}", error.inner()),
        }
    })?;
    from.end().map_err(|error| format!("something follows the message: {error}"))?;
    Ok(message)
}
