// workerpool: a pool that was terminated accepts tasks, and starts new workers for them.

import { createRequire } from 'node:module'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
await pool.exec((x) => x, [1])
await pool.terminate()
let outcome
try {
  outcome = `returned ${await pool.exec((x) => x, [2])}`
} catch (error) {
  outcome = `was rejected: ${error.message}`
}
console.log(`a task that was submitted after terminate ${outcome}`)
console.log(`the terminated pool has ${pool.stats().totalWorkers} worker`)
process.exit(outcome.startsWith('returned') ? 0 : 1)
