// Says whether a JSON file is valid against a JSON Schema: `validate.mjs SCHEMA FILE`.
//
// Exit code 0: it is. 1: it is not, and standard error says why. 2: the schema itself is wrong, or nothing could
// be read.

import { readFileSync } from "node:fs"

try {
    const { Ajv2020 } = await import("ajv/dist/2020.js")
    const [schema, file] = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, "utf8")))
    // The formats that schemars gives to numbers are notes for readers.
    const ajv = new Ajv2020({ allErrors: true, validateFormats: false })
    if (!ajv.validate(schema, file)) {
        console.error(ajv.errorsText())
        process.exitCode = 1
    }
} catch (error) {
    console.error(`${error.message}; crates/conformance/tests/browser/install has the packages`)
    process.exitCode = 2
}
