// jest-worker: a worker that computes outlives a program that is killed, until its task is done.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export function run(time) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time)
  return process.pid
}

// Workers load this file, which they could not if it waited at its top.
async function program() {
  const path = fileURLToPath(import.meta.url)
  const pool = new (require('jest-worker').Worker)(path, { numWorkers: 1, exposedMethods: ['run'] })
  const pid = await pool.run(0)
  pool.run(60_000)
  await sleep(500)
  console.log(pid)
}

async function main() {
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

if (process.argv[2] === 'program') program()
else if (!process.send) main()
