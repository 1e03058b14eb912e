// One Node pool as a contender: `node peer.mjs POOL` answers the requests of ../README.md.

import { serve } from './protocol.mjs'

process.exitCode = await serve(process.argv.slice(2))
