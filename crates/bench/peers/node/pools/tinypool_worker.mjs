// A worker of tinypool: it looks its functions up among the exports.

import { setup } from '../tasks.mjs'

setup()
export * from '../tasks.mjs'
