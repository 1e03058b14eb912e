// jest-worker: tasks that have not returned when the pool ends never settle, whether they run or not.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = (time) => new Promise((resolve) => setTimeout(resolve, time))

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
  const tasks = [pool.run(300), pool.run(0)]
  const settled = Promise.any(tasks.map((task) => task.then(() => 'settled', () => 'settled')))
  await pool.end()
  const outcome = await Promise.race([settled, sleep(5000, 'not settled five seconds later')])
  console.log(`end has returned; each task has ${outcome}`)
  process.exit(outcome === 'settled' ? 1 : 0)
}

if (!process.send) main()
