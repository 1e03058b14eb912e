// Compares the simulator with recorded runs of the real pool, and writes its programs.
//
// Reads one JSON object from standard input: the folder of the simulator, the runs, states of which the
// programs are wanted, and texts of addresses. Writes one to standard output: what differs in each run, the
// programs, and the states of the texts.

import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

const { folder, runs, states, texts, tolerance } = JSON.parse(readFileSync(0, "utf8"))
const load = (name) => import(pathToFileURL(`${folder}/${name}.mjs`).href)
const [{ simulate }, { format, input, parse }, { python, rust }] =
    await Promise.all(["engine", "state", "programs"].map(load))

const length = ([begin, end]) => end - begin

/** What the engine needs: the numbers of the state, with durations as they were in the run. */
function measured({ state, workers }) {
    const planned = input(parse(state))
    const tasks = [...planned.tasks]
    for (const { task, span, lost } of workers.flatMap(({ tasks }) => tasks)) {
        if (!lost) tasks[task] = length(span)
    }
    // A worker was needed from the last thing on that happened before its start.
    const moments = workers.flatMap(({ initializer, admitted, exit, tasks }) =>
        [initializer?.[1] ?? admitted, exit, ...tasks.map(({ span }) => span[0])])
    const need = ({ start }) => Math.max(0, ...moments.filter((moment) => moment <= start))
    const waits = (worker) =>
        workers.some(({ slot, start, exit }) =>
            slot === worker.slot && start < worker.start && exit > worker.reached)
    const startUp = (worker) => {
        if (worker.reached === null) return Infinity
        return (waits(worker) ? worker.reached : worker.admitted) - need(worker)
    }
    const initialized = ({ reason, tasks }) => tasks.length > 0 || reason === "exit" || reason === "recycling"
    return {
        ...planned,
        tasks,
        startUp: workers.map(startUp),
        initializer: workers.map((worker) =>
            worker.initializer && initialized(worker) ? length(worker.initializer) : planned.initializer),
        exit: workers.map(({ exiting, exit }) => (exiting === null ? planned.exit : exit - exiting)),
        deathAt: workers.find(({ reason }) => reason === "death")?.exit ?? 0,
    }
}

/** What differs between a run and its simulation. */
function differences(run) {
    const simulated = simulate(measured(run))
    const found = []
    const same = (what, real, ours) => {
        const [was, is] = [JSON.stringify(real), JSON.stringify(ours)]
        if (was !== is) found.push(`${what}: ${is} in place of ${was}`)
    }
    const near = (what, real, ours) => {
        if (!(Math.abs(real - ours) <= tolerance)) found.push(`${what}: at ${ours} in place of ${real}`)
    }
    const REASONS = { exit: "finished", recycling: "recycled", death: "died", kill: "killed" }
    const lane = ({ slot, tasks, reason }) => [slot, tasks.map(({ task, lost }) => [task, lost]), REASONS[reason] ?? reason]
    same("workers", run.workers.map(lane), simulated.workers.map(lane))
    same("results", run.results.map(([task]) => task), simulated.results.map(({ task }) => task))
    same("error", run.error !== null, simulated.error !== null)
    if (found.length > 0) return found
    run.workers.forEach(({ start, tasks, exit }, index) => {
        const ours = simulated.workers[index]
        near(`start of worker ${index + 1}`, start, ours.start)
        near(`exit of worker ${index + 1}`, exit, ours.exit)
        tasks.forEach(({ task, span }, place) => near(`start of task ${task}`, span[0], ours.tasks[place].begin))
    })
    run.results.forEach(([task, at], place) => near(`result ${task}`, at, simulated.results[place].at))
    if (run.error !== null) near("error", run.error, simulated.error)
    return found
}

const outcome = {
    differences: Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, differences(run)])),
    programs: states.map((state) => ({ rust: rust(parse(state)), python: python(parse(state)) })),
    states: texts.map((text) => format(parse(text))),
}
console.log(JSON.stringify(outcome))
