// workerpool: a task that exceeds its time limit is never ended if its worker ignores SIGTERM.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
const pid = await pool.exec(() => process.pid)
const task = () => {
  process.on('SIGTERM', () => {})
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
await pool.exec(task).timeout(300).catch((error) => console.log(`the task: ${error.message}`))
const next = pool.exec((x) => x, [2]).then(() => 'returned')
const outcome = await Promise.race([next, sleep(8000, 'not returned eight seconds later')])
console.log(`the next task has ${outcome}`)
process.kill(pid, 'SIGKILL')
process.exit(outcome === 'returned' ? 1 : 0)
