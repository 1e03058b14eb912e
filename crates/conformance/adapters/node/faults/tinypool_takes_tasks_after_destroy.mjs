// tinypool: a pool that was destroyed accepts tasks, and starts new workers for them.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const { Tinypool } = await import(pathToFileURL(require.resolve('tinypool')))

export default (value) => value

if (!process.send) {
  const filename = import.meta.url
  const pool = new Tinypool({ runtime: 'child_process', filename, minThreads: 1, maxThreads: 1 })
  await pool.run(1)
  await pool.destroy()
  const outcome = await pool.run(2).then(() => 'returned', ({ message }) => `failed: ${message}`)
  console.log(`a task that was submitted after destroy has ${outcome}`)
  process.exit(outcome === 'returned' ? 0 : 1)
}
