// Uses the simulator's page in a headless Chromium, as a reader does, and says what is wrong.
//
// Reads one JSON object from standard input: the folder of the rendered book, the folder of the simulator, the
// states to look at, the views, the names of the ways to use the page, and the faults of others that are excused. Writes one JSON object to standard
// output: how much was looked at, and the faults.
//
// Exit code 2: there is no browser, or nothing could be read.

import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

import { LEVELS, axe, launch } from "../../conformance/tests/browser/tools.mjs"

/** The smallest text that a drawing may have, in pixels of the page. */
const SMALLEST = 11

const { folder, simulator, states, views, uses, excused } = JSON.parse(readFileSync(0, "utf8"))
const address = `${pathToFileURL(folder).href}/simulator.html`
const { python, rust } = await import(pathToFileURL(`${simulator}/programs.mjs`).href)
const { format, parse } = await import(pathToFileURL(`${simulator}/state.mjs`).href)
const faults = []
let looked = 0

/** Opens the page with a text behind its address, and closes it. */
async function open(browser, name, text, settings, use) {
    const say = (fault) => faults.push(`${name}: ${fault}`)
    const { theme = "light", ...rest } = settings
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...rest })
    const page = await context.newPage()
    await page.addInitScript((theme) => localStorage.setItem("mdbook-theme", theme), theme)
    page.on("console", (message) => say(`console: ${message.text()}`))
    page.on("pageerror", (error) => say(`script: ${error.message}`))
    page.on("request", (request) => request.url().startsWith("file:") || say(`request: ${request.url()}`))
    const expect = (what, is, should) => {
        looked += 1
        const [was, wanted] = [JSON.stringify(is), JSON.stringify(should)]
        if (was !== wanted) say(`${what}: ${was} and not ${wanted}`)
    }
    try {
        await page.goto(address + text)
        await use(page, expect, say)
    } catch (error) {
        say(error.message.split("\n")[0])
    }
    await context.close()
}

const fragment = (page) => page.evaluate(() => location.hash.slice(1))
const control = (page, letter) => page.locator(`#simulator [name=${letter}]`)
const button = (page, name) => page.getByRole("button", { name, exact: true })
const values = async (page) => {
    const letters = ["w", "n", "s", "i", "c", "d", "t", "o"]
    const pairs = letters.map(async (letter) => `${letter}=${await control(page, letter).inputValue()}`)
    return (await Promise.all(pairs)).join("&")
}

