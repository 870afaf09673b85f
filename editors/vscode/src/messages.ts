// What the page may ask of the extension. A message is looked at before anything is made of it.

import path from 'node:path'

const FORMATS = ['csv', 'parquet', 'xlsx', 'json'] as const
export type Format = (typeof FORMATS)[number]

/** What the page asks of the server; files are written by `host/export` alone, where the user says. */
const REQUESTS = new Set(
  'experiments names table rows cell plot sql closeTable jobs cancel reveal'
    .split(' ')
    .map((name) => `flor/${name}`),
)

type Params = Record<string, unknown>

export type Asked =
  | { what: 'ready' }
  | { what: 'restart' }
  | { what: 'request'; method: string; params: Params }
  | { what: 'command'; command: string; argument: unknown }
  | { what: 'export'; table: Params; format: Format; suggested: string }
  | { what: 'saveImage'; image: Uint8Array; suggested: string }

/** The id of a message, by which it is answered; undefined if this is no message of the page. */
export function idOf(message: unknown): number | undefined {
  const id = isObject(message) ? message['id'] : undefined
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : undefined
}

/** What a message asks. Throws if that is nothing that the page may ask. */
export function read(message: unknown): Asked {
  if (!isObject(message) || typeof message['method'] !== 'string') throw new Error('a message has a method')
  const { method } = message
  const params = message['params'] ?? {}
  if (!isObject(params)) throw new Error(`the parameters of ${method} are no object`)
  if (REQUESTS.has(method)) return { what: 'request', method, params }
  switch (method) {
    case 'host/ready':
      return { what: 'ready' }
    case 'host/restart':
      return { what: 'restart' }
    case 'workspace/executeCommand':
      return command(params)
    case 'host/export': {
      const { suggested, ...table } = params
      const format = FORMATS.find((own) => own === table['format'])
      if (format === undefined) throw new Error(`there is no format ${String(table['format'])}`)
      return { what: 'export', table, format, suggested: fileName(suggested) }
    }
    case 'host/saveImage': {
      const image = Buffer.from(String(params['data']), 'base64')
      if (!image.subarray(1, 4).equals(Buffer.from('PNG'))) throw new Error('this is no PNG')
      return { what: 'saveImage', image, suggested: fileName(params['suggested']) }
    }
  }
  throw new Error(`there is no ${method}`)
}

function command(params: Params): Asked {
  const { command, arguments: given } = params
  if (typeof command !== 'string' || !command.startsWith('flor.'))
    throw new Error('only commands of Flor are done')
  if (!Array.isArray(given) || given.length !== 1) throw new Error(`${command} takes one argument`)
  return { what: 'command', command, argument: given[0] }
}

/** A name for a file, in whichever folder it will be. */
function fileName(suggested: unknown): string {
  const name = path.basename(String(suggested ?? '').replaceAll('\\', '/'))
  if (!name || name === '.' || name === '..') throw new Error('this is no file name')
  return name
}

function isObject(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
