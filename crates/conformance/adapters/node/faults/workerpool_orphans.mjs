// workerpool: a worker that computes outlives a program that is killed, until its task is done.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

if (process.argv[2] === 'program') {
  const pool = require('workerpool').pool({ workerType: 'process', maxWorkers: 1 })
  const pid = await pool.exec(() => process.pid)
  pool.exec((time) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time), [60_000])
  await sleep(500)
  console.log(pid)
} else if (!process.send) {
  const options = { stdio: ['ignore', 'pipe', 'inherit'] }
  const program = spawn(process.execPath, [process.argv[1], 'program'], options)
  const pid = Number(await once(program.stdout, 'data'))
  program.kill('SIGKILL')
  await sleep(5000)
  const there = existsSync(`/proc/${pid}`)
  console.log(`five seconds after the program was killed, its worker ${pid} is there: ${there}`)
  if (there) process.kill(pid, 'SIGKILL')
  process.exit(there ? 0 : 1)
}
