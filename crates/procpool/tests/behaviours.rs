//! Every row of what users expect of a process pool has a test that names it, or a reason why it
//! does not apply; `src/behaviours.md` says what the rows are.
//!
//! Each rule is a function from the books to its violations, and has a test that shows it
//! something to find.

#[path = "behaviours/rows.rs"]
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use rows::{AREAS, rows};

/// Source files that may hold tests: their paths in the workspace, and their texts.
type Sources = BTreeMap<String, String>;

fn sources() -> Sources {
    fn collect(folder: &Path, root: &Path, sources: &mut Sources) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() {
                collect(&path, root, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("it is in there").display().to_string();
                sources.insert(name, fs::read_to_string(&path).expect("sources are text"));
            }
        }
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("there are other crates");
    let root = crates.parent().expect("crates are in the workspace");
    let mut sources = Sources::new();
    collect(&root.join("tests"), root, &mut sources);
    for entry in fs::read_dir(crates).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        collect(&path.join("tests"), root, &mut sources);
        collect(&path.join("src"), root, &mut sources);
    }
    sources
}

/// How a comment that names rows begins.
const MARK: &str = "// Behaviours: ";

/// The notes about the rows, and their places.
#[derive(Debug, Default)]
struct Books {
    /// Rows that a test names, and the place where it does.
    named: Vec<(String, String)>,
    /// Comments that name rows, but not as they should.
    astray: Vec<String>,
    /// Rows that do not apply, and why.
    excused: Vec<(String, String)>,
    /// How many rows each area is said to have.
    counted: Vec<(String, String)>,
}

impl Books {
    fn read(sources: &Sources, page: &str) -> Self {
        let mut books = Self::default();
        for (file, text) in sources {
            books.read_source(file, text);
        }
        for line in page.lines().filter_map(|line| line.strip_prefix("| ")) {
            let cells: Vec<&str> = line.trim_end_matches('|').split('|').map(str::trim).collect();
            match cells[..] {
                [row, reason] if row.contains('-') => {
                    books.excused.push((row.to_owned(), reason.to_owned()));
                }
                [area, _, count] if area != "area" => {
                    books.counted.push((area.to_owned(), count.to_owned()));
                }
                _ => {}
            }
        }
        books
    }

    fn read_source(&mut self, file: &str, text: &str) {
        let mut lines = text.lines().map(str::trim).zip(1..).peekable();
        while let Some((line, number)) = lines.next() {
            if !line.starts_with("//") || !line.contains("Behaviours:") {
                continue;
            }
            let place = format!("{file}:{number}");
            let list = line.strip_prefix(MARK).and_then(|list| list.strip_suffix('.'));
            match (list, lines.peek()) {
                (None, _) => self.astray.push(format!("{place}: say `{MARK}AREA-01, AREA-02.`")),
                (_, next) if !next.is_some_and(|(next, _)| makes_a_test(next)) => {
                    self.astray.push(format!("{place}: it is not directly above a test"));
                }
                (Some(list), _) => {
                    let rows = list.split(", ").map(|row| (row.to_owned(), place.clone()));
                    self.named.extend(rows);
                }
            }
        }
    }

    /// Every row that is written about, and where.
    fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.named.iter().map(|(row, place)| (row.as_str(), place.as_str()));
        let excused = self.excused.iter().map(|(row, _)| (row.as_str(), "behaviours.md"));
        named.chain(excused)
    }
}

/// Whether a line is the attribute of a test, or a macro that may expand to some.
fn makes_a_test(line: &str) -> bool {
    let called = |(name, rest): (&str, &str)| {
        let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
        is_name && !name.is_empty() && rest.trim_start().starts_with(['(', '{'])
    };
    line.starts_with("#[test]") || line.split_once('!').is_some_and(called)
}

fn comments_astray(books: &Books) -> Vec<String> {
    books.astray.clone()
}

fn unknown_rows(books: &Books) -> Vec<String> {
    let rows = rows();
    let unknown = books.entries().filter(|(row, _)| !rows.iter().any(|known| known == row));
    unknown.map(|(row, place)| format!("{place}: {row}")).collect()
}

fn forgotten_rows(books: &Books) -> Vec<String> {
    let written: BTreeSet<&str> = books.entries().map(|(row, _)| row).collect();
    rows().into_iter().filter(|row| !written.contains(row.as_str())).collect()
}

/// The most rows that a comment names: as many as the test of all ways to let a pool go. A comment with more says of
/// each test what only some of them prove.
const MOST_ROWS: usize = 10;

/// Comments that name so many rows that none of them is said to be proved.
fn blankets(books: &Books) -> Vec<String> {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, place) in &books.named {
        *rows.entry(place).or_default() += 1;
    }
    let blankets = rows.into_iter().filter(|(_, rows)| *rows > MOST_ROWS);
    blankets.map(|(place, rows)| format!("{place}: {rows} rows")).collect()
}

