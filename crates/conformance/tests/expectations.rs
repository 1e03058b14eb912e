//! Known failures of other pools: every file names existing cases, with readable reasons, working links,
//! and programs that reproduce the fault. And the effect of a known failure on a verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use procpool_conformance::case::{CASE, Case, Level};
use procpool_conformance::cases;
use procpool_conformance::field::{Field, Program};
use procpool_conformance::plan::{echo, workers};
use procpool_conformance::report;
use procpool_conformance::run::{Adapter, Limits};
use procpool_conformance::suite::{self, Column, Known, Verdict};

type Entries = BTreeMap<String, Known>;

/// The faults of a file. `programs` are those that reproduce faults.
fn faults(name: &str, text: &str, programs: &BTreeSet<String>) -> Vec<String> {
    let entries: Entries = match toml::from_str(text) {
        Ok(entries) => entries,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut faults = Vec::new();
    for (id, Known { reason, link, shown_by, at_times, observed: _ }) in entries {
        let mut check = |holds: bool, fault: String| {
            if !holds {
                faults.push(format!("{name}: {fault}"));
            }
        };
        let is_sentence =
            |text: &str| text.ends_with('.') && text.starts_with(|it: char| it.is_alphanumeric());
        let case = cases::find(&id);
        check(case.is_some(), format!("there is no case {id}"));
        check(is_sentence(&reason), format!("the reason of {id} is no sentence: {reason}"));
        let leads = link.is_empty() || link.starts_with("https://");
        check(leads, format!("the link of {id} leads nowhere: {link}"));
        if let Some(race) = at_times {
            check(is_sentence(&race), format!("the race of {id} is no sentence: {race}"));
            check(race != reason, format!("the race of {id} is no reason of its own: {race}"));
        }
        let must = case.is_some_and(|case| case.level == Level::Must);
        check(!must || !shown_by.is_empty(), format!("no program shows why {id} fails"));
        let is_there = shown_by.is_empty() || programs.contains(&shown_by);
        check(is_there, format!("there is no program {shown_by}, which is to show why {id} fails"));
    }
    faults
}

fn field() -> Field {
    Field::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).expect("it can be read")
}

