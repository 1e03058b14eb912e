// jest-worker: a result that fails while it is encoded ends its worker, and the task fails without a
// reason.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = () => ({
  get secret() {
    throw new Error('this value is not to be encoded')
  },
})

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
  const outcome = await pool.run().then(() => 'returned', ({ message }) => message)
  console.log(`of a task whose result cannot be encoded came: ${outcome}`)
  process.exit(outcome.includes('child process exceptions') ? 0 : 1)
}

if (!process.send) main()
