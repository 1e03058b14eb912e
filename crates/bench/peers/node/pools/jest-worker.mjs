// jest-worker, with processes for workers, as it has them by default; so is its serialization the
// one for bytes.

import { fileURLToPath } from 'node:url'

import { Worker } from 'jest-worker'

const WORKER = fileURLToPath(new URL('../tasks.mjs', import.meta.url))

export class Pool {
  #pool

  constructor(workers) {
    this.#pool = new Worker(WORKER, {
      enableWorkerThreads: false,
      // Without this list the parent would load the module to find out.
      exposedMethods: ['identity', 'isInitialized', 'noop', 'rest'],
      numWorkers: workers,
    })
  }

  submit(name, value) {
    return this.#pool[name](value)
  }

  close() {
    return this.#pool.end()
  }
}
