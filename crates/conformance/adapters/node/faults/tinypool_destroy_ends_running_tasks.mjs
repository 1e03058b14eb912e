// tinypool: there is no shutdown that finishes submitted tasks; destroy ends even running ones.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const { Tinypool } = await import(pathToFileURL(require.resolve('tinypool')))

export default (time) => new Promise((resolve) => setTimeout(resolve, time))

if (!process.send) {
  const filename = import.meta.url
  const pool = new Tinypool({ runtime: 'child_process', filename, minThreads: 1, maxThreads: 1 })
  await pool.run(0)
  const tasks = Promise.allSettled([pool.run(300), pool.run(0)])
  await pool.destroy()
  const reasons = (await tasks).map(({ reason }) => reason?.message ?? 'returned')
  console.log(`of a running task and one that waited came: ${reasons.join(', ')}`)
  process.exit(reasons.includes('returned') ? 1 : 0)
}
