fn main() {
    procpool::init();
    let executor = procpool::ProcessPoolExecutor::builder().max_workers(2).build().unwrap();
    for _ in 0..6 {
        let started = std::time::Instant::now();
        let map = executor.map(|x: u64| x + 1, 0..10_000_000u64);
        let fed = started.elapsed();
        let mut sum = 0u64;
        for r in map {
            sum = sum.wrapping_add(r.unwrap());
        }
        let all = started.elapsed();
        println!("fed {:?} all {:?} {:.1} M/s {}", fed, all, 10.0 / all.as_secs_f64(), sum);
    }
}
