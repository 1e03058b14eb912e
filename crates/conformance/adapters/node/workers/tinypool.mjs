// The module that tinypool loads in each worker as it starts: its top level is the initialization. The
// initializer comes as an argument of the program.

import { initialize, run } from '../runtime.mjs'

const loadPool = async () => (await import('../tinypool.mjs')).Pool

const [initializer] = process.argv.slice(2)
if (initializer !== undefined) initialize(JSON.parse(initializer))

export default (call) => run(call, loadPool)
