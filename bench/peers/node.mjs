// A node of BentoCache (memory, Redis, and a bus between nodes), driven by lines on its standard
// input as node.py is.
//
// usage: node.mjs bentocache REDIS_URL ORIGIN_DIRECTORY FILL_SECONDS

import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'

const [, , , url, origin, fill] = process.argv
const { hostname: host, port } = new URL(url)
const connection = { host, port: Number(port) }

const cache = new BentoCache({
  default: 'tiers',
  stores: {
    tiers: bentostore()
      .useL1Layer(memoryDriver({ maxItems: 100_000 }))
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection })),
  },
})
// A server that is away is what is measured.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})

const say = (...words) => process.stdout.write(`${words.join(' ')}\n`)

async function fetch(number, key) {
  const factory = async () => {
    const version = Number(await readFile(`${origin}/${key}`, 'utf8'))
    say(number, 'begun')
    await sleep(Number(fill) * 1000)
    return version
  }
  return cache.getOrSet({ key, factory, ttl: '1h', timeout: null })
}

async function answer(number, what, key) {
  try {
    say(number, 'ok', await (what === 'fetch' ? fetch(number, key) : cache.delete({ key })))
  } catch (error) {
    say(number, 'error', error.name, String(error.message).replaceAll('\n', ' '))
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  answer(...line.split(' '))
})
say('0 ok ready')
