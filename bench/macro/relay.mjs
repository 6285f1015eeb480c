#!/usr/bin/env node
// The bare relay: what one Node.js thread can move between AMQP 0-9-1 publishers
// and consumers when there are no broker semantics at all. It is the ceiling
// that a real broker on this platform is measured against, nothing to build on:
// one in-memory ring per queue name, default exchange only, automatic
// acknowledgement, no errors, no limits, nothing stored.
//
//   node relay.mjs 5690 &
//   node compare.mjs --only transient-16B,transient-1KiB relay=127.0.0.1:5690 ours=127.0.0.1:5672
import { createServer } from 'node:net'

const queues = new Map()
const METHOD = 1,
  HEADER = 2,
  FRAME_END = 0xce

function frame(channel, classId, methodId, ...args) {
  const body = Buffer.concat(args.map((a) => Buffer.from(a)))
  const out = Buffer.alloc(12 + body.length)
  out[0] = METHOD
  out.writeUInt16BE(channel, 1)
  out.writeUInt32BE(4 + body.length, 3)
  out.writeUInt16BE(classId, 7)
  out.writeUInt16BE(methodId, 9)
  body.copy(out, 11)
  out[11 + body.length] = FRAME_END
  return out
}

class Ring {
  consumers = []
  #slots = new Array(1024)
  #head = 0
  #tail = 0
  get length() {
    return this.#tail - this.#head
  }
  push(item) {
    const mask = this.#slots.length - 1
    if (this.#tail - this.#head > mask) {
      const wider = new Array(this.#slots.length * 2)
      for (let i = this.#head; i < this.#tail; i++) wider[i & (wider.length - 1)] = this.#slots[i & mask]
      this.#slots = wider
    }
    this.#slots[this.#tail++ & (this.#slots.length - 1)] = item
  }
  shift() {
    const at = this.#head++ & (this.#slots.length - 1)
    const item = this.#slots[at]
    this.#slots[at] = undefined
    return item
  }
}

const dirty = []
function flushAll() {
  for (const connection of dirty.splice(0)) {
    connection.scheduled = false
    connection.flush()
  }
}

class Connection {
  scheduled = false
  full = false
  #socket
  #rest = null
  #greeted = false
  #out = Buffer.allocUnsafeSlow(1 << 18)
  #used = 0
  #key = Buffer.alloc(0)
  #queue = undefined
  #confirms = false
  #published = 0
  #confirmed = 0

  constructor(socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', () => {})
    socket.on('drain', () => {
      this.full = false
      for (const q of queues.values()) pump(q)
    })
    socket.on('close', () => {
      for (const q of queues.values()) q.consumers = q.consumers.filter((c) => c.connection !== this)
    })
  }

  reserve(bytes) {
    if (this.#used + bytes > this.#out.length) this.flush()
    if (!this.scheduled) {
      this.scheduled = true
      if (dirty.push(this) === 1) setImmediate(flushAll)
    }
    const at = this.#used
    this.#used += bytes
    return at
  }
  get out() {
    return this.#out
  }
  write(bytes) {
    const at = this.reserve(bytes.length)
    bytes.copy(this.#out, at)
  }
  flush() {
    if (!this.#used) return
    const ready = this.#out.subarray(0, this.#used)
    this.#out = Buffer.allocUnsafeSlow(1 << 18)
    this.#used = 0
    if (!this.#socket.write(ready)) this.full = true
  }

  #read(chunk) {
    const d = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    this.#rest = null
    let p = 0
    if (!this.#greeted) {
      if (d.length < 8) {
        this.#rest = d
        return
      }
      this.#greeted = true
      p = 8
      this.write(frame(0, 10, 10, [0, 9, 0, 0, 0, 0, 0, 0, 0, 5], 'PLAIN', [0, 0, 0, 5], 'en_US'))
    }
    while (d.length - p >= 8) {
      const size = d.readUInt32BE(p + 3),
        end = p + size + 8,
        type = d[p],
        b = p + 7
      if (d.length < end) break
      if (type === METHOD) {
        if (d[b + 1] === 60 && d[b + 3] === 40) this.#target(d, b)
        else this.#method(d, b)
        p = end
      } else if (type === HEADER) {
        const bodySize = d.readUInt32BE(b + 8)
        let last = end,
          left = bodySize // header and body frames go on as they came
        while (left > 0) {
          if (d.length - last < 8) {
            last = -1
            break
          }
          const part = d.readUInt32BE(last + 3)
          if (d.length - last < part + 8) {
            last = -1
            break
          }
          last += part + 8
          left -= part
        }
        if (last < 0) break
        this.#published++
        if (this.#queue) {
          this.#queue.push(d.subarray(p, last))
          pump(this.#queue)
        }
        p = last
      } else p = end
    }
    if (p < d.length) this.#rest = d.subarray(p)
    if (this.#confirms && this.#published !== this.#confirmed) {
      const tag = Buffer.alloc(9)
      tag.writeUInt32BE(this.#published, 4)
      tag[8] = 1
      this.write(frame(1, 60, 80, tag))
      this.#confirmed = this.#published
    }
  }

  #target(d, b) {
    const at = b + 7 + d[b + 6],
      length = d[at]
    if (this.#key.length !== length || this.#key.compare(d, at + 1, at + 1 + length) !== 0) {
      this.#key = Buffer.from(d.subarray(at + 1, at + 1 + length))
      this.#queue = queues.get(this.#key.latin1Slice())
    }
  }

  #method(d, b) {
    const id = d.readUInt16BE(b) * 1000 + d.readUInt16BE(b + 2)
    const name = () => d.latin1Slice(b + 7, b + 7 + d[b + 6])
    if (id === 10011) this.write(frame(0, 10, 30, [7, 255, 0, 2, 0, 0, 0, 0]))
    else if (id === 10040) this.write(frame(0, 10, 41, [0]))
    else if (id === 20010) this.write(frame(1, 20, 11, [0, 0, 0, 0]))
    else if (id === 50010) {
      if (!queues.has(name())) queues.set(name(), new Ring())
      this.write(frame(1, 50, 11, [name().length], name(), [0, 0, 0, 0, 0, 0, 0, 0]))
    } else if (id === 50040) {
      queues.delete(name())
      this.write(frame(1, 50, 41, [0, 0, 0, 0]))
    } else if (id === 60010) this.write(frame(1, 60, 11))
    else if (id === 85010) {
      this.#confirms = true
      this.write(frame(1, 85, 11))
    } else if (id === 60020) {
      const queue = queues.get(name())
      const prefix = frame(1, 60, 60, [1], 'c', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, name().length], name())
      this.write(frame(1, 60, 21, [1], 'c'))
      queue.consumers.push({ connection: this, prefix, tag: 0 })
      pump(queue)
    }
  }
}

function pump(queue) {
  const consumer = queue.consumers[0]
  if (!consumer) return
  const { connection, prefix } = consumer
  while (queue.length && !connection.full) {
    const message = queue.shift()
    const at = connection.reserve(prefix.length + message.length),
      out = connection.out
    prefix.copy(out, at)
    out.writeUInt32BE(++consumer.tag, at + 17)
    message.copy(out, at + prefix.length)
  }
}

createServer((socket) => new Connection(socket)).listen(Number(process.argv[2] ?? 5690), '127.0.0.1')
