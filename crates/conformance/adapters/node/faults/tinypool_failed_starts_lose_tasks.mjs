// tinypool: a task never settles if the worker that starts for it exits before it is ready.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const { Tinypool } = await import(pathToFileURL(require.resolve('tinypool')))

export default () => null

// The initialization of each worker.
if (process.send) process.exit(3)

if (!process.send) {
  const filename = import.meta.url
  const pool = new Tinypool({ runtime: 'child_process', filename, minThreads: 1, maxThreads: 1 })
  pool.on('error', (error) => console.log(`the pool: ${error.message}`))
  const first = await pool.run(1).catch(({ message }) => message)
  console.log(`of the first task came: ${first}`)
  const second = pool.run(2).then(() => 'settled', () => 'settled')
  const outcome = await Promise.race([second, sleep(5000, 'not settled five seconds later')])
  console.log(`the second has ${outcome}`)
  process.exit(outcome === 'settled' ? 1 : 0)
}
