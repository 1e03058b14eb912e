// workerpool, with processes for workers.

import { fileURLToPath } from 'node:url'

import workerpool from 'workerpool'

const WORKER = fileURLToPath(new URL('./workerpool_worker.mjs', import.meta.url))

export class Pool {
  #pool

  constructor(workers) {
    this.#pool = workerpool.pool(WORKER, {
      workerType: 'process',
      minWorkers: workers,
      maxWorkers: workers,
      // JSON would turn bytes into a list of numbers.
      forkOpts: { serialization: 'advanced' },
      // Otherwise the workers would inherit the streams of the protocol; a `stdio` in `forkOpts` is
      // overwritten.
      emitStdStreams: true,
    })
  }

  submit(name, value) {
    return this.#pool.exec(name, [value])
  }

  close() {
    return this.#pool.terminate()
  }
}
