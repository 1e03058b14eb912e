//! `device_slots`: no two processes have the same device at once.

use std::fs::{self, File};

use nix::sys::signal::Signal;
use procpool_testkit::os::Watched;
use procpool_testkit::watch::{HANG, within};

use crate::support::{Program, below, folder, recipe};

/// Device, tasks and workers of each line; and the number of failures.
fn summary(output: &str) -> (Vec<(u32, u32, u32)>, u32) {
    let numbers = |line: &str| -> Vec<u32> {
        line.split([' ', ':']).filter_map(|word| word.parse().ok()).collect()
    };
    let lines = output.lines().filter(|line| line.starts_with("device "));
    let devices = lines.map(numbers).map(|it| (it[0], it[1], it[2])).collect();
    (devices, output.lines().last().map_or(u32::MAX, |line| numbers(line)[0]))
}

/// Asserts that each device has counted the tasks that ran on it.
fn assert_counted(folder: &tempfile::TempDir, devices: &[(u32, u32, u32)]) {
    for (device, tasks, _) in devices {
        let path = below(folder, &format!("device-{device}"));
        let counted = fs::read_to_string(path).expect("it was used");
        assert_eq!(counted, tasks.to_string(), "device {device}");
    }
}

#[test]
fn each_device_has_one_worker_at_a_time_though_workers_are_replaced() {
    within(HANG, || {
        let folder = folder();
        let output = recipe!("device_slots", folder.path()).succeed();
        let (devices, failed) = summary(&output);
        assert_eq!(failed, 0, "{output}");
        assert_eq!(devices.iter().map(|it| it.1).sum::<u32>(), 600, "{output}");
        assert!(output.ends_with(", 0 starts were refused\n"), "nobody has another's: {output}");
        for (device, tasks, workers) in &devices {
            assert!(*device < 3 && *workers == tasks.div_ceil(20), "{output}");
        }
        assert_counted(&folder, &devices);
    });
}

#[test]
fn a_device_that_somebody_else_has_is_left_out_and_named() {
    within(HANG, || {
        let folder = folder();
        let taken = File::create(below(&folder, "device-1")).expect("the folder is empty");
        taken.lock().expect("nobody has it");
        let output = recipe!("device_slots", folder.path()).succeed();
        assert!(output.contains("device 1: lock acquisition failed"), "{output}");
        let (devices, failed) = summary(&output);
        assert_eq!(failed, 0, "{output}");
        assert!(devices.iter().all(|it| it.0 != 1), "{output}");
        assert_eq!(devices.iter().map(|it| it.1).sum::<u32>(), 600, "{output}");
        assert_counted(&folder, &devices);
    });
}

#[test]
fn the_replacement_of_a_killed_worker_gets_its_device() {
    within(HANG, || {
        let folder = folder();
        let program = recipe!("device_slots", folder.path(), "1");
        // The first to get the device is killed as soon as the device has counted.
        let device = below(&folder, "device-0");
        while fs::read_to_string(&device).unwrap_or_default().is_empty() {}
        for pid in program.workers() {
            Watched::new(pid).signal(Signal::SIGKILL);
        }
        let output = program.succeed();
        let (devices, failed) = summary(&output);
        assert!(failed <= 1, "{output}");
        assert_eq!(devices.len(), 1, "{output}");
        assert_eq!(devices[0].1 + failed, 600, "{output}");
        let counted: u32 = fs::read_to_string(device).expect("it is ours").parse().unwrap_or(0);
        // It may have been killed after the step, before its report.
        assert!((devices[0].1..=600).contains(&counted), "{counted}: {output}");
    });
}

#[test]
fn the_twin_has_a_device_per_worker() {
    within(HANG, || {
        let folder = folder();
        let output = Program::twin("device_slots", &[&below(&folder, "")]).succeed();
        let (devices, failed) = summary(&output);
        assert_eq!((devices.iter().map(|it| it.1).sum::<u32>(), failed), (600, 0), "{output}");
        assert_counted(&folder, &devices);
    });
}
