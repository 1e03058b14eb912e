//! A history for readers: when each event happened, and in which process.
//!
//! Two drawings of the same history: lines of text in the order of time, and an SVG with a lane for each
//! client and each worker. Neither judges, and neither can fail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use procpool_contract::{Call, EventKind, Moment, Outcome, Step, word};
use procpool_drawing::{Drawing, Rect};

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
struct Bar {
    begin: u64,
    /// `None`: it did not end.
    end: Option<u64>,
    kind: &'static str,
    label: String,
}

const WIDTH: f64 = 960.0;
const NAMES: f64 = 120.0;
const LANE: f64 = 26.0;

const STYLE: &str = "\
  svg { background: #fff; font: 11px sans-serif; }
  text { fill: #1a1a1a; }
  .grid { stroke: #ccc; }
  .step { fill: #c9d3e0; }
  .init { fill: #f0c36d; }
  .task { fill: #8fc79a; }
  .failed { fill: #e08a8a; }
  .open { stroke: #a01818; stroke-width: 2; }
  .end { text-anchor: end; }
";

/// Returns the drawing. Its content is also in its title and its labels, for readers who cannot see it.
pub fn svg(history: &History) -> String {
    let lanes = lanes(history);
    let bars = || lanes.iter().flat_map(|(_, bars)| bars);
    let start = bars().map(|bar| bar.begin).min().unwrap_or(0);
    let last = bars().filter_map(|bar| bar.end.or(Some(bar.begin))).max().unwrap_or(start + 1);
    let scale = (WIDTH - NAMES - 10.0) / (last - start).max(1) as f64;
    let height = LANE * lanes.len() as f64 + 30.0;
    let took = format!("{:.1} ms", (last - start) as f64 / 1e6);
    let title = format!("Timeline of {}", history.scenario.case);
    let names: Vec<&str> = lanes.iter().map(|(name, _)| name.as_str()).collect();
    let description = format!("{took} of {}", names.join(", "));
    let mut drawing = Drawing::alone([0.0, 0.0, WIDTH, height], &title, &description, STYLE);
    for (row, (name, bars)) in lanes.iter().enumerate() {
        let top = LANE * row as f64 + 4.0;
        drawing.text("", 4.0, top + 15.0, name);
        drawing.path("grid", format_args!("M0 {:.1}H{WIDTH:.1}", top + LANE - 4.0), None);
        for bar in bars {
            let x = NAMES + (bar.begin - start) as f64 * scale;
            let end = bar.end.unwrap_or(last);
            let width = ((end.max(bar.begin) - bar.begin) as f64 * scale).max(2.0);
            let open = if bar.end.is_none() { " open" } else { "" };
            let rect = Rect { x, y: top, width, height: LANE - 8.0, radius: 0.0 };
            drawing.rect(&format!("{}{open}", bar.kind), rect, bar.label.as_str());
            if width > 7.0 * bar.label.chars().count() as f64 {
                drawing.text("", x + 3.0, top + 13.0, &bar.label);
            }
        }
    }
    drawing.text("", NAMES, height - 8.0, "0 ms");
    drawing.text("end", WIDTH - 8.0, height - 8.0, took);
    drawing.finish()
}

fn lanes(history: &History) -> Vec<(String, Vec<Bar>)> {
    let mut lanes = Vec::new();
    for client in &history.scenario.clients {
        let bars = client.steps.iter().enumerate().filter_map(|(index, step)| {
            let run = history.run_of(&client.name, index)?;
            let failed = matches!(run.end, Some((_, Outcome::Error(_))));
            let kind = if failed { "failed" } else { "step" };
            Some(Bar {
                begin: run.begin,
                end: run.end.map(|(at, _)| at),
                kind,
                label: summary(step),
            })
        });
        lanes.push((client.name.clone(), bars.collect()));
    }
    let mut workers: BTreeMap<u32, Vec<Bar>> = BTreeMap::new();
    let calls: BTreeMap<&str, &Call> =
        history.calls().map(|(_, call)| (call.tag.as_str(), call)).collect();
    for event in &history.events {
        let bars = workers.entry(event.pid).or_default();
        let begin = |kind| {
            let body = calls.get(event.tag.as_str()).map(|call| word(call.run));
            let label = body.map_or(event.tag.clone(), |body| format!("{} ({body})", event.tag));
            Bar { begin: event.at, end: None, kind, label }
        };
        match event.event {
            EventKind::InitBegin => bars.push(begin("init")),
            EventKind::Begin => bars.push(begin("task")),
            EventKind::Pull | EventKind::Callback => {
                bars.push(Bar { end: Some(event.at), ..begin("step") });
            }
            EventKind::InitEnd | EventKind::End => {
                if let Some(bar) = bars.iter_mut().rfind(|bar| bar.end.is_none()) {
                    bar.end = Some(event.at);
                }
            }
            EventKind::InitFailed | EventKind::Failed => {
                if let Some(bar) = bars.iter_mut().rfind(|bar| bar.end.is_none()) {
                    (bar.end, bar.kind) = (Some(event.at), "failed");
                }
            }
        }
    }
    let name =
        |pid| if pid == history.owner { "program".to_owned() } else { format!("process {pid}") };
    lanes.extend(workers.into_iter().map(|(pid, bars)| (name(pid), bars)));
    lanes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{cut, text};
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
    fn a_short_timeline_is_shown_whole() {
        let shown = cut(&history(10), 20);
        assert!(shown.lines().count() == 20 && !shown.contains("left out"), "{shown}");
    }
}
