// workerpool: terminate never settles when a worker dies in the task that terminate waits for.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
const task = pool.exec(() => new Promise(() => setTimeout(() => process.exit(1), 300)))
const failed = task.then(() => 'returned', () => 'failed')
const ended = pool.terminate().then(() => 'settled')
console.log(`the task whose worker exits has ${await failed}`)
const outcome = await Promise.race([ended, sleep(5000, 'not settled five seconds later')])
console.log(`terminate has ${outcome}`)
process.exit(outcome === 'settled' ? 1 : 0)
