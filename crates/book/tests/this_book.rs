//! The procpool book follows its own rules: in its sources, in its figures, and as rendered.

use std::fs;

use procpool_book::layout::{Layout, files_below};
use procpool_book::problem::Problem;
use procpool_book::{figure, integrity, judged, measured, render, rendered};

#[track_caller]
fn assert_none(problems: &[Problem]) {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn its_sources_are_sound() {
    assert_none(&integrity::check(&Layout::procpool()).expect("the book can be read"));
}

#[test]
fn its_figures_are_drawn_from_their_traces() {
    assert_none(&figure::check(&Layout::procpool()).expect("the traces can be read"));
}

#[test]
fn its_measurements_match_its_pages() {
    let layout = Layout::procpool();
    assert_none(&measured::check(&layout).expect("the measurements can be read"));
    let shown = measured::all(&layout).expect("they can be read");
    assert!(shown.len() > 4, "there are results and a profile, or nothing was checked");
}

#[test]
fn its_judgements_match_its_pages() {
    assert_none(&judged::check(&Layout::procpool()).expect("the judgements can be read"));
}

#[test]
fn rendered_it_has_no_broken_link_and_no_network_request() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let target = render::render(&Layout::procpool(), Some(folder.path())).expect("it renders");
    assert_none(&rendered::check(&target).expect("it can be read"));
    let layout = Layout::procpool();
    assert_none(&judged::check_rendered(&layout, &target).expect("the judgements can be read"));
    for page in ["index.html", "demo.html", "performance.html", "print.html"] {
        assert!(target.join(page).exists(), "{page} is missing, so nothing was checked");
    }
    // The search covers written pages: generated ones contain every word many times.
    let files = files_below(&target).expect("it can be read");
    let index = files.iter().find(|path| path.display().to_string().contains("/searchindex"));
    let index = fs::read_to_string(index.expect("there is an index")).expect("it can be read");
    assert!(index.contains("\"why.html#") && index.contains("\"matrix.html#"));
    for generated in ["catalogue.html", "field.html", "saboteurs.html"] {
        assert!(!index.contains(&format!("\"{generated}#")), "{generated} is searched");
    }
}
