//! `thumbnails`: broken files, slow files, and Ctrl-C.

use std::fs::{self, File, OpenOptions};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, folder, recipe};

/// The names in the folder of thumbnails, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("thumbnails")).expect("the folder exists");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn broken(text: &str) -> usize {
    text.lines().filter(|line| line.contains("9.png: ")).count()
}

#[test]
fn every_whole_image_has_a_thumbnail_and_every_broken_one_an_error() {
    within(HANG, || {
        let folder = folder();
        let output = recipe!("thumbnails", folder.path(), "40").succeed();
        assert_eq!(broken(&output), 4, "{output}");
        assert!(
            output.ends_with("36 of 40 images have a thumbnail, 0 were left out\n"),
            "{output}"
        );
        let names = names(folder.path());
        assert_eq!(names.len(), 36);
        for name in names {
            let path = folder.path().join("thumbnails").join(name);
            let thumbnail = image::open(path).expect("it is whole");
            assert_eq!((thumbnail.width(), thumbnail.height()), (64, 48));
        }
        let (code, _, complaint) = recipe!("thumbnails", "/proc/nothing").end();
        assert_eq!(code, Some(1));
        assert!(complaint.contains("NotFound"), "{complaint}");
    });
}

#[test]
fn a_terminal_sees_how_far_it_is_and_how_long_it_takes() {
    within(HANG, || {
        let folder = folder();
        let program = env!("CARGO_BIN_EXE_thumbnails");
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{program} {} 30", folder.path().display()), "/dev/null"]);
        let output = Program::start(&mut command).succeed();
        assert!(output.contains("0/30, ") && output.contains("30/30, "), "{output}");
        assert!(output.contains(" to go"), "{output}");
    });
}

/// Runs the program on 12 images, of which one for each worker is a pipe that nobody has written to, and
/// presses Ctrl-C when all workers read those. Returns the program and the pipes.
fn stopped_in_the_middle(folder: &Path) -> (Program, Vec<File>) {
    recipe!("thumbnails", folder, "12").succeed();
    for name in names(folder) {
        fs::remove_file(folder.join("thumbnails").join(name)).expect("it exists");
    }
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(5);
    let pipes: Vec<_> =
        (0..workers).map(|number| folder.join(format!("000{}.png", 4 + number))).collect();
    for pipe in &pipes {
        fs::remove_file(pipe).expect("it exists");
        mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR).expect("the name is free");
    }
    let mut program = recipe!("thumbnails", folder);
    // Each waits until a worker has opened the other end.
    let open = |pipe| OpenOptions::new().write(true).open(pipe).expect("it is a pipe");
    let pipes = pipes.iter().map(open).collect();
    program.signal_group(Signal::SIGINT);
    assert_eq!(program.line(), "waiting for the images that are being read");
    (program, pipes)
}

#[test]
fn after_ctrl_c_what_runs_is_finished_and_the_rest_left_out() {
    within(HANG, || {
        let folder = folder();
        let (program, pipes) = stopped_in_the_middle(folder.path());
        let left = 12 - 4 - pipes.len();
        drop(pipes);
        let output = program.succeed();
        let summary = format!("4 of 12 images have a thumbnail, {left} were left out\n");
        assert!(output.ends_with(&summary), "{output}");
        assert_eq!(names(folder.path()), ["0000.png", "0001.png", "0002.png", "0003.png"]);
    });
}

#[test]
fn a_second_ctrl_c_ends_what_runs() {
    within(HANG, || {
        let folder = folder();
        let (program, pipes) = stopped_in_the_middle(folder.path());
        program.signal_group(Signal::SIGINT);
        let output = program.succeed();
        assert_eq!(output, "4 of 12 images have a thumbnail, 8 were left out\n");
        drop(pipes);
    });
}

#[test]
#[ignore = "needs Debian's python3-pil"]
fn the_twin_makes_the_same_thumbnails() {
    within(HANG, || {
        let folder = folder();
        let path = folder.path().to_str().expect("temporary folders have plain names");
        let output = Program::twin("thumbnails", &[path, "40"]).succeed();
        assert_eq!(broken(&output), 4, "{output}");
        assert!(
            output.ends_with("36 of 40 images have a thumbnail, 0 were left out\n"),
            "{output}"
        );
        assert_eq!(names(folder.path()).len(), 36);
    });
}
