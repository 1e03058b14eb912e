//! The output for made-up results.

use super::profile::{LoadProfile, Profile, SideProfile, Step};
use super::{lines, page, plot, table};
use crate::machine::Machine;
use crate::row::{Better, Chart, Contender, Figure, Kind, Results, Row, Sample};
use crate::target::Target;

fn contender(name: &str, kind: Kind, value: f64) -> Contender {
    let mut contender = Contender::new(name, kind);
    contender.record(Sample { figure: value, nanos: vec![3_000, 4_000], ..Sample::default() });
    contender
}

fn results() -> Results {
    let absent =
        Contender { absent: Some("error: a <b> | c".into()), ..Contender::new("loky", Kind::Peer) };
    let pebble = Contender {
        version: "pebble 5.2, CPython 3.11".into(),
        by_hand: true,
        ..contender("pebble", Kind::Peer, 900.0)
    };
    let contenders = vec![
        contender("procpool", Kind::Procpool, 5.0),
        contender("raw socket", Kind::Limit, 4.0),
        pebble,
        absent,
    ];
    let chart = Chart {
        name: "hot".into(),
        title: "One task & back".into(),
        unit: "µs".into(),
        better: Better::Lower,
        contenders,
    };
    let mut row = Row::new("hot", "Submitting a Vec<u8>");
    let missed = Figure::judged("to a socket", "×", vec![2.0], Target::AtMost(1.0));
    row.figures.push(missed.with_note("5 µs"));
    row.figures.push(Figure::told("p50", "µs", vec![5.0]));
    row.charts.push(chart);
    row.others = 0.93;
    let failed = Row { failed: Some("no room".into()), ..Row::new("echo", "") };
    let machine = Machine {
        date: "2026-01-31T12:00:00Z".into(),
        cpu: "A CPU".into(),
        cpus: 2,
        kernel: "6.18".into(),
        memory_mib: 1000,
        rustc: "rustc 1.95.0".into(),
        procpool: "0.1.0".into(),
    };
    Results { machine, partial: "--only hot".into(), rows: vec![row, failed] }
}

#[test]
fn a_line_has_figure_target_and_verdict() {
    let results = results();
    let text = lines::row(&results.rows[0]);
    let words: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected = "hot to a socket 2 × ≤ 1 MISSED by 100 % (5 µs)";
    assert_eq!(words[0].join(" "), expected);
    assert_eq!(words[1].join(" "), "hot p50 5 µs");
    assert_eq!(words[2].join(" "), "hot others kept 0.93 CPUs busy meanwhile");
    assert_eq!(lines::row(&results.rows[1]).split_whitespace().last(), Some("room"));
}

#[test]
fn the_table_has_every_figure_and_every_contender() {
    let page = table::page(&results());
    for line in [
        "| MISSED by 100 % | hot: to a socket (5 µs) | 2 × | ≤ 1 |",
        "|  | hot: p50 | 5 µs |  |",
        "| FAILED | echo: no room |  |  |",
        "| **procpool** | 5 | 3 | 4 | 1 |  |",
        "| *raw socket* | 4 | 3 | 4 | 1 |  |",
        "| pebble | 900 | 3 | 4 | 1 | pebble 5.2, CPython 3.11; written by hand, not compared |",
        // A cell does not end at a separator in a peer's text.
        r"| loky | – |  |  | 0 | error: a &lt;b> \| c |",
        "![One task & back](hot.svg)",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\nis not in\n{page}");
    }
}

#[test]
fn a_drawing_has_a_description_in_words() {
    let svg = plot::draw(&results().rows[0].charts[0]);
    assert!(svg.contains("<title id=\"title\">One task &amp; back</title>"));
    assert!(svg.contains(
        "Medians in µs, less is better. raw socket (the limit): 4 µs. procpool: 5 µs. pebble: 900 µs. \
         loky: none, error: a &lt;b&gt; | c."
    ));
    assert!(svg.contains("prefers-color-scheme: dark"));
}

#[test]
fn dots_are_ranked_on_a_logarithmic_scale() {
    let svg = plot::draw(&results().rows[0].charts[0]);
    let dots: Vec<(&str, f64, f64)> = svg
        .lines()
        .filter(|line| line.starts_with("<circle"))
        .map(|line| line.split('"').collect::<Vec<_>>())
        .map(|parts| (parts[1], parts[3].parse().unwrap(), parts[5].parse().unwrap()))
        .collect();
    // From 1 to 1,000 are three decades of 133; a contender without a figure has no dot.
    let expected = [("limit-mark", 4.0_f64), ("ours", 5.0), ("peer", 900.0)];
    assert_eq!(dots.len(), expected.len());
    for (row, ((class, x, y), (kind, value))) in dots.into_iter().zip(expected).enumerate() {
        assert_eq!((class, y), (kind, 72.0 + 24.0 * row as f64));
        let place = 240.0 + value.log10() * 400.0 / 3.0;
        assert!((x - place).abs() < 0.1, "{class} at {x}, not {place}");
    }
    assert_eq!(svg.matches("class=\"limit\"").count(), 1);
    // Higher rates are better, and a contender without a figure stays last.
    let mut chart = results().rows.remove(0).charts.remove(0);
    chart.better = Better::Higher;
    let names: Vec<&str> = plot::ranked(&chart).iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["pebble", "procpool", "raw socket", "loky"]);
}

