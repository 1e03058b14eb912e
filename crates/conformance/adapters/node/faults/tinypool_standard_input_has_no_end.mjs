// tinypool: a task that reads its standard input waits forever.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))
const { Tinypool } = await import(pathToFileURL(require.resolve('tinypool')))

export default () => readFileSync(0).length

if (!process.send) {
  const filename = import.meta.url
  const pool = new Tinypool({ runtime: 'child_process', filename, minThreads: 1, maxThreads: 1 })
  const task = pool.run(1).then(() => 'returned')
  const outcome = await Promise.race([task, sleep(5000, 'not returned within five seconds')])
  console.log(`a task that reads its standard input has ${outcome}`)
  for (const worker of pool.threads) process.kill(worker.threadId, 'SIGKILL')
  process.exit(outcome === 'returned' ? 1 : 0)
}
