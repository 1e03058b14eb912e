// What runs in a worker: the bodies of calls, the trace, and the gates.
//
// Owns what a call does, and what it writes down. Knows no pool: what a library needs in order to
// find these functions is in workers/. Bodies block their worker, as the computations do that pools of
// processes are for; a pool that needs the worker's event loop in the middle of a task shows it.

import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

// How often a gate is looked at. Lower takes a processor from the pool, higher makes cases longer.
export const POLL_MILLISECONDS = 2

const FOLDER = process.env.CONFORMANCE_DIR ?? '.'

// What `mark` keeps in this process.
let state = null

// Nanoseconds of CLOCK_MONOTONIC. A number holds them exactly until the machine is up for 104 days, and
// to the nearest two or four nanoseconds after that.
export function now() {
  return Number(process.hrtime.bigint())
}

// Appends an event to the trace: the file is opened for appending, and the line is one write.
export function event(kind, tag) {
  const { pid, ppid } = process
  const line = JSON.stringify({ pid, ppid, at: now(), event: kind, tag })
  appendFileSync(`${FOLDER}/trace`, line + '\n')
}

export function isOpen(gate) {
  return existsSync(`${FOLDER}/gate-${gate}`)
}

// Something that fails while it is encoded: each of Node's two encodings, JSON and the structured clone,
// reads all properties. A function would do for the second only, and some pools leave functions out.
function unencodable() {
  return {
    get secret() {
      throw new Error('this value is not to be encoded')
    },
  }
}

// The argument as the client submits it.
export function asSubmitted(call) {
  return call.poison === 'encode_argument' ? { ...call, extra: unencodable() } : call
}

function block(milliseconds) {
  // Nobody wakes it: this is how a thread of Node's sleeps.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

function blockUntil(gate) {
  while (!isOpen(gate)) block(POLL_MILLISECONDS)
}

function die({ code, signal }) {
  if (signal === undefined) {
    // Unlike `process.exit`, this runs nothing that waits for the exit.
    process.reallyExit(code)
  }
  process.kill(process.pid, signal)
  // A signal that is not ignored has ended the process before this returns.
  throw new Error(`signal ${signal} did not end the process`)
}

const BODIES = {
  echo: ({ value }) => value,
  square: ({ value }) => value * value,
  whoami: () => ({ pid: process.pid, state }),
  gate: ({ gate, value }) => {
    blockUntil(gate)
    return value
  },
  sleep: ({ ms, value }) => {
    block(ms)
    return value
  },
  fail: ({ text }) => {
    throw new Error(text)
  },
  mark: ({ value }) => {
    state = value ?? null
    return null
  },
  die,
  blob: ({ count }) => 'x'.repeat(count),
  print: ({ text, count }) => {
    // To pipes and files these writes have happened when they return.
    for (let times = 0; times < count; times++) process.stdout.write(text)
    return null
  },
  read_stdin: () => readFileSync(0).length,
  child: () => spawnSync('true').status,
  ignore_term: ({ gate, value }) => {
    process.on('SIGTERM', () => {})
    blockUntil(gate)
    return value
  },
  getenv: ({ text }) => process.env[text] ?? null,
}

// Has a pool of one worker run the rest. `loadPool` is a promise of the adapter's class.
async function nest(call, loadPool) {
  if (call.count === 0) return 0
  const Pool = await loadPool()
  const pool = new Pool({ max_workers: 1 })
  const depth = await pool.submit({ ...call, count: call.count - 1 })
  await pool.shutdown({ wait: true })
  return depth + 1
}

function ending(call, prefix, value) {
  event(prefix + 'end', call.tag)
  if (call.poison === 'encode_result') return unencodable()
  return value ?? null
}

// The function that is submitted. It returns a value, or with `nest` a promise of one.
export function run(call, loadPool, prefix = '') {
  event(prefix + 'begin', call.tag)
  try {
    if (call.run === 'nest') {
      return nest(call, loadPool).then((value) => ending(call, prefix, value))
    }
    if (!Object.hasOwn(BODIES, call.run)) throw new Error(`there is no body ${call.run}`)
    return ending(call, prefix, BODIES[call.run](call))
  } catch (error) {
    event(prefix + 'failed', call.tag)
    throw error
  }
}

// The same function as an initializer.
export function initialize(call) {
  run(call, null, 'init_')
}
