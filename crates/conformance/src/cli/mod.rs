//! The command line of `conformance`.
//!
//! Owns words, files and exit codes. Knows only the function of each command.

mod case;
mod judge;
mod serve;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::check;
use crate::kit::{KITS, Kit};
use crate::report::{Diff, Results, badge, html, junit, markdown};
use crate::run::{Adapter, Limits};
use crate::schema::Kind;

/// Judges any process pool in any language through an adapter.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 when done, for `serve` by Ctrl-C or SIGTERM; 1 when `run` finds a case that does not end
as expected, `check` an adapter that violates the contract, or `diff` a loss; 2 when the command line
or a file is wrong, an address cannot be served, or no case was selected. An adapter without a
description is a case that fails.

Environment: CONFORMANCE_SCALE multiplies every time limit (1 by default), CONFORMANCE_DRAWS is the
number of scenarios that a property draws, and CONFORMANCE_SEED their seed.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write an adapter that runs, to be changed for another pool, and what it needs
    Init {
        /// The language
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(
            KITS.iter().map(|kit| kit.language)
        ))]
        language: String,
        /// The folder, which is made if it is missing
        folder: PathBuf,
    },
    /// Check whether an adapter fulfils the contract, before its pool is judged; fails if it does not
    Check {
        /// The adapter, as a shell command without `describe` or `run`
        adapter: String,
    },
    /// Judge the pool behind an adapter; fails if a case does not end as expected
    Run(judge::Judge),
    /// Print the name, the level and the requirement of every case
    List {
        /// Only cases whose name contains this
        #[arg(default_value = "")]
        part: String,
    },
    /// Print the requirement of a case, its source, and its scenario
    Explain {
        /// The case, such as `article.initargs`
        case: String,
    },
    /// A matrix of implementations and cases as one HTML page that needs no other file
    Html {
        #[command(flatten)]
        files: Files,
        /// Where the book is, as a folder or an address; links lead there
        #[arg(long, value_name = "BASE")]
        book: Option<String>,
    },
    /// Serve the matrix to browsers, which show new results when they are written; until Ctrl-C or SIGTERM
    Serve(serve::Serve),
    /// A table of implementations and areas in Markdown
    Markdown {
        #[command(flatten)]
        files: Files,
    },
    /// JUnit XML, a suite for each run
    Junit {
        #[command(flatten)]
        files: Files,
    },
    /// A badge with the number of MUST cases that hold, as SVG
    Badge {
        #[command(flatten)]
        files: Files,
        /// The run that it is about, by its name or its adapter's command, if there are several
        #[arg(long, value_name = "NAME")]
        run: Option<String>,
    },
    /// One file of results with the runs of several
    Merge {
        #[command(flatten)]
        files: Files,
    },
    /// The changes between two files; fails when a requirement that held was lost
    Diff {
        /// The older results
        old: PathBuf,
        /// The newer results
        new: PathBuf,
    },
    /// The JSON Schema of results, or of a message of the contract
    Schema {
        /// The kind of JSON that the schema describes
        of: Kind,
    },
    /// A script that makes a shell complete these commands
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
struct Files {
    /// Files of results; their runs are put side by side
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
    /// The file of the report, instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The program: carries out the command line.
pub fn main() -> ExitCode {
    // A command line that is wrong ends here, with code 2.
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, String> {
    let (files, text) = match command {
        Command::Init { language, folder } => return init(&language, &folder),
        Command::Check { adapter } => return check(adapter),
        Command::Run(judge) => return judge.run().map(code),
        Command::List { part } => return print(&case::list(&part)?),
        Command::Explain { case } => return print(&case::explain(&case)?),
        Command::Html { files, book } => {
            let text = html(&files.read()?, book.as_deref())?;
            (files, text)
        }
        Command::Serve(serve) => return serve.run().map(|()| ExitCode::SUCCESS),
        Command::Markdown { files } => {
            let text = markdown(&files.read()?);
            (files, text)
        }
        Command::Junit { files } => {
            let text = junit(&files.read()?);
            (files, text)
        }
        Command::Badge { files, run } => {
            let text = badge(&files.read()?, run.as_deref())?;
            (files, text)
        }
        Command::Merge { files } => {
            let text = files.read()?.to_json();
            (files, text)
        }
        Command::Diff { old, new } => {
            let diff = Diff::of(&Results::read(&old)?, &Results::read(&new)?);
            write(None, &diff.to_string())?;
            return Ok(code(diff.losses() == 0));
        }
        Command::Schema { of } => return print(&of.schema()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "conformance", &mut script);
            return print(&String::from_utf8_lossy(&script));
        }
    };
    write(files.output.as_deref(), &text)?;
    Ok(ExitCode::SUCCESS)
}

fn check(command: String) -> Result<ExitCode, String> {
    let folder = std::env::current_dir().map_err(|error| format!("the current folder: {error}"))?;
    let limits = Limits::from_environment()?;
    let is_well = check::check(&Adapter { command, folder }, limits, |look| {
        let (sign, fault) = match &look.fault {
            None => ("✓", String::new()),
            Some(fault) => ("✗", format!("\n    {fault}")),
        };
        // A closed reader needs no more of it.
        let _ = writeln!(io::stdout(), "{sign} {}{fault}", look.at);
    });
    Ok(code(is_well))
}

fn code(is_well: bool) -> ExitCode {
    if is_well { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn print(text: &str) -> Result<ExitCode, String> {
    write(None, text).map(|()| ExitCode::SUCCESS)
}

/// Returns a path as a shell reads it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

fn init(language: &str, folder: &Path) -> Result<ExitCode, String> {
    let kit = Kit::of(language).ok_or_else(|| format!("there is no kit for {language}"))?;
    let mut text = String::new();
    for file in kit.write(folder)? {
        text += &format!("wrote {}\n", file.display());
    }
    if !kit.install.is_empty() {
        text += &format!("\nIt is for {}, which `{}` installs.\n", kit.pool, kit.install);
    }
    let (folder, command) = (quoted(folder), kit.command());
    text += &format!(
        "\nTry it:\n  cd {folder}\n  conformance check '{command}'\n  conformance run '{command}' article\n\
         Then put your pool in the place of {}.\n",
        kit.pool
    );
    print(&text)
}

impl Files {
    fn read(&self) -> Result<Results, String> {
        let mut runs = Vec::new();
        for file in &self.results {
            runs.extend(Results::read(file)?.runs);
        }
        Results::of(runs)
    }
}

fn write(file: Option<&Path>, text: &str) -> Result<(), String> {
    match file {
        Some(file) => fs::write(file, text)
            .map_err(|error| format!("{} cannot be written: {error}", file.display())),
        None => match io::stdout().lock().write_all(text.as_bytes()) {
            // The reader has seen enough, like `head`.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(format!("the standard output cannot be written: {error}"))
            }
            _ => Ok(()),
        },
    }
}
