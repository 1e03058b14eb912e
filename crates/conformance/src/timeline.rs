//! A history for readers: when each event happened, and in which process.
//!
//! The same history twice: lines of text in the order of time, and an SVG with a lane for each client and
//! each worker, which `procpool_drawing` draws. Neither judges, and neither can fail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use procpool_contract::{Call, EventKind, Moment, Outcome, Step, word};
use procpool_drawing::timeline::{Lane, Part, Span, Timeline};

use crate::history::{History, brief, summary, told};

/// The default maximum of lines.
const MOST_LINES: usize = 200;

/// Returns the lines, times in milliseconds from the first of them.
pub fn text(history: &History) -> String {
    cut(history, MOST_LINES)
}

/// Returns at most `most` lines and one with the number of omitted lines. Those are in the middle, nearer
/// to the beginning: the end of a run is more informative than its beginning.
pub fn cut(history: &History, most: usize) -> String {
    let mut moments: Vec<(u64, String)> = Vec::new();
    for line in &history.lines {
        let step = step(history, &line.client, line.step).map(summary).unwrap_or_default();
        let what = match (line.is, &line.outcome) {
            (Moment::Begin, _) => format!("{:<10} {step} …", line.client),
            (Moment::End, Some(Outcome::Ok(value))) if value.is_null() => {
                format!("{:<10} {step} ✓", line.client)
            }
            (Moment::End, Some(Outcome::Ok(value))) => {
                format!("{:<10} {step} ✓ {}", line.client, brief(value))
            }
            (Moment::End, Some(Outcome::Error(failure))) => {
                format!("{:<10} {step} ✗ {}", line.client, told(failure))
            }
            (Moment::End, None) => format!("{:<10} {step}", line.client),
        };
        moments.push((line.at, what));
    }
    for event in &history.events {
        let who = if event.pid == history.owner { "program".into() } else { event.pid.to_string() };
        moments.push((event.at, format!("{who:<10} {} \"{}\"", word(event.event), event.tag)));
    }
    for sample in &history.samples {
        let what = format!(
            "suite      looks ({}): {} processes, {} zombies, {} descriptors, {} threads",
            sample.name,
            sample.alive.len(),
            sample.zombies.len(),
            sample.descriptors,
            sample.threads
        );
        moments.push((sample.at, what));
    }
    moments.sort_by_key(|(at, _)| *at);
    let start = moments.first().map_or(0, |(at, _)| *at);
    let mut text = String::new();
    let left_out = moments.len().saturating_sub(most);
    let first = if left_out > 0 { most / 4 } else { moments.len() };
    for (index, (at, what)) in moments.iter().enumerate() {
        // Writing to a string cannot fail.
        if index == first {
            let _ = writeln!(text, "           … {left_out} lines are left out here …");
        }
        if index < first || index >= first + left_out {
            let _ = writeln!(text, "{:>10.1} ms  {what}", (at - start) as f64 / 1e6);
        }
    }
    text
}

fn step<'a>(history: &'a History, client: &str, step: usize) -> Option<&'a Step> {
    let client = history.scenario.clients.iter().find(|it| it.name == client)?;
    client.steps.get(step)
}

/// A section of a lane.
#[derive(Debug)]
struct Section {
    begin: u64,
    /// `None`: it did not end.
    end: Option<u64>,
    class: &'static str,
    label: String,
}

/// Returns the drawing. Its content is also in its title and its labels, for readers who cannot see it.
pub fn svg(history: &History) -> String {
    let lanes = lanes(history);
    let sections = || lanes.iter().flat_map(|(_, sections)| sections);
    let start = sections().map(|it| it.begin).min().unwrap_or(0);
    let last = sections().map(|it| it.end.unwrap_or(it.begin)).max().unwrap_or(start + 1);
    let since = |at: u64| at.saturating_sub(start) as f64 / 1e6;
    let title = format!("Timeline of {}", history.scenario.case);
    let names: Vec<&str> = lanes.iter().map(|(name, _)| name.as_str()).collect();
    let description = format!("{:.1} ms of {}", since(last), names.join(", "));
    let bar = |Section { begin, end, class, label }: &Section| {
        let (class, title) = match (*class, end) {
            (class, Some(_)) => (class, label.clone()),
            ("initializer", None) => ("initializer open", format!("{label}: it did not end")),
            ("step", None) => ("step open", format!("{label}: it did not end")),
            (_, None) => ("task open", format!("{label}: it did not end")),
        };
        let span = Span { begin: since(*begin), end: since(end.unwrap_or(last).max(*begin)) };
        Part::Bar { class, span, label: label.clone(), title, letter: '#' }
    };
    let lane = |(name, sections): &(String, Vec<Section>)| Lane {
        name: name.clone(),
        parts: sections.iter().map(bar).collect(),
    };
    let lanes = lanes.iter().map(lane).collect();
    let (end, since) = (since(last), "ms since the first event".to_owned());
    Timeline { lanes, end, since }.alone(&title, &description)
}

