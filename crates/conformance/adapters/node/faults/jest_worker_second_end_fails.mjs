// jest-worker: a pool that has ended cannot be ended again.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = () => null

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
  await pool.run()
  await pool.end()
  const outcome = await pool.end().then(() => 'returned', ({ message }) => `failed: ${message}`)
  console.log(`the second end has ${outcome}`)
  process.exit(outcome === 'returned' ? 1 : 0)
}

if (!process.send) main()
