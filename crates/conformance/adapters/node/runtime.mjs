// The part that all Node adapters share. An adapter needs no other file but the module that its library loads in
// workers, in workers/.
//
//     stdin ──scenario──▶ serve ──▶ client ──step──▶ the adapter's Pool ──call──▶ run, in a worker
//                                     └──line──▶ a duplicate of stdout             └──event──▶ the trace
//
// In this order: the folder of a run (clock, trace, gates) · calls, as they run in workers · the package
// of an adapter · what a scenario needs · errors in the words of the contract · steps · `serve`, which
// does what the command line asks for.
//
// Owns what the contract (book/src/contract.md) asks of an adapter. Knows no pool. Workers import this
// module, too, so importing it does nothing. An adapter is an object:
//
//     library          the package, in the benchmark's node_modules
//     capabilities     words of the contract; a scenario that needs another one is refused with 77
//     policies         as in the contract
//     Pool             a class: new Pool(options), submit(call) which returns a promise,
//                      shutdown({ wait, cancel }), and killWorkers(), cancel(promise) with those
//                      capabilities
//     errorClass       a function: the class of one of the library's errors, or undefined
//     status           perhaps a function: how the worker ended, from such an error
//
// Clients are asynchronous functions, which is what programs in JavaScript have in the place of
// threads. A promise of the library that never settles ends the program with Node's own exit code
// for that, 13, since `serve` is awaited at the top. Bodies block their worker, as the computations do
// that pools of processes are for; a pool that needs the worker's event loop in the middle of a task
// shows it.

