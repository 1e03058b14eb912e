// jest-worker: idle workers keep their program alive; it ends only after `end`.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../../../bench/peers/node/package.json', import.meta.url))

export const run = () => 'the only task is done'

if (process.argv[2] === 'program') {
  const path = fileURLToPath(import.meta.url)
  const pool = new (require('jest-worker').Worker)(path, { numWorkers: 1, exposedMethods: ['run'] })
  pool.run().then(console.log)
} else if (!process.send) {
  const options = { encoding: 'utf8', timeout: 10_000, killSignal: 'SIGKILL' }
  const { stdout, error } = spawnSync(process.execPath, [process.argv[1], 'program'], options)
  const isHeld = error?.code === 'ETIMEDOUT'
  console.log(`${stdout.trim()}; ten seconds after its start the program is there: ${isHeld}`)
  process.exit(stdout && isHeld ? 0 : 1)
}
