//! The command line, for `just book` and `just bless`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use procpool_book::layout::Layout;
use procpool_book::problem::Problem;
use procpool_book::{figure, integrity, judged, measured, render, rendered, simulator, transcript};

const HELP: &str = "\
Usage: procpool-book [COMMAND]

  build   check the book and build it into book/book/ (the default)
  check   check the book; build it into a temporary folder
  bless   run every command of a transcript, draw every figure and write the simulator's programs again
  adopt FILE...
          show other measurements: results.json or profile.json, as procpool-bench wrote them;
          or other judgements: results.json of a run of the conformance suite over all pools
  record demo|hosts|break|replace
          record the trace of a timeline again, then draw every figure; hosts takes root and Slurm
  record simulator [NAME...]
          record the runs again that the simulator is compared with, all or those
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let layout = Layout::procpool();
    let done = match arguments[..] {
        [] | ["build"] => build(&layout, None),
        ["check"] => tempfile::tempdir()
            .map_err(Into::into)
            .and_then(|folder| build(&layout, Some(folder.path()))),
        ["bless"] => bless_figures(&layout)
            .and_then(|()| simulator::write_programs(&layout))
            .and_then(|()| bless_transcripts(&layout)),
        ["adopt", ref files @ ..] if !files.is_empty() => adopt(&layout, files),
        ["record", "simulator", ref names @ ..] => simulator::record(&layout, names),
        ["record", name] => record(&layout, name).and_then(|()| bless_figures(&layout)),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Renders only a book whose sources are sound: mdBook's output of others looks finished.
fn build(layout: &Layout, target: Option<&Path>) -> Result<()> {
    report(&integrity::check(layout)?)?;
    report(&figure::check(layout)?)?;
    report(&measured::check(layout)?)?;
    report(&judged::check(layout)?)?;
    let folder = render::render(layout, target)?;
    report(&rendered::check(&folder)?)?;
    report(&judged::check_rendered(layout, &folder)?)?;
    match target {
        None => println!("{}", folder.join("index.html").display()),
        Some(_) => println!("the book is sound"),
    }
    Ok(())
}

fn report(problems: &[Problem]) -> Result<()> {
    for problem in problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        1 => bail!("1 problem"),
        count => bail!("{count} problems"),
    }
}

/// Writes the files that have changed. A transcript that differs only in unordered lines stays unchanged.
fn bless_transcripts(layout: &Layout) -> Result<()> {
    for transcript in transcript::all(layout)? {
        eprint!("$ {} … ", transcript.command);
        let began = Instant::now();
        let output = transcript.run(&layout.root)?;
        let verdict = match transcript.compare(&output) {
            Ok(()) => "unchanged",
            Err(_) => {
                transcript.write(&output)?;
                "written"
            }
        };
        eprintln!("{verdict} ({:.1} s)", began.elapsed().as_secs_f32());
    }
    Ok(())
}

fn bless_figures(layout: &Layout) -> Result<()> {
    fs::create_dir_all(layout.figures())?;
    fs::create_dir_all(layout.judgements())?;
    let judged = std::iter::once(judged::part(layout)?);
    for figure in figure::all(layout)?.into_iter().chain(measured::all(layout)?).chain(judged) {
        fs::write(&figure.path, &figure.drawing)?;
        eprintln!("{} drawn", layout.name(&figure.path));
    }
    Ok(())
}

fn adopt(layout: &Layout, files: &[&str]) -> Result<()> {
    for file in files {
        let file = Path::new(file);
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let adopt = if judged::is_judged(&text) { judged::adopt } else { measured::adopt };
        for path in adopt(layout, file)? {
            eprintln!("{} written", layout.name(&path));
        }
    }
    Ok(())
}

fn record(layout: &Layout, name: &str) -> Result<()> {
    let Some((_, command)) = figure::TRACES.iter().find(|(known, _)| *known == name) else {
        let names = figure::TRACES.map(|(known, _)| known).join(", ");
        bail!("there is no trace {name:?}; there are: {names}");
    };
    fs::create_dir_all(layout.traces())?;
    eprintln!("recording {name} …");
    let text = figure::record(layout, command)?;
    fs::write(layout.traces().join(name).with_extension("jsonl"), text)?;
    Ok(())
}
