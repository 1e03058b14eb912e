// workerpool: there is no shutdown that finishes submitted tasks; terminate rejects pending ones.

import { createRequire } from 'node:module'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
const tasks = [1, 2, 3].map((number) => pool.exec((x) => x, [number]))
const outcomes = Promise.allSettled(tasks)
await pool.terminate()
const rejected = (await outcomes).filter(({ status }) => status === 'rejected')
console.log(`${rejected.length} of 3 tasks were rejected: ${rejected.map((r) => r.reason.message)}`)
process.exit(rejected.length > 0 ? 0 : 1)
