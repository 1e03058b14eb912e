// tinypool, with processes for workers. It has no map. Its "threads" are processes here.

import { library, serve } from './runtime.mjs'

const { Tinypool } = await library('tinypool')

// How each task can be cancelled: a signal goes with it.
const controllers = new WeakMap()

// How many workers are kept: all of them, unless they are to leave when they are idle.
function numbers({ max_workers, idle_timeout }) {
  const most = max_workers === undefined ? {} : { maxThreads: max_workers }
  if (idle_timeout !== undefined) return { ...most, minThreads: 0, idleTimeout: idle_timeout }
  return max_workers === undefined ? {} : { ...most, minThreads: max_workers }
}

export class Pool {
  #pool

  constructor(options) {
    const { initializer, env } = options
    this.#pool = new Tinypool({
      runtime: 'child_process',
      filename: new URL('./workers/tinypool.mjs', import.meta.url).href,
      ...numbers(options),
      ...(initializer !== undefined && { argv: [JSON.stringify(initializer)] }),
      // Its workers inherit no environment.
      env: { ...process.env, ...env },
    })
    // Where it tells of workers that end without a task. Without a listener the program would end.
    this.#pool.on('error', (error) => console.error('tinypool:', error))
  }

  submit(call) {
    const controller = new AbortController()
    const promise = this.#pool.run(call, { signal: controller.signal })
    controllers.set(promise, controller)
    return promise
  }

  // There is one way to end it: it ends all tasks, those that run, too.
  async shutdown() {
    await this.#pool.destroy()
  }

  async killWorkers() {
    await this.#pool.destroy()
  }

  static cancel(promise) {
    controllers.get(promise).abort()
  }
}

function errorClass(error) {
  if (error instanceof RangeError) return 'invalid'
  if (error.name === 'AbortError' || error.name === 'CancelError') return 'cancelled'
  if (error.message === 'Worker exited unexpectedly') return 'broken'
  return error.message === 'Terminating worker thread' ? 'cancelled' : undefined
}

await serve(import.meta.url, {
  library: 'tinypool',
  capabilities: [
    'initargs', 'default_max_workers', 'idle_timeout', 'env', 'submit', 'kill_workers',
    'cancel', 'threads', 'several_pools', 'error_message', 'remote_trace', 'worker_death',
    'poison_encode_argument', 'poison_encode_result', 'blob', 'stdio', 'child_process',
    'nested', 'ignore_term', 'getenv', 'open_file',
  ],
  policies: {
    start: 'at_construction',
    program_end: 'drain',
    worker_death: 'replace',
    cancel_running: 'kill',
  },
  Pool,
  errorClass,
})
