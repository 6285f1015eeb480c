/* The smallest AMQP client: it costs the process that has ten thousand of them little. */
import { connect } from 'node:net'

const OPEN_OK = 41
/** What a client says to connection.start and connection.tune, by method number. */
const ANSWERS = {
  10: () => method(11, shortTable(), short('PLAIN'), long('\0guest\0guest'), short('en_US')),
  30: (tune) => Buffer.concat([method(31, tune.subarray(4)), method(40, short('/'), short(''), Buffer.from([0]))]),
}

/**
 * Opens a connection that does nothing further.
 * @returns its socket once connection.open-ok has come, or null where it has not come to that
 */
export function openIdle(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const fail = () => {
      socket.destroy()
      resolve(null)
    }
    let read = Buffer.alloc(0)
    socket.on('connect', () => socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1')))
    socket.on('data', (chunk) => {
      read = Buffer.concat([read, chunk])
      while (read.length >= 7 && read.length >= 8 + read.readUInt32BE(3)) {
        const payload = read.subarray(7, 7 + read.readUInt32BE(3))
        read = read.subarray(8 + payload.length)
        const answer = ANSWERS[payload.readUInt16BE(2)]
        if (answer === undefined) return payload.readUInt16BE(2) === OPEN_OK ? resolve(socket) : fail()
        socket.write(answer(payload))
      }
    })
    socket.on('error', fail)
    socket.on('close', fail)
  })
}

function method(number, ...parts) {
  const payload = Buffer.concat([Buffer.from([0, 10, 0, number]), ...parts])
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.from([0xce])])
}

const shortTable = () => Buffer.alloc(4)
const short = (text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
const long = (text) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)])
