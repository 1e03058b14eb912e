// tinypool: tasks behind one whose argument cannot be encoded never run.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const { Tinypool } = await import(pathToFileURL(require.resolve('tinypool')))

export default (value) => value

if (!process.send) {
  const filename = import.meta.url
  const pool = new Tinypool({ runtime: 'child_process', filename, minThreads: 1, maxThreads: 1 })
  const first = pool.run(1)
  const bad = pool.run(() => {}).catch(({ message }) => message)
  const last = pool.run(3).then(() => 'returned')
  console.log(`the first task has returned ${await first}; of the second came: ${await bad}`)
  const outcome = await Promise.race([last, sleep(5000, 'not returned five seconds later')])
  console.log(`the third has ${outcome}`)
  process.exit(outcome === 'returned' ? 1 : 0)
}
