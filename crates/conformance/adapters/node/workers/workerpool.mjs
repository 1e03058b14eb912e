// The worker script of workerpool: what is in front of `workerpool.worker` is its initialization, since
// a worker gets no task before that call. The initializer comes as an argument of the program.

import { initialize, library, run } from '../runtime.mjs'

const { default: workerpool } = await library('workerpool')
const loadPool = async () => (await import('../workerpool.mjs')).Pool

const [initializer] = process.argv.slice(2)
if (initializer !== undefined) initialize(JSON.parse(initializer))

workerpool.worker({ run: (call) => run(call, loadPool) })
