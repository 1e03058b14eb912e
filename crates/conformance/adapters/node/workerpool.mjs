// workerpool, with processes for workers. It has no map, which its documentation says is to come.

import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { library, serve } from './runtime.mjs'

const { default: workerpool } = await library('workerpool')
const WORKER = fileURLToPath(new URL('./workers/workerpool.mjs', import.meta.url))

export class Pool {
  #pool
  #timeout

  constructor({ max_workers, initializer, env, task_timeout }) {
    this.#timeout = task_timeout
    this.#pool = workerpool.pool(WORKER, {
      workerType: 'process',
      ...(max_workers !== undefined && { maxWorkers: max_workers }),
      ...(initializer !== undefined && { forkArgs: [JSON.stringify(initializer)] }),
      // The library replaces the whole environment by this one.
      ...(env !== undefined && { forkOpts: { env: { ...process.env, ...env } } }),
    })
  }

  submit(call) {
    const promise = this.#pool.exec('run', [call])
    return this.#timeout === undefined ? promise : promise.timeout(this.#timeout)
  }

  // There is one way to end it: tasks that have not begun are rejected, those that run finish.
  async shutdown({ wait }) {
    const ended = this.#pool.terminate()
    if (wait) await ended
  }

  killWorkers() {
    return this.#pool.terminate(true)
  }

  static cancel(promise) {
    promise.cancel()
  }
}

const { CancellationError, TimeoutError } = workerpool.Promise

function errorClass(error) {
  if (error instanceof CancellationError || error.message === 'Pool terminated') return 'cancelled'
  if (error instanceof TimeoutError) return 'timeout'
  if (error instanceof workerpool.TerminateError) return 'broken'
  if (error instanceof TypeError && error.message.startsWith('Option ')) return 'invalid'
  return error.message === 'Worker terminated' ? 'broken' : undefined
}

// How the worker ended, from the text that says it.
function status({ message }) {
  const [, code, signal] = /exitCode: `(\w+)`\s+signalCode: `(\w+)`/.exec(message) ?? []
  return signal in constants.signals ? `signal ${constants.signals[signal]}` : code && `exit ${code}`
}

await serve(import.meta.url, {
  library: 'workerpool',
  capabilities: [
    'initargs', 'default_max_workers', 'checks_max_workers', 'task_timeout', 'env',
    'submit', 'shutdown_nowait', 'shutdown_cancel', 'kill_workers', 'cancel', 'callbacks',
    'threads', 'several_pools', 'error_message', 'exit_status', 'remote_trace',
    'worker_death', 'poison_encode_argument', 'poison_encode_result', 'blob', 'stdio',
    'child_process', 'nested', 'ignore_term', 'getenv', 'open_file',
  ],
  policies: {
    start: 'on_demand', program_end: 'drain',
    worker_death: 'replace',
    cancel_running: 'kill',
    second_shutdown: 'honoured',
    callback_thread: 'caller',
  },
  Pool,
  errorClass,
  status,
})
