// Opens the pages of a rendered book in a headless Chromium and says what is wrong with them.
//
// Reads one JSON object from standard input: the folder, the pages, the views to look at them in, and the
// faults of others that are excused. Writes one JSON object to standard output: how many pages were seen,
// and the faults, none if all is well. An excused fault that no page shows is a fault.
//
// Exit code 2: there is no browser, or nothing could be read.

import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

import { LEVELS, axe, launch } from "../../conformance/tests/browser/tools.mjs"

/** The smallest text that a drawing may have, in pixels of the page. */
const SMALLEST = 11

const { folder, pages, views, excused } = JSON.parse(readFileSync(0, "utf8"))
const below = `${pathToFileURL(folder).href}/`
const used = new Set()
const faults = []
let looked = 0

/** Runs in the page: what is cut off or too small. */
function measure({ width, theme, smallest }) {
    const faults = []
    const colour = getComputedStyle(document.body).backgroundColor
    const ground = /^rgba.*, 0\)$/.test(colour) ? getComputedStyle(document.documentElement).backgroundColor : colour
    const bright = ground.match(/\d+/g).slice(0, 3).every((part) => Number(part) > 128)
    if (bright !== /light|rust/.test(theme)) faults.push(`the background is ${ground}`)
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth > clientWidth) faults.push(`the page is ${scrollWidth} wide in ${clientWidth}`)
    for (const code of document.querySelectorAll("pre > code")) {
        if (width >= 1280 && code.scrollWidth > code.clientWidth) {
            faults.push(`a listing is cut off: ${code.textContent.trim().split("\n")[0]}`)
        }
    }
    for (const drawing of document.querySelectorAll("main svg[role=img]")) {
        const scale = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width
        const sizes = [...drawing.querySelectorAll("text")].map((it) => parseFloat(getComputedStyle(it).fontSize))
        const size = Math.min(...sizes) * scale
        if (size < smallest) {
            const name = drawing.getAttribute("aria-label").slice(0, 40)
            faults.push(`text of ${size.toFixed(1)} px in a drawing: ${name}`)
        }
    }
    return faults
}

async function look(browser, name, { width, theme }) {
    const say = (fault) => faults.push(`${name} ${width} ${theme}: ${fault}`)
    const context = await browser.newContext({ viewport: { width, height: 800 } })
    const page = await context.newPage()
    await page.addInitScript((theme) => localStorage.setItem("mdbook-theme", theme), theme)
    page.on("console", (message) => say(`console: ${message.text()}`))
    page.on("pageerror", (error) => say(`script: ${error.message}`))
    await context.route(/./, (route) => {
        const url = route.request().url()
        if (url.startsWith(below)) return route.continue()
        say(`request: ${url}`)
        return route.abort()
    })
    await page.goto(below + name)
    for (const fault of await page.evaluate(measure, { width, theme, smallest: SMALLEST })) say(fault)
    await page.evaluate(axe)
    const found = await page.evaluate((levels) => axe.run({ runOnly: levels, preload: false }), LEVELS)
    if (found.passes.length === 0) say("axe has looked at nothing")
    for (const { id, nodes } of found.violations) {
        for (const target of nodes.map((node) => node.target.join(" "))) {
            const excuse = excused.findIndex((it) => it.rule === id && it.target === target)
            if (excuse >= 0) used.add(excuse)
            else say(`axe: ${id} (${target})`)
        }
    }
    looked += 1
    await context.close()
}

const browser = await launch()
try {
    for (const name of pages) {
        for (const view of views) await look(browser, name, view)
    }
} finally {
    await browser.close()
}
excused.forEach(({ rule, target }, index) => {
    if (!used.has(index)) faults.push(`no page shows ${rule} at ${target} any more: excuse it no longer`)
})
console.log(JSON.stringify({ looked, faults }))
