//! Every feature is listed where users look for it, and the gate builds and tests it alone.

const MANIFEST: &str = include_str!("../Cargo.toml");

/// The names of the features in a manifest.
fn features(manifest: &str) -> Vec<&str> {
    let (_, rest) = manifest.split_once("[features]\n").unwrap_or_default();
    let section = rest.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter(|line| !line.starts_with('#'));
    names.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect()
}

/// Those of `features` that a place does not list, with the place.
fn unlisted(features: &[&str], places: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, text) in places {
        let missing = features.iter().filter(|feature| !text.contains(&format!("`{feature}`")));
        found.extend(missing.map(|feature| format!("{place}: `{feature}`")));
    }
    found
}

#[test]
fn every_feature_is_listed_and_tested_alone() {
    let features = features(MANIFEST);
    assert!(!features.is_empty());
    let section =
        include_str!("../src/lib.rs").split("//! # ").find(|it| it.starts_with("Features"));
    let places = [
        ("src/lib.rs, Features", section.unwrap_or_default()),
        ("README.md", include_str!("../README.md")),
        ("README.md of the workspace", include_str!("../../../README.md")),
        ("CHANGELOG.md", include_str!("../CHANGELOG.md")),
    ];
    assert_eq!(unlisted(&features, &places), [""; 0]);
    let gate = include_str!("../../../.ci/run");
    let alone = format!("for feature in \"\" {}; do", features.join(" "));
    assert!(gate.contains(&alone), "the gate lacks: {alone}");
    assert!(MANIFEST.contains("[package.metadata.docs.rs]\nall-features = true\n"));
}

#[test]
fn an_unlisted_feature_is_found() {
    let manifest =
        "[features]\n# For tests.\none = []\ntwo = [\"dep:x\"]\n\n[dependencies]\nx = \"1\"\n";
    assert_eq!(features(manifest), ["one", "two"]);
    assert_eq!(unlisted(&["one", "two"], &[("here", "`one`, two")]), ["here: `two`"]);
}
