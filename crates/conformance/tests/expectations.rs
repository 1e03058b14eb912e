//! What is known of other pools: every file is about cases that exist, with reasons that people can read
//! and links that lead somewhere.

use std::collections::BTreeMap;
use std::path::Path;

use procpool_conformance::cases;
use procpool_conformance::suite::Known;

type Entries = BTreeMap<String, Known>;

/// What is wrong with a file.
fn faults(name: &str, text: &str) -> Vec<String> {
    let entries: Entries = match toml::from_str(text) {
        Ok(entries) => entries,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut faults = Vec::new();
    for (id, Known { reason, link }) in entries {
        if cases::find(&id).is_none() {
            faults.push(format!("{name}: there is no case {id}"));
        }
        let is_sentence =
            reason.ends_with('.') && reason.starts_with(|it: char| it.is_alphanumeric());
        if !is_sentence {
            faults.push(format!("{name}: the reason of {id} is no sentence: {reason}"));
        }
        if !link.is_empty() && !link.starts_with("https://") {
            faults.push(format!("{name}: the link of {id} leads nowhere: {link}"));
        }
    }
    faults
}

#[test]
fn every_file_says_what_is_true_of_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("expectations");
    let mut found = Vec::new();
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("there are expectations") {
        let path = entry.expect("the folder is readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("expectations are text");
        assert!(!name.starts_with("procpool-"), "nothing is expected to fail in procpool");
        found.extend(faults(&name, &text));
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_is_wrong_in_a_file_is_found() {
    let good = "[\"article.initargs\"]\nreason = \"It drops them.\"\n";
    assert_eq!(faults("good", good), Vec::<String>::new());
    for (text, words) in [
        ("[\"no.such\"]\nreason = \"It does.\"\n", "there is no case no.such"),
        ("[\"article.initargs\"]\nreason = \"\"\n", "is no sentence"),
        ("[\"article.initargs\"]\nreason = \"It drops them.\"\nlink = \"gh-1\"\n", "leads nowhere"),
        ("[\"article.initargs\"]\nlink = \"https://a\"\n", "missing field `reason`"),
    ] {
        let found = faults("bad", text).join("\n");
        assert!(found.contains(words), "{words}: {found}");
    }
}
