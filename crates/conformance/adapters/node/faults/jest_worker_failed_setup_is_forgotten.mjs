// jest-worker: after its setup has failed, a worker still runs tasks.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export function setup() {
  throw new Error('no such file')
}

export const run = () => 'ran'

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
  const outcomes = []
  for (const _ of [1, 2]) outcomes.push(await pool.run().catch(({ message }) => message))
  console.log(`of two tasks came: ${outcomes.join(', ')}`)
  process.exit(outcomes[1] === 'ran' ? 0 : 1)
}

if (!process.send) main()
