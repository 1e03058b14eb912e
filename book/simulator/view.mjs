// The simulator's controls and what they show, in the page. Without this program, the page has a figure.
//
// Its page has all files of this folder in one module, because a page that is read from a folder of the disk
// cannot import others: so imports are before the anchor, and no two files use a name for different things.

import { atMoment, draw, moments } from "./drawing.mjs"
import { simulate } from "./engine.mjs"
import { python, rust } from "./programs.mjs"
import { DURATIONS, NUMBERS, ORDERS, format, input, parse } from "./state.mjs"

// ANCHOR: view
/** How long the time runs when it is played, in ms, however long the run is. */
const PLAYED = 6000

const still = matchMedia("(prefers-reduced-motion: reduce)")

/** Makes an element with attributes, properties and children. */
function make(name, settings = {}, ...children) {
    const element = document.createElement(name)
    for (const [key, value] of Object.entries(settings)) {
        if (key in element) element[key] = value
        else element.setAttribute(key, value)
    }
    element.append(...children)
    return element
}

function field(label, control) {
    return make("label", { className: "field" }, make("span", {}, label), control)
}

class Simulator {
    constructor(place) {
        this.controls = NUMBERS.map(({ letter, label, least, most }) => {
            const settings = { type: "number", name: letter, min: least, max: most, step: 1, inputMode: "numeric" }
            return [letter, label, make("input", settings)]
        })
        const { letter, length } = DURATIONS
        const tasks = `Durations, in ms (up to ${length}, repeated)`
        this.controls.push([letter, tasks, make("input", { type: "text", name: letter, autocomplete: "off" })])
        const options = ORDERS.map((order) => make("option", { value: order }, order))
        this.controls.push(["o", "Results by", make("select", { name: "o" }, ...options)])
        const fields = this.controls.map(([, label, control]) => field(label, control))
        this.form = make("form", { className: "settings", ariaLabel: "Settings" }, ...fields)
        this.said = make("p", { role: "status" })
        this.drawing = make("div", { className: "drawing" })
        this.time = make("input", { type: "range", min: 0, step: 1 })
        this.next = make("button", { type: "button" }, "Next event")
        this.play = make("button", { type: "button" }, "Play")
        this.moment = make("p", { className: "at" })
        this.results = make("ol", { className: "results", ariaLabel: "Results, as the program gets them" })
        this.open = make("button", { type: "button", ariaExpanded: "false" }, "Show the programs")
        this.programs = make("div", { hidden: true })
        this.reset = make("button", { type: "button" }, "Reset")
        const times = make("div", { className: "times" }, field("Time", this.time), this.next, this.play)
        const below = make("div", { className: "times" }, this.open, this.reset)
        place.replaceChildren(this.form, this.said, times, this.drawing, this.moment, this.results, below, this.programs)
        this.listen()
        this.show(parse(location.hash))
    }

    listen() {
        this.form.addEventListener("submit", (event) => event.preventDefault())
        this.form.addEventListener("input", () => this.change(this.read()))
        this.form.addEventListener("change", () => this.write())
        this.reset.addEventListener("click", () => this.change(parse(""), true))
        this.time.addEventListener("input", () => this.stop())
        this.next.addEventListener("click", () => this.step())
        this.play.addEventListener("click", () => (this.playing ? this.stop() : this.start()))
        this.open.addEventListener("click", () => {
            this.programs.hidden = !this.programs.hidden
            this.open.ariaExpanded = String(!this.programs.hidden)
            this.open.textContent = this.programs.hidden ? "Show the programs" : "Hide the programs"
        })
        addEventListener("hashchange", () => location.hash.includes("=") && this.show(parse(location.hash)))
        still.addEventListener("change", () => this.stop())
        new ResizeObserver(() => this.draw()).observe(this.drawing)
    }

    /** The state that the controls have. What is out of range is as near as it can be. */
    read() {
        return parse(this.controls.map(([letter, , { value }]) => `${letter}=${encodeURIComponent(value)}`).join("&"))
    }

