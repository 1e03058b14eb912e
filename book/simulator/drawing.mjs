// A simulated run as an SVG drawing and in words, up to a moment. Makes text only, and knows no page.

const LANE = 30
const BAR = 22
const NAMES = 66
const LETTER = 7.5

const escape = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")
const ms = (time) => `${Math.round(time)} ms`

/** What a worker that is there does at a moment, in words. */
function activity({ initializer, ready, tasks }, moment) {
    const task = tasks.find(({ begin, end }) => begin <= moment && moment < end)
    if (task) return `runs task ${task.task}`
    if (initializer && initializer.begin <= moment && moment < initializer.end) return "runs the initializer"
    return ready === null || moment < ready ? "is starting" : "is idle"
}

/** Returns a sentence about the workers at a moment. */
export function atMoment(run, moment) {
    const started = run.workers.map((worker, index) => [worker, index]).filter(([{ start }]) => start <= moment)
    const there = started.filter(([{ exit }]) => moment < exit)
    const said = there.map(([worker, index]) => `worker ${index + 1} ${activity(worker, moment)}`)
    const gone = started.length - there.length
    if (gone > 0) said.push(gone === 1 ? "one worker is gone" : `${gone} workers are gone`)
    return `At ${ms(moment)}: ${said.join(", ")}.`
}

/** Returns the moments at which something changes. */
export function moments(run) {
    const spans = ({ initializer, tasks }) => [initializer, ...tasks].filter(Boolean)
    const all = run.workers.flatMap((worker) => [
        worker.start,
        worker.exit,
        ...spans(worker).flatMap(({ begin, end }) => [begin, end]),
    ])
    const times = [...all, ...run.results.map(({ at }) => at), run.error ?? 0].map(Math.round)
    return [...new Set(times)].sort((a, b) => a - b)
}

/** Returns the run in sentences: the alternative text of its drawing. */
export function sentences({ workers, results, error }) {
    const lane = ({ start, initializer, tasks, exit, reason }, index) => {
        const ran = tasks.map(({ task, begin, end, lost }) =>
            `${lost ? "lost " : ""}task ${task} from ${Math.round(begin)} to ${Math.round(end)}`)
        const first = initializer ? `, initialized from ${Math.round(initializer.begin)}` : ""
        const verb = { died: "died", killed: "was killed" }[reason] ?? "exited"
        return `Worker ${index + 1} started at ${Math.round(start)}${first}, ran ${ran.join(", ") || "no task"}, ${verb} at ${Math.round(exit)}.`
    }
    const given = results.map(({ task, at }) => `${task} at ${Math.round(at)}`).join(", ") || "none"
    const broken = error === null ? "" : ` An error at ${Math.round(error)}: the pool is broken.`
    return `Timeline in ms since the tasks were submitted. ${workers.map(lane).join(" ")} Results: ${given}.${broken}`
}

/** Returns the drawing, `width` pixels wide. What comes after `moment` is left out. */
export function draw(run, width, moment) {
    const scale = (width - NAMES - 16) / Math.max(run.end, 1)
    const x = (time) => (NAMES + time * scale).toFixed(1)
    const bottom = LANE * (run.workers.length + 1) + 4
    const parts = [...grid(run, x, scale, bottom)]
    run.workers.forEach((worker, index) => parts.push(...lane(worker, index, x, scale, moment)))
    parts.push(...given(run, x, scale, moment))
    if (moment < run.end) parts.push(`<path class="moment" d="M${x(moment)} 0V${bottom}"/>`)
    const height = bottom + 36
    return `<svg class="timeline simulated" role="img" viewBox="0 0 ${width} ${height}" aria-label="${escape(sentences(run))}">${parts.join("")}</svg>`
}

/** A stroke for each round number, with room for its text. */
function* grid({ end }, x, scale, bottom) {
    const [ten, fits] = [10 ** Math.floor(Math.log10(60 / scale)), (step) => step * scale >= 60]
    const step = Math.max(1, [1, 2, 5, 10].map((times) => times * ten).find(fits) ?? 20 * ten)
    for (let time = 0; time <= end; time += step) {
        yield `<path class="grid" d="M${x(time)} 0V${bottom}"/>`
        yield `<text class="middle" x="${x(time)}" y="${bottom + 16}">${time}</text>`
    }
    yield `<text class="end" x="${x(end)}" y="${bottom + 32}">ms since the tasks were submitted</text>`
}

