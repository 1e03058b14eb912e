// jest-worker: a worker whose task waits outlives a program that is killed, until its task is done.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export async function run() {
  console.log(process.pid)
  await new Promise((resolve) => setTimeout(resolve, 60_000))
}

if (process.argv[2] === 'program') {
  const path = fileURLToPath(import.meta.url)
  const pool = new (require('jest-worker').Worker)(path, { numWorkers: 1, exposedMethods: ['run'] })
  pool.getStdout().once('data', (pid) => {
    process.stdout.write(pid)
    process.kill(process.pid, 'SIGKILL')
  })
  pool.run()
} else if (!process.send) {
  const pid = Number(spawnSync(process.execPath, [process.argv[1], 'program']).stdout)
  spawnSync('sleep', ['5'])
  const there = existsSync(`/proc/${pid}`)
  console.log(`five seconds after the program was killed, its worker ${pid} is there: ${there}`)
  if (there) process.kill(pid, 'SIGKILL')
  process.exit(there ? 0 : 1)
}