    /** Sets the controls to the state. */
    write() {
        const texts = new URLSearchParams(format(this.state))
        for (const [letter, , control] of this.controls) control.value = texts.get(letter)
    }

    change(state, written = false) {
        history.replaceState(null, "", `#${format(state)}`)
        this.show(state, written)
    }

    show(state, written = true) {
        this.state = state
        if (written) this.write()
        this.run = simulate(input(state))
        this.stop(false)
        this.time.max = Math.round(this.run.end)
        this.time.value = this.time.max
        const { workers, results, error, end } = this.run
        const outcome = error === null ? "all results" : `${results.length} results, and an error at ${Math.round(error)} ms`
        const processes = workers.length === 1 ? "1 worker process" : `${workers.length} worker processes`
        const tasks = state.count === 1 ? "1 task" : `${state.count} tasks`
        const dies = state.deathAt === 0 || workers.some(({ reason }) => reason === "died")
        const none = dies ? "" : ` There is no worker 2 at ${state.deathAt} ms, so none dies.`
        this.said.textContent = `${tasks}, ${processes}, ${outcome}. The pool is gone after ${Math.round(end)} ms.${none}`
        this.programs.replaceChildren(...[["Rust", rust], ["Python", python]].flatMap((it) => program(...it, state)))
        this.draw()
    }

    draw() {
        const width = Math.max(280, Math.floor(this.drawing.clientWidth))
        const moment = Number(this.time.value)
        const last = moment >= Math.round(this.run.end)
        this.drawing.innerHTML = draw(this.run, width, last ? this.run.end : moment)
        this.time.setAttribute("aria-valuetext", `${moment} ms`)
        this.moment.textContent = last ? `At ${moment} ms: the pool is gone.` : atMoment(this.run, moment)
        const given = this.run.results.filter(({ at }) => at <= moment || last)
        const items = given.map(({ task, at }) => make("li", {}, make("b", {}, String(task)), ` at ${Math.round(at)} ms`))
        const { error } = this.run
        if (error !== null && error <= moment) items.push(make("li", { className: "error" }, `error at ${Math.round(error)} ms`))
        this.results.replaceChildren(...items)
        this.results.hidden = items.length === 0
    }

    step() {
        this.stop(false)
        const [now, all] = [Number(this.time.value), moments(this.run)]
        this.time.value = all.find((moment) => moment > now) ?? all[0]
        this.draw()
    }

    start() {
        const end = Number(this.time.max)
        const from = Number(this.time.value) < end ? Number(this.time.value) : 0
        const begin = performance.now() - (from / Math.max(end, 1)) * PLAYED
        this.play.textContent = "Pause"
        const frame = (now) => {
            this.time.value = Math.min(end, ((now - begin) / PLAYED) * end)
            if (Number(this.time.value) >= end) return this.stop()
            this.draw()
            this.playing = requestAnimationFrame(frame)
        }
        this.playing = requestAnimationFrame(frame)
    }

    stop(redraw = true) {
        cancelAnimationFrame(this.playing)
        this.playing = null
        this.play.textContent = "Play"
        this.play.hidden = still.matches
        if (redraw) this.draw()
    }
}

/** The elements that show a program. */
function program(language, write, state) {
    const text = write(state)
    const code = make("code", { className: `language-${language.toLowerCase()}`, tabIndex: 0 }, text)
    // mdBook has it; without colours, a program is a program, too.
    globalThis.hljs?.highlightBlock?.(code)
    const copy = make("button", { type: "button" }, `Copy the ${language} program`)
    copy.addEventListener("click", async () => {
        const copied = await navigator.clipboard.writeText(text).then(() => true, () => false)
        copy.textContent = copied ? "Copied" : "Not allowed here: select it"
    })
    return [make("h2", {}, language), make("pre", {}, code), copy]
}

const place = document.getElementById("simulator")
// The page for a printer has the figure.
if (place && !location.pathname.endsWith("/print.html")) new Simulator(place)
// ANCHOR_END: view