#[test]
fn every_file_agrees_with_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("expectations");
    let programs: BTreeSet<String> = field().programs.into_keys().collect();
    let mut found = Vec::new();
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("there are expectations") {
        let path = entry.expect("the folder is readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("expectations are text");
        assert!(!name.starts_with("procpool-"), "nothing is expected to fail in procpool");
        found.extend(faults(&name, &text, &programs));
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_program_reproduces_the_failure_of_a_case() {
    assert_eq!(field().idle(), Vec::<String>::new());
}

#[test]
fn every_program_is_short() {
    let programs = field().programs;
    let long: Vec<&String> =
        programs.iter().filter(|(_, program)| program.lines > 30).map(|(name, _)| name).collect();
    assert!(long.is_empty(), "these have more than 30 lines: {long:?}");
}

#[test]
fn a_page_lists_the_cases_that_each_fault_fails() {
    let known = |text: &str| toml::from_str(text).expect("it is a file of expectations");
    let of = |id: &str, more: &str| {
        format!("[\"{id}\"]\nreason = \"So it is.\"\nshown_by = \"drops.py\"\n{more}\n")
    };
    let link = "link = \"https://github.com/them/pool/issues/7\"";
    let program = Program {
        folder: "faults".to_owned(),
        pool: "pool".to_owned(),
        sentence: "it drops a|b.".to_owned(),
        lines: 9,
    };
    let field = Field {
        known: BTreeMap::from([
            ("pool-fork".to_owned(), known(&of("article.initargs", link))),
            (
                "pool-spawn".to_owned(),
                known(
                    &(of("article.initargs", "") + &of("init.exit-breaks", "at_times = \"Two.\"")),
                ),
            ),
            ("other-fork".to_owned(), known(&of("init.kill-breaks", ""))),
        ]),
        programs: BTreeMap::from([
            ("drops.py".to_owned(), program.clone()),
            ("idle.py".to_owned(), program),
        ]),
        versions: BTreeMap::from([("pool".to_owned(), "1.2".to_owned())]),
    };
    assert_eq!(field.idle(), ["idle.py"]);
    let page = field.page();
    assert!(page.contains("\n## pool 1.2\n\nThe programs are in `faults`.\n"), "{page}");
    let fault = "\n**It drops a|b.** Fails [article.initargs](catalogue.md#article-initargs), \
                 [init.exit-breaks](catalogue.md#init-exit-breaks) ~ (spawn). Shown by `drops.py`. \
                 See [them/pool#7](https://github.com/them/pool/issues/7).\n";
    assert!(page.contains(fault), "{page}");
}

#[test]
fn every_fault_of_a_file_is_found() {
    let programs = BTreeSet::from(["drops.py".to_owned()]);
    let entry = |lines: &str| format!("[\"article.initargs\"]\n{lines}\n");
    let rest = "reason = \"It drops them.\"\nshown_by = \"drops.py\"";
    for good in [rest.to_owned(), format!("{rest}\nat_times = \"Two threads race.\"")] {
        assert_eq!(faults("good", &entry(&good), &programs), Vec::<String>::new());
    }
    let bad = [
        ("[\"no.such\"]\nreason = \"It does.\"\n".to_owned(), "there is no case no.such"),
        (entry("reason = \"\""), "is no sentence"),
        (entry(&format!("{rest}\nlink = \"gh-1\"")), "leads nowhere"),
        (entry("link = \"https://a\""), "missing field `reason`"),
        (entry(&format!("{rest}\nat_times = true")), "expected a string"),
        (entry(&format!("{rest}\nat_times = \"\"")), "the race of article.initargs is no sentence"),
        (entry(&format!("{rest}\nat_times = \"It drops them.\"")), "no reason of its own"),
        (entry("reason = \"It drops them.\""), "no program shows why article.initargs fails"),
        (entry(&rest.replace("drops.py", "keeps.py")), "there is no program keeps.py"),
    ];
    for (text, words) in bad {
        let found = faults("bad", &text, &programs).join("\n");
        assert!(found.contains(words), "{words}: {found}");
    }
}

/// A case that the adapter `plain` can carry out.
fn case(judge: fn(&procpool_conformance::history::History) -> Result<(), String>) -> Case {
    Case {
        id: "article.initargs",
        requirement: "The pool MUST return what a task returns.",
        plan: |plan| {
            plan.new_pool("p", workers(1)).submit("p", echo("a", 7)).result("a").shutdown("p");
        },
        judge,
        ..CASE
    }
}

const PASSES: fn(&procpool_conformance::history::History) -> Result<(), String> = |_| Ok(());
const FAILS: fn(&procpool_conformance::history::History) -> Result<(), String> =
    |_| Err("seen to fail".to_owned());

/// A column of the adapter `plain` with these expectations.
fn column(folder: &Path, known: &str) -> Column {
    let limits = Limits { must: Duration::from_secs(5), ..Limits::scaled(0.2) };
    let adapter = Adapter {
        command: "sh plain.sh".to_owned(),
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile"),
    };
    let empty = Column::of(adapter.clone(), folder, limits);
    std::fs::write(empty.expectations.file(), known).expect("the folder is there");
    Column::of(adapter, folder, limits)
}

fn judged(column: &Column, case: &Case) -> suite::Result {
    column.judge(case, Limits { must: Duration::from_secs(5), ..Limits::scaled(0.2) })
}

const ALWAYS: &str = "[\"article.initargs\"]\nreason = \"It drops them.\"\n";
const AT_TIMES: &str =
    "[\"article.initargs\"]\nreason = \"It drops them.\"\nat_times = \"Two threads race.\"\n";

#[test]
fn only_a_case_that_fails_at_times_may_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    let always = column(folder.path(), ALWAYS);
    assert!(matches!(judged(&always, &case(FAILS)).verdict, Verdict::Expected(_)));
    assert!(matches!(judged(&always, &case(PASSES)).verdict, Verdict::Unexpected(_)));
    let at_times = column(folder.path(), AT_TIMES);
    assert!(matches!(judged(&at_times, &case(FAILS)).verdict, Verdict::Expected(_)));
    assert!(matches!(judged(&at_times, &case(PASSES)).verdict, Verdict::ThisTime(_)));
    let error = column(folder.path(), &AT_TIMES.replace("Two threads race.", " ")).description;
    let error = error.expect_err("a race is to be named").to_string();
    assert!(error.contains("does not say which race"), "{error}");
}

#[test]
fn results_mark_both_outcomes_of_an_unstable_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let column = column(folder.path(), AT_TIMES);
    for (judge, verdict) in
        [(PASSES, report::Verdict::Passed), (FAILS, report::Verdict::ExpectedFailure)]
    {
        let results = vec![(column.clone(), vec![judged(&column, &case(judge))])];
        let file = suite::file(&results, SystemTime::now()).expect("no contradiction");
        let found = file.runs[0].cases.iter().find(|case| case.id == "article.initargs");
        let found = found.expect("every case is there");
        assert_eq!((found.verdict, found.at_times, found.holds()), (verdict, true, false));
        assert_eq!(found.observation, "It drops them. It fails at times: Two threads race.");
    }
}

#[test]
fn blessing_keeps_cases_that_fail_at_times() {
    let folder = tempfile::tempdir().expect("a folder");
    for (known, passed_keeps) in [(AT_TIMES, true), (ALWAYS, false)] {
        let column = column(folder.path(), known);
        let file = column.expectations.file().to_owned();
        let results = vec![(column.clone(), vec![judged(&column, &case(PASSES))])];
        suite::bless(&results).expect("it is written");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        assert_eq!(text.contains("at_times = \"Two threads race.\""), passed_keeps, "{text}");
    }
}
