// tinypool: a worker that computes outlives a program that is killed, until its task is done.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export default () => {
  console.log(process.pid)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
}

if (process.argv[2] === 'program') {
  const { Tinypool } = await import(pathToFileURL(require.resolve('tinypool')))
  new Tinypool({ runtime: 'child_process', filename: import.meta.url }).run()
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
