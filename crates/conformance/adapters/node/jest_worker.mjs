// jest-worker, with processes for workers, as it has them by default. It has no map.

import { library, serve } from './runtime.mjs'

const { Worker } = await library('jest-worker')

export class Pool {
  #pool

  constructor({ max_workers, initializer, env }) {
    this.#pool = new Worker(new URL('./workers/jest_worker.mjs', import.meta.url), {
      // Without this list the program would load the module to find out.
      exposedMethods: ['run'],
      // By default a call whose worker has exited is made again, up to three times. Tasks here run at
      // most once, as they may have had effects.
      maxRetries: 0,
      ...(max_workers !== undefined && { numWorkers: max_workers }),
      ...(initializer !== undefined && { setupArgs: [initializer] }),
      // The library replaces the whole environment by this one.
      ...(env !== undefined && { forkOptions: { env: { ...process.env, ...env } } }),
    })
    // Somebody has to read what workers print; until it is read, they wait.
    this.#pool.getStdout().pipe(process.stdout)
    this.#pool.getStderr().pipe(process.stderr)
  }

  submit(call) {
    return this.#pool.run(call)
  }

  // There is one way to end it, and it kills workers that have not ended soon after.
  async shutdown({ wait }) {
    const ended = this.#pool.end()
    if (wait) await ended
  }
}

function errorClass({ message }) {
  if (message.startsWith('Farm is ended')) return 'rejected'
  return /^(A jest worker process|Jest worker) /.test(message) ? 'broken' : undefined
}

await serve(import.meta.url, {
  library: 'jest-worker',
  capabilities: [
    'initargs', 'default_max_workers', 'env', 'submit', 'shutdown_nowait', 'threads',
    'several_pools', 'error_message', 'initializer_cause', 'remote_trace', 'worker_death',
    'poison_encode_argument', 'poison_encode_result', 'blob', 'stdio', 'child_process',
    'nested', 'ignore_term', 'getenv', 'open_file',
  ],
  policies: { start: 'at_construction', program_end: 'drain', worker_death: 'replace' },
  Pool,
  errorClass,
})
