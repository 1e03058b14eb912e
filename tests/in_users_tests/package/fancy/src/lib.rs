//! A library that uses pools, without its users' knowledge.

procpool::init_before_main!();

/// Cubes numbers, in other processes; returns how many processes.
pub fn cubes(numbers: Vec<u64>) -> Result<(Vec<u64>, usize), procpool::Error> {
    let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build()?;
    let cubes = executor.map(|x: u64| (x * x * x, std::process::id()), numbers);
    let (cubes, mut pids): (Vec<u64>, Vec<u32>) =
        cubes.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    pids.retain(|pid| *pid != std::process::id());
    Ok((cubes, pids.len()))
}