#[test]
fn values_have_the_unit_that_suits_them() {
    let texts = [
        (0.69, "µs", "0.69 µs"),
        (999.0, "µs", "999 µs"),
        (83_551.0, "µs", "83.6 ms"),
        (2_500_000.0, "µs", "2.50 s"),
        (110_146.0, "round trips/s", "110 k"),
        (49_770_962.0, "items/s", "49.8 M"),
        (8.65, "GB/s", "8.65"),
    ];
    for (value, unit, text) in texts {
        assert_eq!(plot::quantity(value, unit), text);
    }
}

#[test]
fn a_limit_measured_separately_is_marked() {
    let said = "Here procpool has 1 blocks, each between those of other pools. The limit's 2 were";
    let mut results = results();
    let shown = |results: &Results| page::parts(results)[2].1.clone();
    assert!(!shown(&results).contains("between those of other pools"), "in turn");
    results.rows[0].charts[0].contenders[1].record(Sample::from(4.0));
    assert!(shown(&results).contains(said), "{}", shown(&results));
    results.rows[0].charts[0].contenders.truncate(2);
    assert!(!shown(&results).contains("between those of other pools"), "there are no others");
}

#[test]
fn a_drawing_without_values_is_valid() {
    let contenders = vec![Contender::new("loky", Kind::Peer)];
    let chart = Chart { contenders, ..results().rows.remove(0).charts.remove(0) };
    assert!(plot::draw(&chart).contains("not measured"));
}

#[test]
fn written_results_are_read_and_shown_unchanged() {
    let mut results = results();
    // Values without a number in JSON: no blocks, and a bound of 0 that was missed.
    results.rows[0].figures.push(Figure::told("none", "µs", Vec::new()));
    results.rows[0].figures.push(Figure::judged("zero", "", vec![1.0], Target::AtMost(0.0)));
    let json = serde_json::to_string(&results).unwrap();
    let read: Results = serde_json::from_str(&json).unwrap();
    assert_eq!(table::page(&read), table::page(&results));
    assert_eq!(page::parts(&read), page::parts(&results));
}

#[test]
fn parts_of_a_page_can_be_embedded_in_another_page() {
    let parts = page::parts(&results());
    let [machine, figures, charts] = &parts[..] else { panic!("{parts:?}") };
    assert!(machine.1.contains("2026-01-31T12:00:00Z: A CPU, 2 CPUs"));
    assert!(machine.1.ends_with("**Not a full run**, but one with `--only hot`.\n"));
    assert!(figures.1.starts_with("| verdict | figure |") && !figures.1.contains("\n\n"));
    assert!(
        charts.1.starts_with("### One task & back\n\nRow `hot`: Submitting a Vec&lt;u8>. "),
        "{}",
        charts.1
    );
    assert!(charts.1.contains("aria-label=\"One task &amp; back. Medians in µs, less is better."));
    assert!(!charts.1.contains("<style>") && !charts.1.contains(" id="), "{}", charts.1);
    let html = charts.1.split("<figure>").nth(1).and_then(|rest| rest.split("</figure>").next());
    assert!(!html.unwrap().contains("\n\n"), "a blank line ends a block of HTML");
}

#[test]
fn a_profile_is_drawn_with_its_numbers() {
    let step = |name: &str, nanos| Step { name: name.into(), nanos, low: nanos, high: nanos };
    let sides = vec![
        SideProfile {
            name: "asking thread".into(),
            steps: vec![step("a & b", 300.0), step("wait", 100.0)],
        },
        SideProfile { name: "manager".into(), steps: vec![step("nothing to see", 1.0)] },
    ];
    let load = LoadProfile {
        name: "hot".into(),
        title: "Hot".into(),
        operation: "task".into(),
        nanos: 410.0,
        counted: 5,
        sides,
    };
    let Results { machine, .. } = results();
    let command = "just profile".into();
    let profile = Profile { machine, command, hertz: 99, rounds: 9, loads: vec![load] };
    let json = serde_json::to_string(&profile).unwrap();
    let files = serde_json::from_str::<Profile>(&json).unwrap().drawings();
    assert_eq!(files, profile.drawings());
    assert!(files[0].1.contains("5 of `hot`"));
    assert_eq!(files[1].0, "profile-hot.svg");
    let says = "Hot: 410 ns each by the clock. CPU time per task in ns. \
                asking thread: a &amp; b 300, wait 100.\"";
    assert!(files[1].1.contains(says), "{}", files[1].1);
    // Each begins where the one before it ended: 300 of 400 are three quarters of the width.
    assert!(files[1].1.contains(r#"x="190.0" y="56.0" width="315.0""#), "{}", files[1].1);
    assert!(files[1].1.contains(r#"x="505.0" y="78.0" width="105.0""#), "{}", files[1].1);
}

#[test]
fn every_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    super::write(&results(), &folder.path().join("new")).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join("new").join(name)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&read("results.json")).unwrap();
    assert_eq!(json["machine"]["cpus"], 2);
    assert_eq!(json["rows"][0]["figures"][0]["verdict"]["missed"]["missed_by"], 1.0);
    assert_eq!(json["rows"][0]["charts"][0]["contenders"][2]["blocks"][0], 900.0);
    assert!(read("table.md").contains("hot.svg"));
    assert!(read("hot.svg").starts_with("<svg"));
}
