// workerpool: tasks that are pending when the worker of the one before them dies never run.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
const died = pool.exec(() => process.exit(1))
const next = pool.exec((x) => x, [2])
await died.catch((error) => console.log(`the first task: ${error.message.split('\n')[0]}`))
const settled = next.then(() => 'settled', () => 'settled')
const outcome = await Promise.race([settled, sleep(5000, 'not settled five seconds later')])
console.log(`the second task has ${outcome}`)
process.exit(outcome === 'settled' ? 1 : 0)
