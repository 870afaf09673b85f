// Another machine, as far as a remote window can tell: a network and a host
// name of its own, and a tunnel as `ssh -L` makes one. Linux, root, iproute2.

import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import net from 'node:net'

/** Makes a machine of this name; `close()` removes it. */
export function otherMachine(name) {
  const number = randomInt(1, 255)
  const space = `flor-e2e-${process.pid}-${number}`
  const [here, there] = [`fe${process.pid}a`, `fe${process.pid}b`]
  const [ours, address] = [`10.231.${number}.1`, `10.231.${number}.2`]
  const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] })

  ip('netns', 'add', space)
  try {
    ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', space)
    ip('addr', 'add', `${ours}/24`, 'dev', here)
    ip('link', 'set', here, 'up')
    ip('-n', space, 'addr', 'add', `${address}/24`, 'dev', there)
    ip('-n', space, 'link', 'set', there, 'up')
    ip('-n', space, 'link', 'set', 'lo', 'up')
  } catch (error) {
    ip('netns', 'delete', space)
    throw error
  }

  const tunnels = []
  return {
    name,
    address,

    /** The command line that runs `words` there. */
    command: (words) => [
      ...['ip', 'netns', 'exec', space, 'unshare', '--uts'],
      ...['sh', '-c', 'hostname "$0" && exec "$@"', name, ...words],
    ],

    /** A port of this machine that leads to one of that machine. */
    async tunnel(port) {
      const sockets = new Set()
      const server = net.createServer((near) => {
        const far = net.connect(port, address)
        for (const [one, other] of [
          [near, far],
          [far, near],
        ]) {
          sockets.add(one)
          one.pipe(other)
          one.on('error', () => other.destroy())
          one.on('close', () => {
            sockets.delete(one)
            other.destroy()
          })
        }
      })
      const listen = (at) => new Promise((resolve) => server.listen(at, '127.0.0.1', resolve))
      await listen(0)
      const own = server.address().port
      const tunnel = {
        port: own,
        /** The network is gone. */
        cut() {
          server.close()
          for (const socket of sockets) socket.destroy()
        },
        /** It is back. */
        mend: () => listen(own),
      }
      tunnels.push(tunnel)
      return tunnel
    },

    close() {
      for (const tunnel of tunnels) tunnel.cut()
      ip('netns', 'delete', space) // and with it the link
    },
  }
}
