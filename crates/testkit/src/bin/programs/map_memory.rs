//! An endless map whose items and results are large: prints by how many KiB the peak memory of the program
//! grew during two hundred results.

use procpool::{Error, ProcessPoolExecutor};

/// The peak memory of this process, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

pub(crate) fn main(_: &[String]) -> Result<(), Error> {
    procpool::init();
    let executor = ProcessPoolExecutor::builder().max_workers(2).build()?;
    let items = (0..).map(|number: usize| vec![number as u8; 1 << 20]);
    let mut results = executor.map_options().buffersize(8).map(|item: Vec<u8>| item, items);
    let mut before = 0;
    for number in 0..300 {
        if number == 100 {
            before = most_memory();
        }
        let result = results.next().expect("it has no end")?;
        assert_eq!((result.len(), result[0]), (1 << 20, number as u8));
    }
    println!("{}", most_memory().saturating_sub(before));
    Ok(())
}
