// jest-worker: an argument that cannot be encoded throws an error that cannot be caught if it had to wait for
// a worker: the program ends, with all its tasks.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = (value) => value

// Workers load this file, which they could not if it waited at its top.
async function main() {
  const { Worker } = require('jest-worker')
  const path = fileURLToPath(import.meta.url)
  const pool = new Worker(path, { numWorkers: 1, maxRetries: 0, exposedMethods: ['run'] })
  process.on('uncaughtException', (error) => {
    console.log(`thrown where nobody can catch it: ${error.message}`)
    process.exit(0)
  })
  setTimeout(() => process.exit(1), 20_000)
  await Promise.allSettled([pool.run(1), pool.run(() => {})])
  console.log('both tasks were settled')
  process.exit(1)
}

if (!process.send) main()
