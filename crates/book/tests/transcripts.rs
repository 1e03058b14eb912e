//! The book's outputs are real: every command of a transcript is run again.

use procpool_book::layout::Layout;
use procpool_book::transcript::{self, Transcript};

/// Runs the transcripts that `wanted` selects, and reports all that differ.
fn verify(wanted: impl Fn(&Transcript) -> bool) {
    let layout = Layout::procpool();
    let transcripts = transcript::all(&layout).expect("transcripts can be read");
    let picked: Vec<_> = transcripts.into_iter().filter(wanted).collect();
    assert!(!picked.is_empty(), "there is no such transcript");
    let mut failures = Vec::new();
    for transcript in picked {
        match transcript.run(&layout.root) {
            Ok(output) => failures.extend(transcript.compare(&output).err()),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn rust_programs_print_the_transcripts_of_the_book() {
    verify(|transcript| !transcript.needs_python() && !transcript.needs_slurm());
}

#[test]
#[ignore = "needs root, slurmctld, slurmd, slurm-client, munge and iproute2: runs programs on made-up hosts"]
fn programs_on_other_hosts_print_the_transcripts_of_the_book() {
    verify(Transcript::needs_slurm);
}

#[test]
#[ignore = "needs python3: runs the Python programs of the book"]
fn python_programs_print_the_transcripts_of_the_book() {
    verify(Transcript::needs_python);
}

#[test]
fn a_command_that_fails_yields_no_transcript() {
    let transcript =
        |command: &str| Transcript { path: "".into(), command: command.into(), output: "".into() };
    let root = Layout::procpool().root;
    let error = transcript("cargo no-such-command").run(&root).expect_err("cargo fails");
    assert!(error.to_string().contains("`cargo no-such-command` failed: exit status: 101"));
    let error = transcript("no-such-program").run(&root).expect_err("there is none");
    assert!(error.to_string().contains("`no-such-program` failed: exit status: 127"));
}
