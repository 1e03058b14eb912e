// workerpool: of two calls of terminate while a task runs, only the second ever settles.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
pool.exec(() => new Promise((resolve) => setTimeout(resolve, 300))).catch(() => {})
const first = pool.terminate().then(() => 'settled')
await pool.terminate()
console.log('the second terminate has settled')
const outcome = await Promise.race([first, sleep(5000, 'not settled five seconds later')])
console.log(`the first has ${outcome}`)
process.exit(outcome === 'settled' ? 1 : 0)
