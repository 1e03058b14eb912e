// workerpool: an idle worker that dies stays in the pool, and the next task is given to it and lost.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
const pid = await pool.exec(() => process.pid)
process.kill(pid, 'SIGKILL')
await sleep(1000)
let outcome
try {
  outcome = `ran in ${await pool.exec(() => process.pid)}`
} catch (error) {
  outcome = `was lost: ${error.message}`
}
console.log(`a second after the death of the idle worker ${pid}, a task ${outcome}`)
process.exit(outcome.startsWith('was lost') ? 0 : 1)
