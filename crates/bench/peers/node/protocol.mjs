// Requests in, answers out: one JSON object a line.
//
//     stdin ──line──▶ serve ──▶ Contender.answer ──▶ serve ──line──▶ stdout
//
// A line on stdout that is no answer must never happen. Pools copy or hand on what their workers
// print; `privateAnswers` keeps that away from here, and a pool that lets its workers inherit the
// descriptors is told not to, where it is created.

import { createInterface } from 'node:readline'

import { Contender } from './contender.mjs'
import { PEERS } from './peers.mjs'

// Returns the only way to the real stdout; everybody else's is stderr from now on.
function privateAnswers() {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr)
  return (answer) => write(JSON.stringify(answer) + '\n')
}

export async function serve(names) {
  if (names.length !== 1 || !Object.hasOwn(PEERS, names[0])) {
    console.error('usage: peer.mjs POOL, which is one of:', Object.keys(PEERS).join(', '))
    return 2
  }
  const answer = privateAnswers()
  const contender = new Contender(PEERS[names[0]])
  try {
    for await (const line of createInterface({ input: process.stdin })) {
      try {
        answer(await contender.answer(JSON.parse(line)))
      } catch (error) {
        answer({ error: String(error) })
      }
    }
  } finally {
    await contender.closePool()
  }
  return 0
}
