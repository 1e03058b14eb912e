// The module that jest-worker loads in each worker: it calls `setup` before the first task, with what
// the pool was given as `setupArgs`.

import { initialize, run as runCall } from '../runtime.mjs'

const loadPool = async () => (await import('../jest_worker.mjs')).Pool

export function setup(initializer) {
  if (initializer !== undefined) initialize(initializer)
}

export function run(call) {
  return runCall(call, loadPool)
}
