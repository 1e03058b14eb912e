// tinypool, with processes for workers.

import Tinypool from 'tinypool'

// How many tasks a worker may have at once. With 1, tinypool's default, each task of a long queue
// waits for a message to the parent and another one back, and 20,000 no-ops take twice as long. With
// more, long tasks could wait in one worker while another one is idle; those here are short.
const TASKS_IN_A_WORKER = 64

export class Pool {
  #pool

  constructor(workers) {
    this.#pool = new Tinypool({
      filename: new URL('./tinypool_worker.mjs', import.meta.url).href,
      runtime: 'child_process',
      // JSON would turn bytes into a list of numbers.
      serialization: 'advanced',
      // The names are those of another runtime: these are processes.
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: TASKS_IN_A_WORKER,
    })
  }

  submit(name, value) {
    return this.#pool.run(value, { name })
  }

  close() {
    return this.#pool.destroy()
  }
}
