//! `embedding`: a library with a pool inside, in a user's program, in a user's tests, and where it
//! cannot be.

use std::process::Command;

use procpool_recipe_plugins::run;
use procpool_testkit::watch::{HANG, within};

use crate::support::{PYTHON, Program, recipe};

#[test]
fn a_main_that_does_nothing_for_it_runs_once_and_plugins_fail_alone() {
    within(HANG, || {
        let output = recipe!("embedding", "some text").succeed();
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(output.matches("main of ").count(), 1, "{output}");
        assert_eq!((lines[1], lines[5]), ("shout: SOME TEXT", "reverse: txet emos"), "{output}");
        assert!(lines[2].starts_with("panics failed: the task panicked at "), "{output}");
        assert!(lines[2].ends_with(": some text is not to its taste"), "{output}");
        assert!(lines[3].contains(" was killed by SIGABRT while running work item 3"), "{output}");
        assert!(lines[4].ends_with("ran for longer than 2s and was ended"), "{output}");
    });
}

/// The harness owns this `main`.
#[test]
fn a_test_of_the_user_needs_nothing_either() {
    within(HANG, || {
        let other = |_| std::process::id().to_string();
        let results = run(&[|text| text + "!", other], "hello").expect("there is a pool");
        assert_eq!(results[0].as_deref(), Ok("hello!"));
        assert_ne!(results[1], Ok(std::process::id().to_string()));
    });
}

/// Here it is a shared library, as an extension of Python is.
#[test]
fn a_python_that_loads_it_gets_a_clear_refusal() {
    within(HANG, || {
        let program = std::env::current_exe().expect("it is known");
        let library = program.with_file_name("libprocpool_recipe_plugins.so");
        let code = "import ctypes, sys; library = ctypes.CDLL(sys.argv[1]); \
                    call = library.recipe_plugins_try; call.restype = ctypes.c_char_p; \
                    print(call().decode())";
        let mut command = Command::new(PYTHON);
        let output = Program::start(command.args(["-c", code]).arg(library)).succeed();
        assert!(output.contains("is not a function of the main executable"), "{output}");
    });
}
