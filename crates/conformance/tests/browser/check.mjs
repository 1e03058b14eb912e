// Opens pages in a headless Chromium and says what is wrong with them.
//
// Reads one JSON object from standard input: the pages, in which views, and what one of their cells has to
// show. Writes one JSON object to standard output: for each page the views that were looked at, and the
// faults, none if all is well. Judges nothing else: whether a fault is expected is up to the caller.
//
// Exit code 2: there is no browser, or nothing could be read.

import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

import { LEVELS, axe, launch } from "./tools.mjs"

/** Looks at a page in one view, and returns the faults. */
async function look(browser, wanted, { width, scheme }) {
    const faults = []
    const address = pathToFileURL(wanted.file).href
    const context = await browser.newContext({ viewport: { width, height: 700 }, colorScheme: scheme })
    const page = await context.newPage()
    page.setDefaultTimeout(wanted.patience)
    page.on("console", (message) => faults.push(`console: ${message.text()}`))
    page.on("pageerror", (error) => faults.push(`script: ${error.message}`))
    // Nothing leaves this machine, and everything that would have is a fault.
    await context.route(/./, (route) => {
        const url = route.request().url()
        if (url === address) return route.continue()
        faults.push(`request: ${url}`)
        return route.abort()
    })
    const step = async (name, look) => {
        try {
            const fault = await look()
            if (fault) faults.push(`${name}: ${fault}`)
        } catch (error) {
            faults.push(`${name}: ${error.message.split("\n")[0]}`)
        }
    }
    const expect = (is, should) =>
        is === should ? null : `${JSON.stringify(is)} and not ${JSON.stringify(should)}`
    const accessible = async () => {
        if (!wanted.axe) return null
        await page.evaluate(axe)
        const found = await page.evaluate((levels) => axe.run({ runOnly: levels }), LEVELS)
        if (found.passes.length === 0) return "axe has looked at nothing"
        return found.violations
            .map((it) => `${it.id} (${it.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ")})`)
            .join("; ")
    }
    const dialog = page.locator("dialog#detail")
    const button = page.locator(`tr[data-row="${wanted.row}"] button[data-column="${wanted.column}"]`)
    const focused = () => button.evaluate((it) => it === document.activeElement)

    await page.goto(address)
    await step("axe", accessible)
    await step("hacked", () => page.evaluate(() => (window.hacked ? "a text has run as a script" : null)))
    await step("width", () =>
        page.evaluate(() => {
            const { scrollWidth, clientWidth } = document.documentElement
            return scrollWidth > clientWidth ? `the page is ${scrollWidth} wide in ${clientWidth}` : null
        }))
    await step("scheme", async () => {
        const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
        const bright = colour.match(/\d+/g).slice(0, 3).every((part) => Number(part) > 128)
        return expect(bright, scheme === "light")
    })

    // The heads stay where they are while the matrix is scrolled.
    await step("sticky", () =>
        page.evaluate(() => {
            const box = document.querySelector(".tall")
            if (box.scrollHeight <= box.clientHeight || box.scrollWidth <= box.clientWidth) {
                return "the matrix is too small to be scrolled"
            }
            box.scrollTo(box.scrollWidth, box.scrollHeight)
            const outer = box.getBoundingClientRect()
            const heads = box.querySelector("thead th:last-child").getBoundingClientRect()
            const names = box.querySelector("tbody:last-of-type tr:last-child th").getBoundingClientRect()
            box.scrollTo(0, 0)
            const near = (a, b) => Math.abs(a - b) < 4
            if (!near(heads.top, outer.top)) return "the heads of the columns have scrolled away"
            return near(names.left, outer.left) ? null : "the names of the cases have scrolled away"
        }))

    // A cell opens its details, and Escape closes them.
    await step("click", async () => {
        await button.click()
        await dialog.waitFor({ state: "visible" })
    })
    for (const [part, text] of Object.entries(wanted.shows)) {
        await step(part, async () => {
            const shown = dialog.locator(`[data-is="${part}"]`)
            return expect((await shown.isVisible()) ? await shown.textContent() : "(hidden)", text)
        })
    }
    await step("axe of the dialog", accessible)
    await step("escape", async () => {
        await page.keyboard.press("Escape")
        return (await dialog.isVisible()) ? "the dialog is still open" : null
    })
    await step("focus", async () => expect(await focused(), true))
    await dialog.evaluate((it) => it.close())

    // The same by keyboard: the tab key comes to every cell in turn.
    await step("tab", async () => {
        await page.locator("#verdict").focus()
        const first = page.locator("table.cases button").first()
        for (let presses = 0; presses < 40; presses++) {
            await page.keyboard.press("Tab")
            if (await first.evaluate((it) => it === document.activeElement)) return null
        }
        return "it does not come to the first cell"
    })
    await step("arrow keys", async () => {
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowRight")
        const place = await page.evaluate(() => {
            const { activeElement: it } = document
            return [it.closest("tr")?.dataset.row, it.dataset.column].join()
        })
        return expect(place, "1,1")
    })
    await step("enter", async () => {
        await button.focus()
        await page.keyboard.press("Enter")
        await dialog.waitFor({ state: "visible" })
        await page.locator("#close").press("Enter")
        await dialog.waitFor({ state: "hidden" })
    })

    // Filters.
    const shown = () => page.locator("tr[data-row]:visible").count()
    await step("filter by verdict", async () => {
        await page.locator("#verdict").selectOption("failed")
        return expect(await shown(), wanted.failed)
    })
    await step("filter by text", async () => {
        await page.locator("#verdict").selectOption("")
        await page.locator("#text").fill(wanted.text.toUpperCase())
        return expect(await shown(), 1)
    })
    await step("number of cases", async () =>
        expect(await page.locator("#found").textContent(), `1 of ${wanted.rows} cases`))
    await step("no filter", async () => {
        await page.locator("#text").fill("")
        return expect(await shown(), wanted.rows)
    })
    await context.close()
    return faults.map((fault) => `${width} ${scheme}: ${fault}`)
}

const { pages } = JSON.parse(readFileSync(0, "utf8"))
const browser = await launch()
const looked = []
try {
    for (const wanted of pages) {
        const faults = []
        for (const view of wanted.views) faults.push(...(await look(browser, wanted, view)))
        looked.push({ file: wanted.file, views: wanted.views.length, faults })
    }
} finally {
    await browser.close()
}
console.log(JSON.stringify({ looked }))
