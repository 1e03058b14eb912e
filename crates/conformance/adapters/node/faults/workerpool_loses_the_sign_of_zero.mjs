// workerpool: −0 arrives in a child process as 0, since values are sent to it as JSON.

import { createRequire } from 'node:module'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

const pool = workerpool.pool({ workerType: 'process', maxWorkers: 1 })
const arrived = await pool.exec((value) => (Object.is(value, -0) ? 'minus zero' : 'zero'), [-0])
console.log(`a task that was sent minus zero got ${arrived}`)
process.exit(arrived === 'zero' ? 0 : 1)
