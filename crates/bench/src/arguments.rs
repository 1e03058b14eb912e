//! The command line.

use std::path::PathBuf;

/// The help text, also shown after a wrong command line.
pub(crate) const HELP: &str = "\
Usage: procpool-bench quick|full|profile|scale [--out DIR] [--only ROW]... [--rounds N]

  quick   procpool and the limits of the machine, a line per target; at most three minutes; fails
          when a target is missed by more than 20 %
  full    the same for longer, and other pools; writes results.json, table.md and plots
  profile where the time goes, by perf(1); writes profile.json
  scale   thousands of workers on made-up hosts; writes scale.json

  --out DIR    where the files of a run go (default: target/bench)
  --only ROW   this row only; may be repeated
  --rounds N   so many rounds instead of each row's own number
";

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Quick,
    Full,
    Profile,
    Scale,
}

/// A valid command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) mode: Mode,
    pub(crate) out: PathBuf,
    pub(crate) only: Vec<String>,
    pub(crate) rounds: Option<usize>,
}

impl Arguments {
    /// Reads a command line that may select some of `rows`; fails with a sentence.
    pub(crate) fn read(words: &[String], rows: &[&str]) -> Result<Self, String> {
        let mut words = words.iter();
        let mode = match words.next().map(String::as_str) {
            Some("quick") => Mode::Quick,
            Some("full") => Mode::Full,
            Some("profile") => Mode::Profile,
            Some("scale") => Mode::Scale,
            Some(other) => {
                return Err(format!("{other} is neither quick, full, profile nor scale"));
            }
            None => return Err("say quick, full, profile or scale".to_owned()),
        };
        let out = PathBuf::from("target/bench");
        let mut arguments = Self { mode, out, only: Vec::new(), rounds: None };
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} needs a value"))?;
            match option.as_str() {
                "--out" => arguments.out = PathBuf::from(value),
                "--only" if rows.contains(&value.as_str()) => {
                    arguments.only.push(value.clone());
                }
                "--only" => {
                    return Err(format!("{value} is no row; rows are {}", rows.join(", ")));
                }
                "--rounds" => match value.parse() {
                    Ok(rounds) if rounds > 0 => arguments.rounds = Some(rounds),
                    _ => return Err(format!("{value} is no number of rounds")),
                },
                _ => return Err(format!("{option} is no option")),
            }
        }
        if matches!(mode, Mode::Profile | Mode::Scale) && !arguments.partial().is_empty() {
            return Err(format!("this mode does not know {}", arguments.partial()));
        }
        Ok(arguments)
    }

    /// The options by which this run differs from a full one.
    pub(crate) fn partial(&self) -> String {
        let rows = self.only.iter().map(|row| format!("--only {row}"));
        let rounds = self.rounds.iter().map(|rounds| format!("--rounds {rounds}"));
        rows.chain(rounds).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Arguments::read(&words, &["echo", "map"])
    }

    #[test]
    fn options_are_read() {
        let expected = Arguments {
            mode: Mode::Full,
            out: PathBuf::from("x"),
            only: vec!["echo".into(), "map".into()],
            rounds: Some(3),
        };
        assert_eq!(expected.partial(), "--only echo --only map --rounds 3");
        assert_eq!(read("full --out x --only echo --only map --rounds 3"), Ok(expected));
        assert_eq!(read("full").map(|arguments| arguments.partial()), Ok(String::new()));
        assert_eq!(read("quick").map(|arguments| arguments.mode), Ok(Mode::Quick));
    }

    #[test]
    fn wrong_arguments_are_reported() {
        assert_eq!(read("").unwrap_err(), "say quick, full, profile or scale");
        assert_eq!(read("fast").unwrap_err(), "fast is neither quick, full, profile nor scale");
        assert_eq!(read("quick --rounds").unwrap_err(), "--rounds needs a value");
        assert_eq!(read("quick --rounds 0").unwrap_err(), "0 is no number of rounds");
        assert_eq!(read("profile --rounds 2").unwrap_err(), "this mode does not know --rounds 2");
        assert!(read("scale --only map").is_err());
        assert_eq!(read("quick --fast yes").unwrap_err(), "--fast is no option");
        assert_eq!(read("quick --only ech").unwrap_err(), "ech is no row; rows are echo, map");
    }
}