fn lanes(history: &History) -> Vec<(String, Vec<Section>)> {
    let mut lanes = Vec::new();
    for client in &history.scenario.clients {
        let sections = client.steps.iter().enumerate().filter_map(|(index, step)| {
            let run = history.run_of(&client.name, index)?;
            let failed = matches!(run.end, Some((_, Outcome::Error(_))));
            let class = if failed { "failed" } else { "step" };
            Some(Section {
                begin: run.begin,
                end: run.end.map(|(at, _)| at),
                class,
                label: summary(step),
            })
        });
        lanes.push((client.name.clone(), sections.collect()));
    }
    let mut workers: BTreeMap<u32, Vec<Section>> = BTreeMap::new();
    let calls: BTreeMap<&str, &Call> =
        history.calls().map(|(_, call)| (call.tag.as_str(), call)).collect();
    for event in &history.events {
        let sections = workers.entry(event.pid).or_default();
        let begin = |class| {
            let body = calls.get(event.tag.as_str()).map(|call| word(call.run));
            let label = body.map_or(event.tag.clone(), |body| format!("{} ({body})", event.tag));
            Section { begin: event.at, end: None, class, label }
        };
        match event.event {
            EventKind::InitBegin => sections.push(begin("initializer")),
            EventKind::Begin => sections.push(begin("task")),
            EventKind::Pull | EventKind::Callback => {
                sections.push(Section { end: Some(event.at), ..begin("step") });
            }
            EventKind::InitEnd | EventKind::End => {
                if let Some(section) = sections.iter_mut().rfind(|section| section.end.is_none()) {
                    section.end = Some(event.at);
                }
            }
            EventKind::InitFailed | EventKind::Failed => {
                if let Some(section) = sections.iter_mut().rfind(|section| section.end.is_none()) {
                    (section.end, section.class) = (Some(event.at), "failed");
                }
            }
        }
    }
    let name =
        |pid| if pid == history.owner { "program".to_owned() } else { format!("process {pid}") };
    lanes.extend(workers.into_iter().map(|(pid, sections)| (name(pid), sections)));
    lanes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{cut, svg, text};
    use crate::history::History;

    /// A run of `count` tasks, each of which begins and ends.
    fn history(count: u64) -> History {
        let event = |at: u64, event: &str, tag: u64| json!({"pid": 7, "ppid": 1, "at": at * 1_000_000, "event": event, "tag": format!("t{tag}")});
        let events: Vec<_> = (0..count)
            .flat_map(|tag| [event(2 * tag, "begin", tag), event(2 * tag + 1, "end", tag)])
            .collect();
        let description = json!({
            "contract": 1, "implementation": "pool", "version": "1", "language": "none",
            "start_method": "fork", "capabilities": ["submit"],
        });
        serde_json::from_value(json!({
            "description": description,
            "scenario": {"contract": 1, "case": "a.b", "clients": []},
            "owner": 1, "lines": [], "events": events, "samples": [],
            "end": {"exit": 0}, "stuck": null, "stderr": "", "left": [],
        }))
        .expect("it is a history")
    }

    #[test]
    fn a_long_timeline_shows_its_end_and_is_marked_as_cut() {
        let shown = cut(&history(30), 20);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 21, "{shown}");
        assert!(lines[4].ends_with("begin \"t2\""), "{shown}");
        assert_eq!(lines[5].trim(), "… 40 lines are left out here …");
        assert!(lines[20].ends_with("end \"t29\""), "the end is what says most: {shown}");
        assert!(text(&history(300)).contains("… 400 lines are left out here …"));
    }

    #[test]
    fn a_drawing_has_a_bar_for_each_task_and_marks_one_that_did_not_end() {
        let mut history = history(2);
        history.events.pop();
        let svg = svg(&history);
        assert!(svg.contains("<title id=\"title\">Timeline of a.b</title>"), "{svg}");
        assert!(svg.contains(">process 7</text>"), "{svg}");
        let bars = svg.lines().filter(|line| line.starts_with("<rect class=\"task"));
        let titles = ["<title>t0</title>", "<title>t1: it did not end</title>"];
        assert!(bars.clone().eq(bars.filter(|bar| titles.iter().any(|title| bar.contains(title)))));
        assert!(
            titles.iter().all(|title| svg.contains(title)) && svg.contains("task open"),
            "{svg}"
        );
    }

    #[test]
    fn a_short_timeline_is_shown_whole() {
        let shown = cut(&history(10), 20);
        assert!(shown.lines().count() == 20 && !shown.contains("left out"), "{shown}");
    }
}