import { spawnSync } from 'node:child_process'
import {
  appendFileSync, closeSync, existsSync, openSync, readFileSync, realpathSync, writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

const CONTRACT = 1
const UNSUPPORTED = 77

// ---- the folder of a run ----

// How often a gate is looked at. Lower takes a processor from the pool, higher makes cases longer.
const POLL_MILLISECONDS = 2

const FOLDER = process.env.CONFORMANCE_DIR ?? '.'

// Nanoseconds of CLOCK_MONOTONIC. A number holds them exactly until the machine is up for 104 days, and
// to the nearest two or four nanoseconds after that.
function now() {
  return Number(process.hrtime.bigint())
}

// Appends an event to the trace: the file is opened for appending, and the line is one write.
function event(kind, tag) {
  const { pid, ppid } = process
  const line = JSON.stringify({ pid, ppid, at: now(), event: kind, tag })
  appendFileSync(`${FOLDER}/trace`, line + '\n')
}

function isOpen(gate) {
  return existsSync(`${FOLDER}/gate-${gate}`)
}

// ---- calls, as they run in workers ----

// What `mark` keeps in this process.
let state = null

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
function asSubmitted(call) {
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
  child: (call) => spawnSync('sh', ['-c', `exit ${call.code ?? 0}`]).status,
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
  const count = call.count - 1
  const depth = await pool.submit({ ...call, count, tag: `${call.tag}.${count}` })
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
  const fails = (error) => {
    event(prefix + 'failed', call.tag)
    throw error
  }
  event(prefix + 'begin', call.tag)
  try {
    if (call.run === 'nest') {
      return nest(call, loadPool).then((value) => ending(call, prefix, value), fails)
    }
    if (!Object.hasOwn(BODIES, call.run)) throw new Error(`there is no body ${call.run}`)
    return ending(call, prefix, BODIES[call.run](call))
  } catch (error) {
    return fails(error)
  }
}

// The same function as an initializer.
export function initialize(call) {
  run(call, null, 'init_')
}

// ---- the package of an adapter ----

const PEERS = new URL('../../../bench/peers/', import.meta.url)
const peers = createRequire(new URL('node/package.json', PEERS))

// Ends the program with a message for people.
function refuse(code, message) {
  writeSync(2, `${process.argv[1]}: ${message}\n`)
  process.exit(code)
}

// The namespace of a package that the benchmark has pinned.
export async function library(name) {
  let path
  try {
    path = peers.resolve(name)
  } catch {
    refuse(1, `${name} is not installed; run crates/bench/peers/install`)
  }
  return import(pathToFileURL(path))
}

function describe({ library: implementation, capabilities, policies }) {
  const { version } = peers(`${implementation}/package.json`)
  const language = `Node ${process.versions.node}`
  // Each worker is a new process that runs a program from its beginning.
  const head = { contract: CONTRACT, implementation, version, language, start_method: 'spawn' }
  return { ...head, capabilities, policies }
}

// ---- what a scenario needs ----

// Which capabilities a body needs.
const BODY_NEEDS = {
  die: 'worker_death',
  blob: 'blob',
  print: 'stdio',
  read_stdin: 'stdio',
  child: 'child_process',
  nest: 'nested',
  ignore_term: 'ignore_term',
  getenv: 'getenv',
}

function* callNeeds(call) {
  if (Object.hasOwn(BODY_NEEDS, call.run)) yield BODY_NEEDS[call.run]
  if (call.poison !== undefined) yield `poison_${call.poison}`
}

function* poolNeeds({ max_workers, initializer, ...others }) {
  if (max_workers === undefined) yield 'default_max_workers'
  if (initializer !== undefined) {
    yield (initializer.value ?? null) === null ? 'initializer' : 'initargs'
    yield* callNeeds(initializer)
  }
  yield* Object.keys(others)
}

// The steps that there are, with what each needs.
const STEP_NEEDS = {
  *new({ options = {} }) {
    yield* poolNeeds(options)
  },
  *submit({ call }) {
    yield 'submit'
    yield* callNeeds(call)
  },
  *result({ timeout }) {
    if (timeout !== undefined) yield 'result_timeout'
  },
  *shutdown({ wait, cancel }) {
    if (!wait) yield 'shutdown_nowait'
    if (cancel) yield 'shutdown_cancel'
  },
  *kill_workers() {
    yield 'kill_workers'
  },
  *cancel() {
    yield 'cancel'
  },
  *callback({ reads }) {
    yield 'callbacks'
    if (reads) yield 'state'
  },
  *open_file() {
    yield 'open_file'
  },
  *gate() {},
}

// Says why a scenario cannot be carried out, before anything of it has been.
function whyNot(scenario, capabilities) {
  const has = new Set(capabilities)
  if (has.has('initargs')) has.add('initializer')
  const pools = new Set()
  for (const { name, steps } of scenario.clients) {
    for (const [index, step] of steps.entries()) {
      const place = `step ${index} of ${name}, ${step.do},`
      if (!Object.hasOwn(STEP_NEEDS, step.do)) return `${place} is not one of this adapter's`
      if (step.do === 'new') pools.add(step.pool)
      for (const need of STEP_NEEDS[step.do](step)) {
        if (!has.has(need)) return `${place} needs ${need}`
      }
    }
  }
  if (scenario.clients.length > 1 && !has.has('threads')) return 'several clients need threads'
  if (pools.size > 1 && !has.has('several_pools')) return 'several pools need several_pools'
  return null
}

// ---- errors ----

// The messages of an error and of its causes.
function messageOf(error) {
  const message = String(error?.message ?? error)
  return error?.cause === undefined ? message : `${message}: ${messageOf(error.cause)}`
}

// Tells a body's error, and an initializer's, from the library's own: by where it was raised.
function defaultClass(error) {
  const message = String(error?.message)
  const cannotBeEncoded = /could not be cloned|is not to be encoded/
  if (error?.name === 'DataCloneError' || cannotBeEncoded.test(message)) return 'serialisation'
  const stack = String(error?.stack)
  if (!/^ +at (async )?(run|nest) .*\/runtime\.mjs/m.test(stack)) return 'other'
  return /^ +at initialize /m.test(stack) ? 'broken' : 'task'
}

function failure(error, adapter) {
  const message = messageOf(error)
  // No library has made `Missing`, so no adapter is asked what it is.
  if (error instanceof Missing) return { class: 'invalid', message }
  const failed = { class: adapter.errorClass(error) ?? defaultClass(error), message }
  const type = error?.type ?? error?.name
  if (typeof type === 'string') failed.type = type
  if (failed.class === 'task' && typeof error.stack === 'string') failed.trace = error.stack
  const status = failed.class === 'broken' && adapter.status?.(error)
  if (status) failed.status = status
  return failed
}

// ---- steps ----

// A name that stands for nothing, as when the step that should have made it has failed.
class Missing extends Error {}

// The pool or future of a name.
function named(things, name) {
  if (!things.has(name)) throw new Missing(`there is no ${name}: the step that makes it failed`)
  return things.get(name)
}

// Carries out the steps of all clients.
class Steps {
  #adapter
  #pools = new Map()
  #futures = new Map()

  constructor(adapter) {
    this.#adapter = adapter
  }

  new({ pool, options = {} }) {
    this.#pools.set(pool, new this.#adapter.Pool(options))
  }

  submit({ pool, future, call }) {
    const promise = named(this.#pools, pool).submit(asSubmitted(call))
    // A future that nobody asks for must not end the program, as unhandled rejections do.
    promise.catch(() => {})
    this.#futures.set(future, promise)
  }

  result({ future }) {
    return named(this.#futures, future)
  }

  async shutdown({ pool, wait, cancel }) {
    await named(this.#pools, pool).shutdown({ wait, cancel })
  }

  async kill_workers({ pool }) {
    await named(this.#pools, pool).killWorkers()
  }

  async cancel({ pool, future }) {
    const promise = named(this.#futures, future)
    this.#adapter.Pool.cancel(promise)
    try {
      await promise
      return false
    } catch (error) {
      return this.#adapter.errorClass(error) === 'cancelled'
    }
  }

  callback({ future, label, fails }) {
    named(this.#futures, future).finally(() => {
      event('callback', label)
      if (fails) throw new Error(`the callback ${label} fails`)
    })
  }

  open_file() {
    // Nobody closes it before the program ends.
    openSync(`${FOLDER}/opened`, 'w')
  }

  async gate({ gate }) {
    while (!isOpen(gate)) await sleep(POLL_MILLISECONDS)
  }
}

// JSON, with the sign of zero, which `JSON.stringify` drops.
function written(line) {
  const sign = '\u0000-0.0'
  const marked = JSON.stringify(line, (_, value) => (Object.is(value, -0) ? sign : value))
  return marked.replaceAll(JSON.stringify(sign), '-0.0')
}

// Makes standard error of descriptor 1, so that nothing that workers or libraries print can be taken
// for a line. Returns what writes to the real one. Node has no `dup`; opening the descriptor's entry in
// /proc is one for files, pipes and terminals.
function takeStdout() {
  try {
    const lines = openSync('/proc/self/fd/1', 'a')
    closeSync(1)
    const lowest = openSync('/proc/self/fd/2', 'a')
    if (lowest !== 1) throw new Error(`descriptor ${lowest} was free in place of 1`)
    return (line) => {
      let rest = Buffer.from(written(line) + '\n')
      while (rest.length > 0) rest = rest.subarray(writeSync(lines, rest))
    }
  } catch (error) {
    return refuse(1, `its standard streams must be files, pipes or terminals: ${error.message}`)
  }
}

async function carryOut(client, steps, adapter, write) {
  for (const [step, what] of client.steps.entries()) {
    write({ client: client.name, step, at: now(), is: 'begin' })
    let outcome
    try {
      outcome = { ok: (await steps[what.do](what)) ?? null }
    } catch (error) {
      outcome = { error: failure(error, adapter) }
    }
    write({ client: client.name, step, at: now(), is: 'end', outcome })
  }
}

// ---- the command line ----

// Does what the command line asks for, if the program is the adapter's module. A worker may load that
// module, too, in order to nest.
export async function serve(url, adapter) {
  if (realpathSync(process.argv[1]) !== fileURLToPath(url)) return
  const verb = process.argv[2]
  if (verb === 'describe') {
    console.log(JSON.stringify(describe(adapter)))
    return
  }
  if (verb !== 'run') refuse(2, 'the first argument is `describe` or `run`')
  let scenario
  try {
    scenario = JSON.parse(readFileSync(0, 'utf8'))
  } catch (error) {
    refuse(1, `there is no scenario on standard input: ${error.message}`)
  }
  if (scenario.contract !== CONTRACT) {
    refuse(1, `the scenario is for version ${scenario.contract} of the contract, not ${CONTRACT}`)
  }
  const reason = whyNot(scenario, adapter.capabilities)
  if (reason !== null) refuse(UNSUPPORTED, reason)
  const write = takeStdout()
  const steps = new Steps(adapter)
  await Promise.all(scenario.clients.map((client) => carryOut(client, steps, adapter, write)))
}
