// workerpool: a worker is busy forever after an argument that cannot be encoded; terminate waits for it.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
await pool.exec((x) => x, [1])
try {
  await pool.exec((x) => x, [1n])
} catch (error) {
  console.log(`the task has failed: ${error.message}`)
}
console.log(`${pool.stats().busyWorkers} of 1 workers is busy`)
const next = pool.exec((x) => x, [2]).then(() => 'returned')
const outcome = await Promise.race([next, sleep(5000, 'not returned five seconds later')])
console.log(`the next task has ${outcome}`)
process.exit(outcome === 'returned' ? 1 : 0)
