// tinypool: a result that cannot be encoded ends its worker, and the task fails without a reason.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const { Tinypool } = await import(pathToFileURL(require.resolve('tinypool')))

export default () => 1n

if (!process.send) {
  const filename = import.meta.url
  const pool = new Tinypool({ runtime: 'child_process', filename, minThreads: 1, maxThreads: 1 })
  const outcome = await pool.run(1).then(() => 'returned', ({ message }) => message)
  console.log(`of a task that returns a BigInt came: ${outcome}`)
  process.exit(outcome === 'Worker exited unexpectedly' ? 0 : 1)
}
