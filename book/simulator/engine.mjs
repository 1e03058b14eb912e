// What a pool does, by arithmetic: no clock, no page, no chance. `crates/book/tests/simulator.rs` compares it
// with recorded runs of the real pool.
//
// A worker is one process:
//
//     starting ─▶ waiting ─▶ initializing ─▶ ready ─▶ exiting ─▶ gone
//
// - A worker is started while more tasks wait than workers are idle or coming, and a slot is free.
// - A worker that has its last task frees its slot soon: its replacement is started meanwhile, and waits in
//   the slot until the process is gone.
// - Idle workers get the first tasks of the queue, one each.
// - The death of a worker breaks the pool: the others are killed, unfinished tasks are lost. Before its slot is
//   its own, a dead worker is a failed start: the others go on, and the next start waits.
// - Once the program has its last result or an error, it drops the pool.

/** How long no worker is started after a failed start, in ms, unless one becomes ready before. */
const START_RETRY = 1000

const COMING = ["starting", "waiting", "initializing"]

/**
 * Returns the timeline of a pool. All times are in ms since the program submits all tasks.
 *
 * `input`: `workers`, the most at once; `tasks`, the duration of each; `startUp`, from the start of a process to
 * its slot; `initializer`, 0 if there is none; `exit`, from the wish to the end of a process (these three are
 * numbers, or arrays with one for each process in the order of starts); `maxTasksPerChild`, 0 if unlimited;
 * `deathAt`, when the second process dies, 0 if it does not; `order`, "map" or "as_completed".
 *
 * The result: `workers`, in the order of their starts, with `slot`, `start`, `initializer`, `ready`, `tasks`,
 * `exit` and `reason`; `results`, as the program gets them; `error`, when it gets an error instead; `end`.
 */
export function simulate(input) {
    const pool = new Pool(input)
    pool.look()
    if (input.deathAt > 0) pool.schedule(input.deathAt, () => pool.kill(pool.workers[1]))
    while (pool.agenda.length > 0) {
        // Of the events of one time, the first that was scheduled.
        const next = pool.agenda.reduce((first, other) => (other.at < first.at ? other : first))
        pool.agenda.splice(pool.agenda.indexOf(next), 1)
        pool.now = next.at
        next.happen()
        pool.look()
    }
    const { workers, results, error } = pool
    const lanes = workers.map(({ stage, running, ...lane }) => lane)
    return { workers: lanes, results, error, end: Math.max(0, error ?? 0, ...lanes.map((lane) => lane.exit)) }
}

class Pool {
    constructor(input) {
        this.input = input
        this.now = 0
        this.agenda = []
        this.queue = input.tasks.map((_, task) => task)
        /** All processes, in the order of their starts. */
        this.workers = []
        /** Those that are not gone, in the order in which the pool serves them. */
        this.alive = []
        this.finished = new Set()
        this.results = []
        this.error = null
        this.broken = false
        this.dropped = false
        this.noStartBefore = 0
    }

    schedule(at, happen) {
        this.agenda.push({ at, happen })
    }

    /** The next event of a worker, which does not happen if the process is gone by then. */
    later(worker, delay, happen) {
        this.schedule(this.now + delay, () => worker.stage !== "gone" && happen())
    }

    /** A setting of one process. */
    of(setting, worker) {
        const value = this.input[setting]
        return Array.isArray(value) ? value[this.workers.indexOf(worker)] ?? value.at(-1) ?? 0 : value
    }

    left(worker) {
        return (this.input.maxTasksPerChild || Infinity) - worker.tasks.length
    }

    isIdle(worker) {
        return worker.stage === "ready" && !worker.running
    }

    isRetiring(worker) {
        return worker.stage === "exiting" || (worker.stage === "ready" && this.left(worker) <= 0)
    }

    /** Everything that follows from the state at once. */
    look() {
        for (const worker of this.alive) {
            if (this.isIdle(worker) && this.left(worker) <= 0) this.exit(worker, "recycled")
            if (this.isIdle(worker) && this.queue.length > 0) this.run(worker, this.queue.shift())
        }
        const over = this.dropped && this.queue.length === 0
        for (const worker of this.alive) {
            if (over && (this.isIdle(worker) || worker.stage === "waiting")) this.exit(worker, "finished")
        }
        for (let slot; (slot = this.slotToStart()) !== undefined; ) this.start(slot)
    }

