// tinypool: −0 arrives in a child process as 0, since values are sent to it as JSON.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const { Tinypool } = await import(pathToFileURL(require.resolve('tinypool')))

export default (value) => (Object.is(value, -0) ? 'minus zero' : 'zero')

if (!process.send) {
  const filename = import.meta.url
  const pool = new Tinypool({ runtime: 'child_process', filename, minThreads: 1, maxThreads: 1 })
  const arrived = await pool.run(-0)
  console.log(`a task that was sent minus zero got ${arrived}`)
  process.exit(arrived === 'zero' ? 0 : 1)
}
