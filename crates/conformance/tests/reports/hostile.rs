//! Texts that try to be markup: an adapter writes names and messages, so none of them may be more than
//! text in any format.

use procpool_conformance::report::{Diff, badge, html, junit, markdown};
use roxmltree::Document;

use crate::fixture::{HOSTILE, hostile, results};

/// The hostile text as a parser returns it: XML has no form for two of its characters.
fn in_xml() -> String {
    HOSTILE.replace(['\u{1b}', '\0'], "\u{fffd}")
}

#[test]
fn hostile_text_stays_text_in_the_page() {
    let page = html(&hostile(), None).expect("it is written");
    // The page's own two, and no others: data and script.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img"));
    assert!(page.contains("{{data}}"), "a text that looks like a part's name stays as it is");
    let (_, data) = page.split_once("id=\"data\">").expect("there are data");
    let (data, _) = data.split_once("</script>").expect("they end");
    let data: serde_json::Value = serde_json::from_str(data).expect("they are JSON");
    assert_eq!(data["cells"][0][0]["timeline"], HOSTILE);
    assert_eq!(data["rows"][0]["anchor"], "javascript:window.hacked=1");
    assert_eq!(data["rows"][0]["link"], serde_json::Value::Null, "it is not made a link");
}

#[test]
fn an_address_of_another_server_is_not_a_link() {
    for anchor in ["//evil.example/x", "https://evil.example", "data:text/html,x", "a b", ""] {
        let mut results = results();
        results.runs[0].cases[0].anchor = anchor.to_owned();
        let page = html(&results, Some("https://example.org")).expect("it is written");
        let row = format!("\"anchor\":{}", serde_json::json!(anchor));
        let (_, rest) = page.split_once(&row).expect("the row is there");
        let (about, _) = rest.split_once('}').expect("it ends");
        assert!(about.contains("\"link\":null"), "{anchor} became {about}");
    }
}

#[test]
fn hostile_text_stays_text_in_xml() {
    let xml = junit(&hostile());
    let document = Document::parse(&xml).expect("it is well-formed");
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite"));
    let suite = suite.expect("there is a suite");
    assert_eq!(suite.attribute("timestamp"), Some(in_xml().as_str()));
    let failure = document.descendants().find(|node| node.has_tag_name("failure"));
    let failure = failure.expect("there is a failure");
    let text = failure.text().expect("it has a text");
    assert!(text.ends_with(&in_xml()), "{text}");
    assert_eq!(failure.attribute("message"), Some(format!("failed: {}", in_xml()).as_str()));

    let svg = badge(&hostile(), Some(HOSTILE)).expect("it is called by its command");
    let document = Document::parse(&svg).expect("it is well-formed");
    assert!(document.root_element().attribute("aria-label").is_some_and(|it| it.contains("🦀")));
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
}

#[test]
fn hostile_text_stays_text_in_markdown() {
    let table = markdown(&hostile());
    let columns = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = table.lines().take(4).collect();
    for line in &lines {
        assert_eq!(columns(line), columns(lines[1]), "{line}");
    }
    assert!(!table.contains('<') && !table.contains("{{") && !table.contains("[b]("), "{table}");
    assert!(!table.chars().any(|letter| letter.is_control() && letter != '\n'));
}

#[test]
fn hostile_text_does_not_control_the_terminal() {
    let text = Diff::of(&results(), &hostile()).to_string();
    assert!(text.contains('🦀'));
    assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
}
