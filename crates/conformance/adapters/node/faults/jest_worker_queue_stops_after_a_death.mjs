// jest-worker: when a worker is killed, the next pending task is given to it and lost.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = (signal) => signal && process.kill(process.pid, signal)

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
  const first = pool.run('SIGKILL').catch(({ message }) => message)
  const second = pool.run().then(() => 'settled', () => 'settled')
  console.log(`the first task: ${await first}`)
  const outcome = await Promise.race([second, sleep(5000, 'not settled five seconds later')])
  console.log(`the second has ${outcome}`)
  process.exit(outcome === 'settled' ? 1 : 0)
}

if (!process.send) main()
