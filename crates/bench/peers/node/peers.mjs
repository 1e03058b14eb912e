// The table of Node pools, and how one of them is loaded.

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

class Peer {
  // `name` is the package's, and of its module in pools/.
  constructor(name) {
    this.name = name
  }

  // Throws when the pool is not installed, and so does `poolClass`.
  version() {
    return require(`${this.name}/package.json`).version
  }

  async poolClass() {
    return (await import(`./pools/${this.name}.mjs`)).Pool
  }
}

export const PEERS = {
  workerpool: new Peer('workerpool'),
  tinypool: new Peer('tinypool'),
  'jest-worker': new Peer('jest-worker'),
}
