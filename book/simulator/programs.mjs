// The Rust and the Python program of a state. The trials of `crates/book/tests/simulator.rs` compile and run some.
//
// The start-up of a worker is in neither: that is the system's.

const lines = (...parts) => `${parts.flat(2).join("\n")}\n`

/** Lines of a part that not every program has. */
const only = (condition, ...parts) => (condition ? parts : [])

const about = ({ workers, count }) => `${count} task${count === 1 ? "" : "s"} for at most ${workers} worker${workers === 1 ? "" : "s"}.`

/** The calls of a builder, below each other if there are more than two. */
function chain(start, calls) {
    const all = calls.flat()
    return all.length > 2 ? [start, ...all.map((call) => `        ${call}`)] : start + all.join("")
}

/** Returns the Rust program. It is formatted as rustfmt does for lines of 76 characters. */
export function rust(state) {
    const { workers, count, durations, initializer, maxTasksPerChild, deathAt, order } = state
    const names = order === "map" ? ["ProcessPoolExecutor"] : ["ProcessPoolExecutor", "as_completed"]
    if (deathAt > 0) names.unshift("EventKind", "Events")
    const used = names.length > 1 ? `{${names.join(", ")}}` : names[0]
    return lines(
        `//! ${about(state)}`,
        "",
        only(deathAt > 0, "use std::process::Command;"),
        deathAt > 0 ? "use std::thread::{self, sleep};" : "use std::thread::sleep;",
        deathAt > 0 ? "use std::time::{Duration, Instant};" : "use std::time::Duration;",
        "",
        `use procpool::${used};`,
        "",
        `const MILLIS: [u64; ${durations.length}] = [${durations.join(", ")}];`,
        "",
        only(
            initializer > 0,
            "fn initializer_worker() {",
            `    sleep(Duration::from_millis(${initializer}));`,
            "}",
            "",
        ),
        "fn task(identifier: u32) -> u32 {",
        "    let millis = MILLIS[identifier as usize % MILLIS.len()];",
        "    sleep(Duration::from_millis(millis));",
        "    identifier",
        "}",
        "",
        only(
            deathAt > 0,
            "/// Kills the second worker that is started.",
            "fn kill_second_worker(events: Events, at: Instant) {",
            "    let mut pids = events.filter_map(|event| match event.kind {",
            "        EventKind::WorkerStarted(worker) => Some(worker.pid),",
            "        _ => None,",
            "    });",
            "    let Some(pid) = pids.nth(1) else { return };",
            "    sleep(at.saturating_duration_since(Instant::now()));",
            '    let mut kill = Command::new("kill");',
            '    kill.arg("-KILL").arg(pid.to_string());',
            '    kill.status().expect("kill(1) is installed");',
            "}",
            "",
        ),
        "fn main() -> Result<(), procpool::Error> {",
        "    procpool::init();",
        chain("    let executor = ProcessPoolExecutor::builder()", [
            `.max_workers(${workers})`,
            only(maxTasksPerChild > 0, `.max_tasks_per_child(${maxTasksPerChild})`),
            only(initializer > 0, ".initializer(initializer_worker)"),
            ".build()?;",
        ]),
        only(
            deathAt > 0,
            "    let events = executor.events();",
            `    let at = Instant::now() + Duration::from_millis(${deathAt});`,
            "    thread::spawn(move || kill_second_worker(events, at));",
        ),
        order === "map"
            ? [`    for result in executor.map(task, 0..${count}) {`, '        println!("{}", result?);', "    }"]
            : [
                  "    let submit = |identifier| executor.submit(task, identifier);",
                  `    let futures: Vec<_> = (0..${count}).map(submit).collect();`,
                  "    for future in as_completed(&futures) {",
                  '        println!("{}", future.result()?);',
                  "    }",
              ],
        "    Ok(())",
        "}",
    )
}

/** Returns the Python program, for Python 3.11 or later. */
export function python(state) {
    const { durations, initializer, maxTasksPerChild, deathAt, order } = state
    const recycles = maxTasksPerChild > 0
    const names = order === "map" ? "ProcessPoolExecutor" : "ProcessPoolExecutor, as_completed"
    return lines(
        `"""${about(state)}"""`,
        "",
        only(recycles || deathAt > 0, "import multiprocessing"),
        only(!recycles, `from concurrent.futures import ${names}`),
        only(deathAt > 0, "from threading import Timer"),
        "from time import sleep",
        "",
        `MILLIS = [${durations.join(", ")}]`,
        "",
        "",
        only(initializer > 0, "def initializer_worker():", `    sleep(${initializer / 1000})`, "", ""),
        "def task(identifier):",
        "    sleep(MILLIS[identifier % len(MILLIS)] / 1000)",
        "    return identifier",
        "",
        "",
        only(
            deathAt > 0,
            "def kill_second_worker():",
            "    for process in multiprocessing.active_children():",
            '        if process.name.endswith("-2"):',
            "            process.kill()",
            "",
            "",
        ),
        "def main():",
        recycles ? pool(state) : executor(state),
        "",
        "",
        'if __name__ == "__main__":',
        "    main()",
    )
}

function timer({ deathAt }) {
    const start = [`timer = Timer(${deathAt / 1000}, kill_second_worker)`, "timer.daemon = True", "timer.start()"]
    return only(deathAt > 0, ...start.map((line) => `        ${line}`))
}

function executor({ workers, count, initializer, deathAt, order }) {
    return [
        "    with ProcessPoolExecutor(",
        `        max_workers=${workers},`,
        only(initializer > 0, "        initializer=initializer_worker,"),
        "    ) as executor:",
        timer({ deathAt }),
        order === "map"
            ? [`        for result in executor.map(task, range(${count})):`, "            print(result, flush=True)"]
            : [
                  `        futures = [executor.submit(task, it) for it in range(${count})]`,
                  "        for future in as_completed(futures):",
                  "            print(future.result(), flush=True)",
              ],
    ].flat()
}

/** With `max_tasks_per_child`, CPython's executor may never run the last tasks: python/cpython#115634. */
function pool({ workers, count, initializer, maxTasksPerChild, deathAt, order }) {
    return [
        "    # Not ProcessPoolExecutor: with max_tasks_per_child it can hang,",
        "    # see https://github.com/python/cpython/issues/115634.",
        "    with multiprocessing.Pool(",
        `        processes=${workers},`,
        `        maxtasksperchild=${maxTasksPerChild},`,
        only(initializer > 0, "        initializer=initializer_worker,"),
        "    ) as pool:",
        timer({ deathAt }),
        loop(deathAt > 0, `pool.${order === "map" ? "imap" : "imap_unordered"}(task, range(${count}))`, count),
    ].flat()
}

function loop(mayMiss, call, count) {
    if (!mayMiss) return [`        for result in ${call}:`, "            print(result, flush=True)"]
    return [
        `        results = ${call}`,
        "        # This pool reports no death: the lost result never comes.",
        `        for _ in range(${count}):`,
        "            print(results.next(timeout=10), flush=True)",
    ]
}
