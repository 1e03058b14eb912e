// workerpool: idle workers keep their program alive; it ends only after terminate.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

if (process.argv[2] === 'program') {
  const pool = require('workerpool').pool({ workerType: 'process', maxWorkers: 1 })
  console.log(await pool.exec((x) => x, ['the only task is done']))
} else if (!process.send) {
  const options = { stdio: ['ignore', 'pipe', 'inherit'], detached: true }
  const program = spawn(process.execPath, [process.argv[1], 'program'], options)
  const exit = once(program, 'exit').then(() => 'ended')
  const [text] = await once(program.stdout, 'data')
  console.log(String(text).trim())
  const outcome = await Promise.race([exit, sleep(5000, 'not ended five seconds later')])
  console.log(`the program has ${outcome}`)
  if (outcome !== 'ended') process.kill(-program.pid, 'SIGKILL')
  process.exit(outcome === 'ended' ? 1 : 0)
}
