// Watches how a served page follows its file, in a headless Chromium.
//
// Reads one JSON object from standard input: the page's address, its file, two texts for the file, one that is
// no results and one with new ones, a text that only the new page has, and the process of the server.
// Writes one JSON object to standard output: the faults, none if all is well.
//
// Exit code 2: there is no browser, or nothing could be read.

import { readFileSync, writeFileSync } from "node:fs"

import { LEVELS, axe, launch } from "./tools.mjs"

const { address, file, broken, newer, shows, process: server, patience } = JSON.parse(readFileSync(0, "utf8"))
const older = readFileSync(file, "utf8")
const faults = []
const browser = await launch()
try {
    const page = await browser.newPage()
    page.setDefaultTimeout(patience)
    page.on("pageerror", (error) => faults.push(`script: ${error.message}`))
    page.on("console", (message) => faults.push(`console: ${message.text()}`))
    const step = async (name, look) => {
        try {
            const fault = await look()
            if (fault) faults.push(`${name}: ${fault}`)
        } catch (error) {
            faults.push(`${name}: ${error.message.split("\n")[0]}`)
        }
    }
    const has = (text) => page.waitForFunction((text) => document.body.textContent.includes(text), text)
    const notices = (text) =>
        page.waitForFunction((text) => {
            const notice = document.getElementById("notice").textContent
            return text === "" ? notice === "" : notice.includes(text)
        }, text)

    await page.goto(address)
    await step("broken", async () => {
        writeFileSync(file, broken)
        await notices("is no file of results")
        return (await page.locator("tr[data-row]").count()) > 0 ? null : "the matrix is gone"
    })
    await step("axe", async () => {
        await page.evaluate(axe)
        const found = await page.evaluate((levels) => axe.run({ runOnly: levels }), LEVELS)
        return found.violations.map((it) => it.id).join()
    })
    await step("newer", async () => {
        writeFileSync(file, newer)
        await has(shows)
        await notices("")
    })
    // Details that are being read stay until they are closed.
    await step("dialog", async () => {
        writeFileSync(file, broken)
        await notices("is no file of results")
        await page.locator("table.cases button").first().click()
        // The event that clears the notice names the new page.
        writeFileSync(file, older)
        await notices("")
        if (!(await page.locator("dialog#detail").isVisible())) return "it was closed"
        const loaded = page.waitForEvent("load")
        await page.keyboard.press("Escape")
        await loaded
        return (await page.locator("body").textContent()).includes(shows) ? "the page is the old one" : null
    })
    await step("end", async () => {
        // The browser's own message about a lost connection is no fault of the page.
        page.removeAllListeners("console")
        process.kill(server, "SIGTERM")
        await notices("The server does not answer.")
    })
} finally {
    await browser.close()
}
console.log(JSON.stringify(faults))
