// The tasks of the workers, and their initializer.

let initialized = false

// jest-worker calls this in each worker before the first task; for the other two, which have no
// initializer, the worker's module calls it as it is loaded.
export function setup() {
  initialized = true
}

export function isInitialized() {
  return initialized
}

export function noop() {}

export function identity(value) {
  return value
}

// Keeps its worker busy, so that the next task needs another one; says which worker it was.
export async function rest(milliseconds) {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  return process.pid
}
