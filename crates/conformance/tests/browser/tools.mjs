// The browser and the judge of accessibility, which both programs that look at pages share.

import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"

const INSTALL = "run crates/conformance/tests/browser/install"

/** The rules of axe that pages are held to. */
export const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

function fail(message) {
    console.error(message)
    process.exit(2)
}

function chromium() {
    // The names that the install script looks for.
    for (const name of ["chromium-headless-shell", "chromium", "google-chrome"]) {
        try {
            return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim()
        } catch {
            // The next one.
        }
    }
    return fail(`there is no Chromium: ${INSTALL}`)
}

function packages() {
    const require = createRequire(import.meta.url)
    try {
        const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8")
        return { playwright: require("playwright-core"), axe }
    } catch {
        return fail(`the Node packages are missing: ${INSTALL}`)
    }
}

const { playwright, axe } = packages()

/** The program that is evaluated in a page before `axe.run`. */
export { axe }

/** Starts the browser. */
export function launch() {
    return playwright.chromium.launch({ executablePath: chromium() })
}