    /** The slot for a further worker, if one is needed and there is room. */
    slotToStart() {
        const { workers: limit } = this.input
        if (this.broken || this.now < this.noStartBefore) return undefined
        const slots = Array.from({ length: limit }, () => [])
        for (const worker of this.alive) slots[worker.slot].push(worker)
        const staying = (slot) => slot.some((worker) => !this.isRetiring(worker))
        if (slots.filter(staying).length >= limit) return undefined
        const free = slots.findIndex((slot) => slot.length === 0)
        const next = free >= 0 ? free : slots.findIndex((slot) => slot.length === 1 && !staying(slot))
        if (next < 0) return undefined
        // One that waits for a slot may wait for long: it counts only if no slot is free.
        const isComing = (worker) => COMING.includes(worker.stage) && (free < 0 || slots[worker.slot].length === 1)
        const counts = (worker) => isComing(worker) || (this.isIdle(worker) && !this.isRetiring(worker))
        return Math.min(this.queue.length, limit) > this.alive.filter(counts).length ? next : undefined
    }

    start(slot) {
        const worker = { slot, start: this.now, initializer: null, ready: null, tasks: [], exit: null, reason: null }
        Object.assign(worker, { stage: "starting", running: null })
        this.workers.push(worker)
        this.alive.push(worker)
        this.later(worker, this.of("startUp", worker), () => {
            worker.stage = "waiting"
            this.admit(worker)
        })
    }

    /** Lets a worker initialize itself, once it has its slot to itself. */
    admit(worker) {
        if (this.alive.some((other) => other !== worker && other.slot === worker.slot)) return
        worker.stage = "initializing"
        const [begin, duration] = [this.now, this.of("initializer", worker)]
        const becomeReady = () => {
            worker.stage = "ready"
            worker.ready = this.now
            this.noStartBefore = 0
        }
        if (duration === 0) return becomeReady()
        worker.initializer = { begin, end: begin + duration }
        this.later(worker, duration, becomeReady)
    }

    run(worker, task) {
        const duration = this.input.tasks[task]
        worker.running = { task, begin: this.now, end: this.now + duration, lost: false }
        worker.tasks.push(worker.running)
        this.later(worker, duration, () => {
            worker.running = null
            this.finished.add(task)
            if (this.input.order === "as_completed") this.give(task)
            else while (this.finished.has(this.results.length)) this.give(this.results.length)
        })
    }

    give(task) {
        this.results.push({ task, at: this.now })
        this.dropped = this.results.length === this.input.tasks.length
    }

    exit(worker, reason) {
        worker.stage = "exiting"
        worker.reason = reason
        this.later(worker, this.of("exit", worker), () => this.end(worker, reason))
    }

    kill(worker) {
        if (worker === undefined || worker.stage === "gone") return
        const { stage } = worker
        this.end(worker, stage === "exiting" ? worker.reason : "died")
        if (stage === "exiting") return
        const others = this.alive.length > 0
        if ((stage === "starting" || stage === "waiting") && others) {
            this.noStartBefore = this.now + START_RETRY
            return this.schedule(this.noStartBefore, () => {})
        }
        this.broken = true
        this.queue = []
        for (const other of [...this.alive]) this.end(other, other.stage === "exiting" ? other.reason : "killed")
        if (!this.dropped) this.error = this.now
    }

    /** The process is gone. The last one takes its place among those that are alive, as in the real pool. */
    end(worker, reason) {
        const cut = [worker.initializer, worker.running].filter((span) => span && span.end > this.now)
        for (const span of cut) Object.assign(span, { end: this.now, lost: true })
        Object.assign(worker, { stage: "gone", running: null, exit: this.now, reason })
        const index = this.alive.indexOf(worker)
        const last = this.alive.pop()
        if (index < this.alive.length) this.alive[index] = last
        const waiting = this.alive.find((other) => other.slot === worker.slot && other.stage === "waiting")
        if (waiting && !this.broken) this.admit(waiting)
    }
}