/** Runs in the page: what is cut off or too small. */
function measure(smallest) {
    const found = []
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} wide in ${clientWidth}`)
    const drawing = document.querySelector("#simulator svg")
    const frame = drawing.getBoundingClientRect()
    const scale = frame.width / drawing.viewBox.baseVal.width
    for (const text of drawing.querySelectorAll("text")) {
        const size = parseFloat(getComputedStyle(text).fontSize) * scale
        if (size < smallest) found.push(`${size.toFixed(1)} px: ${text.textContent}`)
        const { left, right } = text.getBoundingClientRect()
        if (left < frame.left - 1 || right > frame.right + 1) found.push(`cut off: ${text.textContent}`)
    }
    return found
}

async function isReadable(page, expect, say) {
    await button(page, "Show the programs").click()
    expect("what is cut off", await page.evaluate(measure, SMALLEST), [])
    await page.evaluate(axe)
    const found = await page.evaluate((levels) => axe.run({ runOnly: levels, preload: false }), LEVELS)
    expect("axe has looked", found.passes.length > 0, true)
    const isExcused = (rule, target) => excused.some((it) => it.rule === rule && it.target === target)
    for (const { id, nodes } of found.violations) {
        const targets = nodes.map((node) => node.target.join(" ")).filter((target) => !isExcused(id, target))
        for (const target of targets) say(`axe: ${id} (${target})`)
    }
}

/** Everything by keyboard, from the first control on. */
async function isOperable(page, expect) {
    const here = () => page.evaluate(() => document.activeElement.name || document.activeElement.textContent)
    await control(page, "w").focus()
    await page.keyboard.press("ArrowUp")
    expect("an arrow in a number", await control(page, "w").inputValue(), "3")
    for (const expected of ["n", "s", "i", "c", "d", "t", "o"]) {
        await page.keyboard.press("Tab")
        expect("the next control", await here(), expected)
    }
    await page.keyboard.press("ArrowDown")
    const state = "w=3&n=10&s=5&i=60&c=0&d=0&t=180,40,120,60&o=as_completed"
    expect("the address", await fragment(page), state)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Home")
    expect("the time", await page.locator("#simulator .at").textContent(),
        "At 0 ms: worker 1 is starting, worker 2 is starting, worker 3 is starting.")
    await page.keyboard.press("ArrowRight")
    expect("the arrow of another chapter", await page.evaluate(() => location.pathname.split("/").pop()), "simulator.html")
    expect("the time", await page.locator("#simulator input[type=range]").inputValue(), "1")
    await page.keyboard.press("Tab")
    expect("the next control", await here(), "Next event")
    await page.keyboard.press("Enter")
    expect("the next event", await page.locator("#simulator .at").textContent(),
        "At 5 ms: worker 1 runs the initializer, worker 2 runs the initializer, worker 3 runs the initializer.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    expect("the next control", await here(), "Show the programs")
    await page.keyboard.press("Space")
    const shown = await page.locator("#simulator pre code").allTextContents()
    expect("the programs", shown, [rust(parse(state)), python(parse(state))])
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    expect("the state after a reset", await values(page), format(parse("")))
}

/** The address is the state, whatever is in it. */
async function isShared(page, expect) {
    const state = "w=8&n=1&s=5&i=60&c=0&d=0&t=5,2000&o=as_completed"
    expect("the controls", await values(page), state)
    await control(page, "n").fill("999")
    await control(page, "n").blur()
    expect("too many tasks", [await control(page, "n").inputValue(), await fragment(page)],
        ["30", state.replace("n=1&", "n=30&")])
    await page.evaluate(() => new Promise((resolve) => {
        addEventListener("hashchange", resolve, { once: true })
        location.hash = "what-to-look-for"
    }))
    expect("a heading is no state", await control(page, "n").inputValue(), "30")
    const link = page.locator("main a[href*='i=500']")
    await link.click()
    await page.waitForFunction(() => document.querySelector("#simulator [name=i]").value === "500")
    expect("a link to a state", `#${await values(page)}`, await link.getAttribute("href"))
    const said = await page.evaluate(() => document.querySelector("#simulator [role=status]").textContent)
    expect("the outcome", said.startsWith("12 tasks, 4 worker processes, all results."), true)
}

async function isCopied(page, expect) {
    await button(page, "Show the programs").click()
    await button(page, "Copy the Python program").click()
    await page.waitForFunction(() => [...document.querySelectorAll("#simulator button")].some((it) => it.textContent === "Copied"))
    expect("the clipboard", await page.evaluate(() => navigator.clipboard.readText()), python(parse("")))
}

async function moves(page, expect) {
    await button(page, "Play").click()
    await page.waitForFunction(() => {
        const { value, max } = document.querySelector("#simulator input[type=range]")
        return Number(value) > 0 && Number(value) < Number(max)
    })
    await button(page, "Pause").click()
    expect("after a pause", await button(page, "Play").count(), 1)
}

async function stays(page, expect) {
    expect("a button that moves things", await button(page, "Play").count(), 0)
    await button(page, "Next event").click()
    expect("the first event", await page.locator("#simulator input[type=range]").inputValue(), "0")
}

async function isStatic(page, expect) {
    expect("the figure", await page.locator("#simulator svg[role=img]").isVisible(), true)
    expect("controls without a script", await page.locator("#simulator :is(input, button)").count(), 0)
}

/** The ways to use the page: the text behind its address, the settings of the browser, the steps. */
const USES = {
    keyboard: ["", {}, isOperable],
    address: ["#w=99&n=0&s=&i=x&t=1,9999&o=as_completed&%zz", {}, isShared],
    copy: ["", { permissions: ["clipboard-read", "clipboard-write"] }, isCopied],
    play: ["", {}, moves],
    "reduced motion": ["", { reducedMotion: "reduce" }, stays],
    "no script": ["", { javaScriptEnabled: false }, isStatic],
}

const browser = await launch()
try {
    for (const state of states) {
        for (const { width, theme } of views) {
            const viewport = { width, height: 800 }
            await open(browser, `${width} ${theme} ${state}`, `#${state}`, { viewport, theme }, isReadable)
        }
    }
    for (const name of uses) await open(browser, name, ...USES[name])
} finally {
    await browser.close()
}
console.log(JSON.stringify({ looked, faults }))
