// The operations of the protocol over one pool.
//
// A pool is an instance of a class `Pool` from pools/:
//
//     new Pool(workers)
//     submit(name, value)    a promise of what the function of that name in tasks.mjs returns
//     close()                a promise; ends the workers
//
// No operation knows which package it measures, and no pool knows that it is measured.

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

// Both only matter to `open`, outside of every measurement. A shorter rest may end before the next
// task finds its worker idle, and costs another round; a longer one delays every `open`.
const WARM_UP_REST_MILLISECONDS = 20
const WARM_UP_ROUNDS = 500

const now = process.hrtime.bigint
const nanosSince = (started) => Number(now() - started)

export class Contender {
  #peer
  #pool = null
  #operations = {
    hello: () => this.#hello(),
    open: ({ workers }) => this.#open(workers),
    round_trips: ({ count, pause_us }) => this.#roundTrips(count, pause_us),
    clients: ({ clients, count }) => this.#clients(clients, count),
    submit_all: ({ count }) => this.#submitAll(count),
    map: () => ({ unsupported: 'no map' }),
    echo: ({ bytes, count }) => this.#echo(bytes, count),
    cold_start: ({ workers }) => this.#coldStart(workers),
    close: () => this.#close(),
  }

  constructor(peer) {
    this.#peer = peer
  }

  // Runs one request. An exception of it is the answer's error.
  async answer(request) {
    if (!Object.hasOwn(this.#operations, request.op)) {
      return { unsupported: `no operation ${JSON.stringify(request.op)}` }
    }
    return this.#operations[request.op](request)
  }

  async #hello() {
    const { name } = this.#peer
    try {
      await this.#peer.poolClass()
      return { name, version: this.#peer.version(), runtime: `Node ${process.versions.node}` }
    } catch (error) {
      if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(error.code)) throw error
      return { error: `${name} is not installed: ${error.message}` }
    }
  }

  async #open(workers) {
    if (this.#pool !== null) throw new Error('a pool is open already')
    const Pool = await this.#peer.poolClass()
    this.#pool = new Pool(workers)
    await this.#warmUp(workers)
    return { ok: true }
  }

  // Returns once each worker has run a task. Which one gets a task is the pool's choice, so this goes
  // on until as many different ones as there should be have answered.
  async #warmUp(workers) {
    const seen = new Set()
    for (let round = 0; round < WARM_UP_ROUNDS; round++) {
      const resting = Array.from({ length: workers }, () =>
        this.#pool.submit('rest', WARM_UP_REST_MILLISECONDS),
      )
      for (const worker of await Promise.all(resting)) seen.add(worker)
      if (seen.size >= workers) return
    }
    throw new Error(`${seen.size} of ${workers} workers have run a task`)
  }

  #opened() {
    if (this.#pool === null) throw new Error('no pool is open')
    return this.#pool
  }

  async #roundTrips(count, pauseMicroseconds) {
    return { nanos: await roundTrips(this.#opened(), count, pauseMicroseconds) }
  }

  async #clients(clients, count) {
    const pool = this.#opened()
    const started = now()
    const running = Array.from({ length: clients }, (_, number) =>
      // The first ones take what does not divide.
      roundTrips(pool, Math.floor(count / clients) + (number < count % clients ? 1 : 0)),
    )
    const nanos = (await Promise.all(running)).flat()
    return { seconds: nanosSince(started) / 1e9, nanos }
  }

  async #submitAll(count) {
    const pool = this.#opened()
    const started = now()
    const results = []
    for (let number = 0; number < count; number++) results.push(pool.submit('noop'))
    await Promise.all(results)
    return { seconds: nanosSince(started) / 1e9 }
  }

  async #echo(bytes, count) {
    const pool = this.#opened()
    const value = randomBytes(bytes)
    const nanos = []
    for (let number = 0; number < count; number++) {
      const started = now()
      const returned = await pool.submit('identity', value)
      nanos.push(nanosSince(started))
      if (!ArrayBuffer.isView(returned) || returned.byteLength !== bytes) {
        throw new Error(`${bytes} bytes came back as ${returned?.byteLength}`)
      }
    }
    return { nanos }
  }

  async #coldStart(workers) {
    const Pool = await this.#peer.poolClass()
    const started = now()
    const pool = new Pool(workers)
    try {
      const initialized = await pool.submit('isInitialized')
      const nanos = nanosSince(started)
      if (initialized !== true) throw new Error('the first task ran before the set-up')
      return { nanos }
    } finally {
      await pool.close()
    }
  }

  async #close() {
    this.#opened()
    await this.closePool()
    return { ok: true }
  }

  // Ends the open pool, if there is one.
  async closePool() {
    const pool = this.#pool
    this.#pool = null
    await pool?.close()
  }
}

// The nanoseconds of each of `count` no-ops, one at a time, a pause before each. A timer of Node's
// knows whole milliseconds only, so a pause is rounded up to them.
async function roundTrips(pool, count, pauseMicroseconds = 0) {
  const nanos = []
  for (let number = 0; number < count; number++) {
    if (pauseMicroseconds > 0) await sleep(Math.ceil(pauseMicroseconds / 1000))
    const started = now()
    await pool.submit('noop')
    nanos.push(nanosSince(started))
  }
  return nanos
}