/// Rows that are both in a test and in the table, or in the table twice.
fn doubtful_rows(books: &Books) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (row, place) in books.entries() {
        places.entry(row).or_default().push(place);
    }
    let in_source = |place: &&str| place.contains(".rs:");
    let doubtful =
        places.into_iter().filter(|(_, places)| places.len() > 1 && !places.iter().all(in_source));
    doubtful.map(|(row, places)| format!("{row}: {}", places.join(", "))).collect()
}

fn miscounted_areas(books: &Books) -> Vec<String> {
    let count = |ranges: &[RangeInclusive<u8>]| ranges.iter().cloned().flatten().count();
    let counted =
        AREAS.iter().map(|(area, ranges)| ((*area).to_owned(), count(ranges).to_string()));
    let counted: Vec<_> = counted.collect();
    if books.counted == counted { Vec::new() } else { vec![format!("they are {counted:?}")] }
}

fn rows_without_reason(books: &Books) -> Vec<String> {
    let silent = books.excused.iter().filter(|(_, reason)| !reason.contains(' '));
    silent.map(|(row, _)| row.clone()).collect()
}

fn rows_out_of_order(books: &Books) -> Vec<String> {
    let rows = rows();
    let place = |row: &String| rows.iter().position(|known| known == row);
    let pairs = books.excused.windows(2).filter(|pair| place(&pair[0].0) >= place(&pair[1].0));
    pairs.map(|pair| format!("{} stands before {}", pair[0].0, pair[1].0)).collect()
}

/// From the books to what violates a rule in them.
type Rule = fn(&Books) -> Vec<String>;

/// All rules, by name.
const RULES: [(&str, Rule); 8] = [
    ("a comment that names rows belongs to a test", comments_astray),
    ("only rows of the list are named", unknown_rows),
    ("every row has a test or a reason", forgotten_rows),
    ("a row has a test or a reason, not both", doubtful_rows),
    ("a comment names what its test proves", blankets),
    ("behaviours.md counts the rows", miscounted_areas),
    ("behaviours.md gives reasons", rows_without_reason),
    ("behaviours.md is in the order of the areas", rows_out_of_order),
];

#[test]
fn every_row_has_a_test_or_a_reason() {
    let page = include_str!("../src/behaviours.md");
    let rows = rows();
    assert!(page.contains(&format!("in {} rows", rows.len())), "{} rows", rows.len());
    let books = Books::read(&sources(), page);
    let named: BTreeSet<_> = books.named.iter().map(|(row, _)| row).collect();
    assert!(named.len() > rows.len() / 3, "the tests were found: they name {} rows", named.len());
    let mut found = Vec::new();
    for (rule, check) in RULES {
        found.extend(check(&books).into_iter().map(|violation| format!("{rule}: {violation}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_rule_finds_its_violation() {
    let source = [
        "// Behaviours: CFG-01, SUB-20.",
        "#[test]",
        "fn one() {}",
        "// Behaviours: CFG-01, CFG-02.",
        "matrix::of!(two);",
        "    // Behaviours: CFG-03.",
        "    fn helper() {}",
        "// Behaviours: CFG-03",
        "#[test]",
        "/// Behaviours: CFG-03.",
        "#[test]",
    ];
    let sources = Sources::from([("tests/some.rs".to_owned(), source.join("\n"))]);
    let page = "\
        | area | is about | rows |\n|---|---|---|\n| CFG | pools | 12 |\n\n\
        | row | why |\n|---|---|\n| CFG-05 |  |\n| CFG-02 | not |\n| CFG-02 | for me |\n";
    let books = Books::read(&sources, page);
    assert_eq!(
        comments_astray(&books),
        [
            "tests/some.rs:6: it is not directly above a test",
            "tests/some.rs:8: say `// Behaviours: AREA-01, AREA-02.`",
            "tests/some.rs:10: say `// Behaviours: AREA-01, AREA-02.`",
        ]
    );
    assert_eq!(unknown_rows(&books), ["tests/some.rs:1: SUB-20"]);
    let many: Vec<String> = rows().into_iter().take(MOST_ROWS + 1).collect();
    let blanket = format!("{MARK}{}.\n#[test]\n", many.join(", "));
    let blanket = Sources::from([("tests/some.rs".to_owned(), blanket)]);
    assert_eq!(blankets(&Books::read(&blanket, page)), ["tests/some.rs:1: 11 rows"]);
    let forgotten = forgotten_rows(&books);
    assert_eq!(forgotten[..2], ["CFG-03", "CFG-04"]);
    assert_eq!(forgotten.len(), rows().len() - 3, "CFG-01, CFG-02 and CFG-05 are there");
    assert_eq!(doubtful_rows(&books), ["CFG-02: tests/some.rs:4, behaviours.md, behaviours.md"]);
    assert_eq!(miscounted_areas(&books).len(), 1);
    assert_eq!(rows_without_reason(&books), ["CFG-05", "CFG-02"]);
    assert_eq!(
        rows_out_of_order(&books),
        ["CFG-05 stands before CFG-02", "CFG-02 stands before CFG-02"]
    );
}
