// workerpool: an argument that cannot be encoded throws an error that cannot be caught if its worker is not
// ready yet, which is so at first for every worker with a script of its own: the program ends, with all its
// tasks.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const workerpool = require('workerpool')

if (process.send) {
  workerpool.worker({ echo: (value) => value })
} else {
  process.on('uncaughtException', (error) => {
    console.log(`thrown where nobody can catch it: ${error.message}`)
    process.exit(0)
  })
  const script = fileURLToPath(import.meta.url)
  const pool = workerpool.pool(script, { workerType: 'process', maxWorkers: 1 })
  setTimeout(() => process.exit(1), 20_000)
  await pool.exec('echo', [1n]).catch((error) => console.log(`the task failed: ${error.message}`))
  process.exit(1)
}
