//! The model: code of this crate in every interleaving of its threads, and bugs planted in it.
//!
//! Owns the playing of scenes, small programs of two or three threads that run the shipped code on
//! loom's atomics; they are in `link/model.rs` and `future/model.rs`. Every scene holds as it is, and
//! every planted bug is found by a scene: without the second, the first would prove nothing. Run with
//! `just loom`. In what is shipped there is nothing of it: no bug is planted there.

/// Whether the bug of this name is planted: never, but in the model, to see that it is found there.
#[cfg(not(loom))]
pub(crate) const fn planted(_bug: &str) -> bool {
    false
}

#[cfg(loom)]
pub(crate) use checked::{Scene, planted};

#[cfg(loom)]
mod checked {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use crate::{future, link};

    /// A scene, by name.
    pub(crate) type Scene = (&'static str, fn());

    fn scenes() -> Vec<Scene> {
        [&link::model::SCENES[..], &future::model::SCENES].concat()
    }

    fn bugs() -> Vec<&'static str> {
        [&link::model::BUGS[..], &future::model::BUGS].concat()
    }

    /// The bug that is planted, by its place among all, counted from 1.
    static PLANTED: AtomicUsize = AtomicUsize::new(0);

    pub(crate) fn planted(bug: &str) -> bool {
        let planted = PLANTED.load(Relaxed);
        planted > 0 && bugs()[planted - 1] == bug
    }

    /// Plays one scene in every interleaving: `PROCPOOL_SCENE` is its place in the list, and
    /// `PROCPOOL_BUG` that of the bug to plant, from 1, or 0. A process of its own, because loom
    /// cannot always unwind out of a scene that went wrong.
    #[test]
    #[ignore = "played by the test below"]
    fn scene() {
        let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<usize>().ok());
        let (Some(scene), Some(bug)) = (number("PROCPOOL_SCENE"), number("PROCPOOL_BUG")) else {
            panic!("which scene?");
        };
        PLANTED.store(bug, Relaxed);
        let mut builder = loom::model::Builder::new();
        // Every bug that is planted here, and every one met so far, needs at most two.
        builder.preemption_bound = Some(3);
        builder.check(scenes()[scene].1);
        println!("the scene holds");
    }

    /// Whether loom finds nothing wrong with a scene; otherwise what it said.
    fn holds(scene: usize, bug: usize) -> Result<(), String> {
        let program = std::env::current_exe().expect("a test program has a path");
        let play = std::process::Command::new(program)
            .args(["--exact", "model::checked::scene", "--ignored", "--nocapture"])
            .env("PROCPOOL_SCENE", scene.to_string())
            .env("PROCPOOL_BUG", bug.to_string())
            .output()
            .expect("a test program can be started");
        let said = String::from_utf8_lossy(&play.stdout).contains("the scene holds");
        if play.status.success() && said {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&play.stderr).into_owned())
    }

    #[test]
    fn every_scene_holds() {
        for (place, (name, _)) in scenes().iter().enumerate() {
            if let Err(said) = holds(place, 0) {
                panic!("{name}: {said}");
            }
        }
    }

    #[test]
    fn every_planted_bug_is_found() {
        let scenes = scenes();
        for (place, bug) in bugs().iter().enumerate() {
            let found: Vec<&str> = (0..scenes.len())
                .filter(|scene| holds(*scene, place + 1).is_err())
                .map(|scene| scenes[scene].0)
                .collect();
            println!("{bug}: found by {found:?}");
            assert!(!found.is_empty(), "nobody finds: {bug}");
        }
    }
}
