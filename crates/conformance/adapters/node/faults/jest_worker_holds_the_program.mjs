// jest-worker: idle workers keep their program alive; it ends only after `end`.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = () => 'the only task is done'

// Workers load this file, which they could not if it waited at its top.
async function program() {
  const path = fileURLToPath(import.meta.url)
  const pool = new (require('jest-worker').Worker)(path, { numWorkers: 1, exposedMethods: ['run'] })
  console.log(await pool.run())
}

async function main() {
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

if (process.argv[2] === 'program') program()
else if (!process.send) main()
