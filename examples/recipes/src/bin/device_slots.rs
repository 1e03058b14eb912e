//! A device per worker: worker 0 has device 0, worker 1 device 1, and so on.
//!
//! `device_slots FOLDER [DEVICES]` plays that with files in FOLDER, which a process can lock for itself
//! alone, as a GPU can be. No two workers ever have the same number at once, also when they are
//! replaced, here after 20 tasks. The program prints which device ran how many tasks, and by how many
//! processes. If somebody else has a device, the others do its work, and the pool tries it again from
//! time to time.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::PathBuf;
use std::time::Duration;

use procpool::{DeathPolicy, Event, EventKind, ProcessPoolExecutor, worker_id};

/// The state of a worker. The lock is held until the file is closed, at the latest by the worker's end.
struct Device {
    number: usize,
    file: File,
}

fn take(folder: PathBuf) -> Result<Device, String> {
    let number = worker_id().ok_or("this is no worker")?;
    // The same for a GPU: set CUDA_VISIBLE_DEVICES here, before its library is used first.
    let path = folder.join(format!("device-{number}"));
    let options = File::options().read(true).write(true).create(true).clone();
    let file = options.open(path).map_err(|error| format!("device {number}: {error}"))?;
    file.try_lock().map_err(|error| format!("device {number}: {error}"))?;
    Ok(Device { number, file })
}

/// Adds 1 to the number in the device, in two steps that another process must not come between.
fn task(device: &mut Device, _item: u32) -> Result<(usize, u32), String> {
    let mut step = || -> Result<(), std::io::Error> {
        let mut text = String::new();
        device.file.rewind()?;
        device.file.read_to_string(&mut text)?;
        device.file.rewind()?;
        write!(device.file, "{}", text.parse().unwrap_or(0) + 1)
    };
    step().map_err(|error| error.to_string())?;
    Ok((device.number, std::process::id()))
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: device_slots FOLDER [DEVICES]")?);
    let devices: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let executor = ProcessPoolExecutor::builder()
        .max_workers(devices)
        .max_tasks_per_child(20)
        .death_policy(DeathPolicy::Replace { retries: 0 })
        .start_backoff(Duration::from_millis(10), Duration::from_secs(1))
        .initializer_with_args(take, folder)
        .build()?;
    let events = executor.events();
    if let Err(error) = executor.start_workers(devices).result() {
        println!("{error}");
    }
    let (mut used, mut failed) = (BTreeMap::<usize, (u32, HashSet<u32>)>::new(), 0);
    for result in executor.map_options().chunksize(1).map_with(task, 0..600) {
        // A worker that dies fails its own task.
        let Ok(result) = result else {
            failed += 1;
            continue;
        };
        let (device, pid) = result?;
        let (tasks, workers) = used.entry(device).or_default();
        *tasks += 1;
        workers.insert(pid);
    }
    for (device, (tasks, workers)) in used {
        println!("device {device}: {tasks} tasks by {} workers", workers.len());
    }
    drop(executor);
    let refused = |event: &Event| matches!(event.kind, EventKind::StartFailed(_));
    println!("{failed} failed, {} starts were refused", events.filter(refused).count());
    Ok(())
}
