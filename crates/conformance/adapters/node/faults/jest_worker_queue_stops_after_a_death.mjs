// jest-worker: when a worker is killed, or exits with code 0, the next pending task is given to it and lost.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = (end) => (end === 'exit' ? process.exit(0) : end && process.kill(process.pid, end))

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const outcomes = ['SIGKILL', 'exit'].map(async (end) => {
    const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
    const first = pool.run(end).catch(({ message }) => message)
    const second = pool.run().then(() => 'settled', () => 'settled')
    console.log(`the first task: ${await first}`)
    return Promise.race([second, sleep(5000, 'not settled five seconds later')])
  })
  const settled = await Promise.all(outcomes)
  console.log(`the second has ${settled.join(', and ')}`)
  process.exit(settled.includes('settled') ? 1 : 0)
}

if (!process.send) main()
