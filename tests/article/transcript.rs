//! The article's transcript, without the positions of the messages.
//!
//! Two messages and the numbers 0 to 9 in order are promised; the positions of the messages among the
//! numbers are not. So [`canonical`] moves the messages to the front and changes nothing else: its output
//! is compared whole, and any missing, added or swapped line shows.

/// The output of the article's initializer.
const MESSAGE: &str = "Initializing worker process.\n";

/// Returns the transcript's lines, with their ends, the messages first.
pub(crate) fn canonical(transcript: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = transcript.split_inclusive('\n').collect();
    // Stable: the other lines keep their order.
    lines.sort_by_key(|line| *line != MESSAGE);
    lines
}

/// Fails unless `transcript` is the article's, with its messages anywhere.
pub(crate) fn assert_is_the_articles(transcript: &str) {
    insta::allow_duplicates! {
        insta::assert_debug_snapshot!(canonical(transcript), @r#"
        [
            "Initializing worker process.\n",
            "Initializing worker process.\n",
            "0\n",
            "1\n",
            "2\n",
            "3\n",
            "4\n",
            "5\n",
            "6\n",
            "7\n",
            "8\n",
            "9\n",
        ]
        "#);
    }
}

/// The transcript as the article shows it.
const USUAL: &str = "\
Initializing worker process.
Initializing worker process.
0
1
2
3
4
5
6
7
8
9
";

#[test]
fn the_articles_own_transcript_passes() {
    assert_is_the_articles(USUAL);
}

#[test]
fn a_transcript_passes_with_its_messages_anywhere() {
    let numbers: Vec<&str> = USUAL.split_inclusive('\n').filter(|line| *line != MESSAGE).collect();
    for first in 0..=numbers.len() {
        for second in 0..=numbers.len() {
            let mut lines = numbers.clone();
            lines.insert(first, MESSAGE);
            lines.insert(second, MESSAGE);
            assert_is_the_articles(&lines.concat());
        }
    }
}

#[test]
fn a_transcript_with_any_other_change_fails() {
    let changes = [
        ("a third message", USUAL.replacen("5\n", &format!("5\n{MESSAGE}"), 1)),
        ("a missing message", USUAL.replacen(MESSAGE, "", 1)),
        ("no message", USUAL.replace(MESSAGE, "")),
        ("swapped numbers", USUAL.replace("3\n4\n", "4\n3\n")),
        ("a duplicate number", USUAL.replace("7\n", "7\n7\n")),
        ("one number in place of another", USUAL.replace("7\n", "8\n")),
        ("a missing number", USUAL.replace("0\n", "")),
        ("the last number missing", USUAL.replace("9\n", "")),
        ("a number too many", format!("{USUAL}10\n")),
        ("a line of noise", format!("running 1 test\n{USUAL}")),
        ("an empty line", format!("{USUAL}\n")),
        ("a message in other words", USUAL.replacen("worker", "Worker", 1)),
        ("a message and a number on one line", USUAL.replacen(".\n0\n", ".0\n\n", 1)),
        ("a cut last line", USUAL.trim_end().to_owned()),
        ("carriage returns", USUAL.replace('\n', "\r\n")),
        ("nothing", String::new()),
    ];
    for (what, transcript) in changes {
        assert_ne!(transcript, USUAL, "{what}: the change did not change anything");
        // The comparison of the snapshot itself: the usual transcript equals it, by the first test.
        assert_ne!(canonical(&transcript), canonical(USUAL), "{what} passed");
    }
}