function* lane(worker, index, x, scale, moment) {
    const top = LANE * index + 4
    const middle = top + BAR / 2
    const { start, initializer, ready, tasks, exit, reason } = worker
    const until = (time) => Math.min(time, moment)
    yield `<text x="0" y="${middle + 4}">worker ${index + 1}</text>`
    if (start > moment) return
    const begun = initializer?.begin ?? ready ?? exit
    yield `<path class="starting" d="M${x(start)} ${middle}H${x(until(begun))}"/>`
    if (begun < moment) yield `<path class="life" d="M${x(begun)} ${middle}H${x(until(exit))}"/>`
    const bars = tasks.map((task) => ({ ...task, kind: task.lost ? "task lost" : "task", label: String(task.task) }))
    if (initializer) bars.unshift({ ...initializer, kind: initializer.lost ? "initializer lost" : "initializer", label: "init" })
    for (const { begin, end, kind, label } of bars.filter(({ begin }) => begin < moment)) {
        const wide = (until(end) - begin) * scale
        const title = `${label === "init" ? "initializer" : `task ${label}`}: ${ms(begin)} to ${ms(end)}`
        yield `<rect class="${kind}" x="${x(begin)}" y="${top}" width="${wide.toFixed(1)}" height="${BAR}" rx="3"><title>${title}</title></rect>`
        if (wide > label.length * LETTER + 2) {
            yield `<text class="middle" x="${x(begin + wide / scale / 2)}" y="${middle + 4.5}">${label}</text>`
        }
    }
    yield `<circle cx="${x(start)}" cy="${middle}" r="3"><title>started at ${ms(start)}</title></circle>`
    if (exit <= moment) {
        const bad = reason === "died" || reason === "killed"
        const size = bad ? 7 : 4
        const cross = `m${-size} ${-size}l${2 * size} ${2 * size}m0 ${-2 * size}l${-2 * size} ${2 * size}`
        yield `<path class="${bad ? "exit death" : "exit"}" d="M${x(exit)} ${middle}${cross}"><title>${reason} at ${ms(exit)}</title></path>`
    }
}

/** The numbers of results that come together, short. */
function numbers(tasks) {
    const [first, last] = [tasks[0], tasks.at(-1)]
    if (tasks.length < 3) return tasks.join(" ")
    const inOrder = tasks.every((task, index) => task === first + index)
    return inOrder ? `${first}–${last}` : `${first} +${tasks.length - 1}`
}

/** Strokes, and numbers beneath them: one text for those that have no room for their own. */
function* given({ workers, results, error }, x, scale, moment) {
    const top = LANE * workers.length + 4
    yield `<text x="0" y="${top + BAR / 2 + 4}">results</text>`
    const there = results.filter(({ at }) => at <= moment)
    for (const { at } of there) yield `<path class="result" d="M${x(at)} ${top}v8"/>`
    const middle = (group) => (group[0].at + group.at(-1).at) / 2
    const half = (group) => (numbers(group.map(({ task }) => task)).length * LETTER) / 2
    const groups = []
    for (let group of there.map((result) => [result])) {
        const overlaps = (before) => (middle(group) - middle(before)) * scale < half(group) + half(before) + LETTER
        while (groups.length > 0 && overlaps(groups.at(-1))) group = [...groups.pop(), ...group]
        groups.push(group)
    }
    for (const group of groups) {
        yield `<text class="middle" x="${x(middle(group))}" y="${top + BAR}">${numbers(group.map(({ task }) => task))}</text>`
    }
    if (error !== null && error <= moment) {
        yield `<path class="exit death" d="M${x(error)} ${top + BAR / 2}m-7 -7l14 14m0 -14l-14 14"><title>error at ${ms(error)}</title></path>`
    }
}
