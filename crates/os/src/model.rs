//! The model: runs a crate's code in every interleaving of its threads, with or without a planted bug.
//!
//! Owns the running of scenes: small programs of two or three threads that run the shipped code on
//! loom's atomics. A crate that has scenes lists them, and the bugs that can be planted in its code.
//! Without a bug every scene holds. With a planted bug some scene fails: otherwise the first check would
//! prove nothing. Run with `just loom`. A shipped program never contains a planted bug.

/// Returns whether the bug of this name is planted: never, except in the model.
#[cfg(not(loom))]
pub const fn planted(_bug: &str) -> bool {
    false
}

/// The tests of a module that has scenes and bugs: every scene holds, and every planted bug is found.
#[cfg(loom)]
#[macro_export]
macro_rules! play_scenes {
    ($scenes:expr, $bugs:expr) => {
        #[test]
        #[ignore = "played by the tests below"]
        fn scene() {
            $crate::model::play(&$scenes);
        }

        #[test]
        fn scenes_hold() {
            $crate::model::every_scene_holds(module_path!(), &$scenes);
        }

        #[test]
        fn planted_bugs_are_found() {
            $crate::model::every_planted_bug_is_found(module_path!(), &$scenes, &$bugs);
        }
    };
}

#[cfg(loom)]
pub use checked::{Scene, every_planted_bug_is_found, every_scene_holds, planted, play};

#[cfg(loom)]
mod checked {
    use std::process::Command;
    use std::sync::OnceLock;

    /// A scene, by name.
    pub type Scene = (&'static str, fn());

    /// The bug that is planted in this process.
    static PLANTED: OnceLock<String> = OnceLock::new();

    /// Returns whether the bug of this name is planted.
    pub fn planted(bug: &str) -> bool {
        PLANTED.get().is_some_and(|planted| planted == bug)
    }

    /// Plays one scene in every interleaving: the one that `PROCPOOL_SCENE` names, with the bug that
    /// `PROCPOOL_BUG` names.
    ///
    /// # Panics
    ///
    /// The scene does not hold, or no such scene is in `scenes`.
    pub fn play(scenes: &[Scene]) {
        let name = std::env::var("PROCPOOL_SCENE").expect("PROCPOOL_SCENE names a scene");
        let (_, scene) = scenes.iter().find(|(scene, _)| *scene == name).expect("a known scene");
        if let Ok(bug) = std::env::var("PROCPOOL_BUG") {
            PLANTED.get_or_init(|| bug);
        }
        let mut builder = loom::model::Builder::new();
        // Every planted bug, and every real one found so far, needs at most two.
        builder.preemption_bound = Some(3);
        builder.check(*scene);
        println!("the scene holds");
    }

    /// Returns an error, loom's output, if a scene does not hold. The ignored test `scene` of the module plays
    /// the scene in its own process: loom cannot always unwind out of a scene that fails.
    fn holds(module: &str, scene: &str, bug: Option<&str>) -> Result<(), String> {
        let mut program = Command::new(std::env::current_exe().expect("a test program has a path"));
        let (_, module) = module.split_once("::").expect("it is a module of a crate");
        let player = format!("{module}::scene");
        program.args(["--exact", &player, "--ignored", "--nocapture"]).env("PROCPOOL_SCENE", scene);
        if let Some(bug) = bug {
            program.env("PROCPOOL_BUG", bug);
        }
        let play = program.output().expect("a test program can be started");
        let printed = String::from_utf8_lossy(&play.stdout).contains("the scene holds");
        if play.status.success() && printed {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&play.stderr).into_owned())
    }

    /// Plays every scene of `module`.
    ///
    /// # Panics
    ///
    /// A scene does not hold.
    pub fn every_scene_holds(module: &str, scenes: &[Scene]) {
        for (name, _) in scenes {
            if let Err(output) = holds(module, name, None) {
                panic!("{name}: {output}");
            }
        }
    }

    /// Plants every bug, one at a time, and plays the scenes.
    ///
    /// # Panics
    ///
    /// Every scene holds although a bug is planted.
    pub fn every_planted_bug_is_found(module: &str, scenes: &[Scene], bugs: &[&str]) {
        for bug in bugs {
            let finds = |scene: &str| holds(module, scene, Some(bug)).is_err();
            let found: Vec<_> =
                scenes.iter().map(|(name, _)| *name).filter(|name| finds(name)).collect();
            println!("{bug}: found by {found:?}");
            assert!(!found.is_empty(), "no scene finds: {bug}");
        }
    }
}
