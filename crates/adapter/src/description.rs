//! The description of an adapter: a JSON text, completed for a start method.

use procpool_contract::Description;
use serde_json::Value;

/// The member of the text that has, for each start method, the capabilities that not all have.
const START_METHODS: &str = "start_methods";

/// Reads a description.
///
/// # Errors
///
/// The text is not a description, which is a fault of the adapter.
pub(crate) fn described(text: &str, start_method: &str) -> Result<Description, String> {
    let mut all: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let members = all.as_object_mut().ok_or("a description is an object")?;
    if let Some(mut methods) = members.remove(START_METHODS) {
        let more = methods.get_mut(start_method).and_then(Value::as_array_mut);
        let more = more.ok_or_else(|| format!("{START_METHODS} has no list {start_method:?}"))?;
        let capabilities = members.get_mut("capabilities").and_then(Value::as_array_mut);
        capabilities.ok_or("capabilities are a list")?.append(more);
    }
    members.insert("start_method".to_owned(), start_method.into());
    serde_json::from_value(all).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use procpool_contract::Capability;

    use super::*;

    const TEXT: &str = r#"{
        "contract": 1, "implementation": "a pool", "version": "1", "language": "Rust",
        "capabilities": ["submit"], "start_methods": {"spawn": ["threads"], "fork": []}
    }"#;

    #[test]
    fn a_start_method_adds_its_capabilities() {
        let capabilities = |method| {
            let description = described(TEXT, method).expect("it is a description");
            assert_eq!(description.start_method, method);
            description.capabilities.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(capabilities("spawn"), [Capability::Submit, Capability::Threads]);
        assert_eq!(capabilities("fork"), [Capability::Submit]);
    }

    #[test]
    fn an_unknown_start_method_is_an_error() {
        let error = described(TEXT, "forkserver").expect_err("there is none");
        assert_eq!(error, r#"start_methods has no list "forkserver""#);
    }
}
