//! The scenes of futures, run in every interleaving of their threads (`just loom`).

use procpool_os::model::{every_planted_bug_is_found, every_scene_holds, play};

use crate::future::model::{BUGS, SCENES};

const PLAYER: &str = "model::scene";

#[test]
#[ignore = "played by the tests below"]
fn scene() {
    play(&SCENES);
}

#[test]
fn scenes_hold() {
    every_scene_holds(PLAYER, &SCENES);
}

#[test]
fn planted_bugs_are_found() {
    every_planted_bug_is_found(PLAYER, &SCENES, &BUGS);
}
