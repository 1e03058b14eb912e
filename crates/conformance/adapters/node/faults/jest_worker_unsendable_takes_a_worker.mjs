// jest-worker: a worker gets no more tasks after one whose argument cannot be encoded.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = (value) => value

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
  const first = await pool.run(() => {}).catch(({ message }) => message)
  console.log(`of the first task came: ${first}`)
  const second = pool.run(2).then(() => 'returned')
  const outcome = await Promise.race([second, sleep(5000, 'not returned five seconds later')])
  console.log(`the second has ${outcome}`)
  process.exit(outcome === 'returned' ? 1 : 0)
}

if (!process.send) main()
