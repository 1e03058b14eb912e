// The simulator's settings, and their text in the address of the page: `w=2&n=10&t=180,40&…`. A text that somebody
// has cut or changed by hand is no error: what is missing or makes no sense is as usual, and what is too much is the
// most. So every state can be drawn.

/** The settings that are a number; 0 means that there is none, where it is allowed. */
export const NUMBERS = [
    { letter: "w", name: "workers", label: "Workers at most", least: 1, most: 8, usual: 2 },
    { letter: "n", name: "count", label: "Tasks", least: 1, most: 30, usual: 10 },
    { letter: "s", name: "startUp", label: "Start-up, in ms", least: 0, most: 2000, usual: 5 },
    { letter: "i", name: "initializer", label: "Initializer, in ms (0: none)", least: 0, most: 2000, usual: 60 },
    { letter: "c", name: "maxTasksPerChild", label: "Tasks each (0: no limit)", least: 0, most: 30, usual: 0 },
    { letter: "d", name: "deathAt", label: "Worker 2 dies at (0: never)", least: 0, most: 60000, usual: 0 },
]

/** The durations of the tasks, in ms, which are repeated. Shorter tasks are sent ahead, several at a time. */
export const DURATIONS = { letter: "t", least: 5, most: 2000, length: 8, usual: [180, 40, 120, 60] }

export const ORDERS = ["map", "as_completed"]

/** The time from the wish to the end of a process. */
const EXIT = 2

function whole(text, { least, most, usual }) {
    const number = /^\s*[0-9]+(\.[0-9]*)?\s*$/.test(text ?? "") ? Math.round(Number(text)) : usual
    return Math.min(Math.max(number, least), most)
}

/** Returns the durations in a text, in which anything else than digits separates them. */
export function durations(text) {
    const parts = (text ?? "").split(/[^0-9.]+/).filter((part) => Number(part) > 0)
    const { length, usual } = DURATIONS
    return parts.length > 0 ? parts.slice(0, length).map((part) => whole(part, DURATIONS)) : usual
}

/** Returns the state that a text of the address names, with or without its `#`. */
export function parse(text) {
    const given = new URLSearchParams(text.replace(/^#/, ""))
    const state = { durations: durations(given.get("t")), order: given.get("o") === ORDERS[1] ? ORDERS[1] : ORDERS[0] }
    for (const setting of NUMBERS) state[setting.name] = whole(given.get(setting.letter), setting)
    return state
}

/** Returns the text of a state: the same for the same state. */
export function format(state) {
    const numbers = NUMBERS.map(({ letter, name }) => `${letter}=${state[name]}`)
    return [...numbers, `t=${state.durations.join(",")}`, `o=${state.order}`].join("&")
}

/** Returns what the engine needs to know. */
export function input(state) {
    const { durations, count, ...rest } = state
    return { ...rest, tasks: Array.from({ length: count }, (_, task) => durations[task % durations.length]), exit: EXIT }
}
