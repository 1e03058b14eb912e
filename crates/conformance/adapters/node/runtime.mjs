// What the Node adapters share: the command line, the steps of clients, and their lines.
//
//     stdin ──scenario──▶ serve ──▶ client ──step──▶ the adapter's Pool
//                                     └──line──▶ a duplicate of stdout
//
// An adapter is an object:
//
//     library          the package, in the benchmark's node_modules
//     capabilities     words of the contract; a scenario that needs another one is refused with 77
//     policies         as in the contract
//     Pool             a class: new Pool(options), submit(call) which returns a promise,
//                      shutdown({ wait, cancel }), and killWorkers(), cancel(promise) with those
//                      capabilities
//     errorClass       a function: the class of one of the library's errors, or undefined
//
// Clients are asynchronous functions, which is what programs in JavaScript have in the place of
// threads. A promise of the library that never settles ends the program with Node's own exit code
// for that, 13, since `serve` is awaited at the top.

import { closeSync, openSync, readFileSync, realpathSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'

import { POLL_MILLISECONDS, asSubmitted, event, isOpen, now } from './bodies.mjs'

const CONTRACT = 1
const UNSUPPORTED = 77

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
    if ((initializer.value ?? null) !== null) yield 'initargs'
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
  *callback() {
    yield 'callbacks'
  },
  *gate() {},
}

// Says why a scenario cannot be carried out, before anything of it has been.
function whyNot(scenario, capabilities) {
  const has = new Set(capabilities)
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

// What an error says, and what its causes do.
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
  if (!stack.includes('/bodies.mjs')) return 'other'
  return /^ +at initialize /m.test(stack) ? 'broken' : 'task'
}

function failure(error, adapter) {
  const message = messageOf(error)
  const failed = { class: adapter.errorClass(error) ?? defaultClass(error), message }
  const type = error?.type ?? error?.name
  if (typeof type === 'string') failed.type = type
  if (failed.class === 'task' && typeof error.stack === 'string') failed.trace = error.stack
  const status = failed.class === 'broken' && adapter.status?.(error)
  if (status) failed.status = status
  return failed
}

// The pool or future of a name.
function named(things, name) {
  if (!things.has(name)) throw new Error(`there is no ${name}: the step that makes it failed`)
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

  async gate({ gate }) {
    while (!isOpen(gate)) await sleep(POLL_MILLISECONDS)
  }
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
      let rest = Buffer.from(JSON.stringify(line) + '\n')
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
