// A worker of workerpool: it registers its functions by name.

import workerpool from 'workerpool'

import { identity, isInitialized, noop, rest, setup } from '../tasks.mjs'

setup()
workerpool.worker({ identity, isInitialized, noop, rest })
