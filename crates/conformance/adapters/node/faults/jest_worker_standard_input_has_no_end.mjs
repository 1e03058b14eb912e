// jest-worker: a task that reads its standard input waits forever.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = () => readFileSync(0).length

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
  const outcome = await Promise.race([
    pool.run().then(() => 'returned'),
    sleep(5000, 'not returned within five seconds'),
  ])
  console.log(`a task that reads its standard input has ${outcome}`)
  await pool.end()
  process.exit(outcome === 'returned' ? 1 : 0)
}

if (!process.send) main()
