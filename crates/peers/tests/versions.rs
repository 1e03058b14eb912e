//! A verdict names the version that is built: each description has the one that Cargo.toml pins.

use std::process::Command;

use procpool_contract::Description;

#[test]
fn each_description_names_the_version_that_is_pinned() {
    let programs = [
        env!("CARGO_BIN_EXE_procpool-adapter-procspawn"),
        env!("CARGO_BIN_EXE_procpool-adapter-tarnish"),
    ];
    for program in programs {
        let output = Command::new(program).arg("describe").output().expect("it starts");
        let description: Description =
            serde_json::from_slice(&output.stdout).expect("it is a description");
        assert_eq!(description.check(), Ok(()));
        let pinned = format!("{} = \"={}\"", description.implementation, description.version);
        assert!(
            include_str!("../Cargo.toml").contains(&pinned),
            "Cargo.toml does not say {pinned}"
        );
    }
}
