// Who shows the page: an editor's web view, by messages, or a server on this machine, by HTTP.

import type { Order } from './protocol'

export type View = 'Table' | 'Plot' | 'SQL' | 'Runs'

export interface Start {
  uri?: string | null // of the file that the user has before them
  experiment?: string | null
  view?: View
}

export interface Export extends Order {
  handle: number
  format: 'csv' | 'parquet' | 'xlsx' | 'json'
  columns: string[]
  suggested: string // a file's name
}

export interface Exported {
  path?: string // where it is, if that is known
  remarks: string[] // what the format cannot hold
}

export type Listener = (method: string, params: unknown) => void

export interface Host {
  /** What is to be shown at first. */
  readonly start: Promise<Start>
  request<T>(method: string, params?: unknown): Promise<T>
  /** Notifications of the server, and `host/*` ones. */
  listen(listener: Listener): void
  /** Write a table into a file that the user chooses. */
  exportTable(request: Export): Promise<Exported>
  saveImage(suggested: string, dataUrl: string): Promise<void>
  /** Try to have the server again. */
  again(): void
  state(): unknown
  setState(state: unknown): void
}

interface Answer {
  result?: unknown
  error?: { message: string }
}

/** The result of an answer. Throws the one sentence that it was answered with instead. */
function taken<T>(answer: Answer): T {
  if (answer.error) throw new Error(answer.error.message)
  return answer.result as T
}

interface VSCodeApi {
  postMessage(message: unknown): void
  getState(): unknown
  setState(state: unknown): void
}

declare global {
  var acquireVsCodeApi: (() => VSCodeApi) | undefined
}

export function findHost(): Host {
  const api = globalThis.acquireVsCodeApi?.()
  return api ? new MessageHost(api) : new HttpHost()
}

class MessageHost implements Host {
  readonly start: Promise<Start>
  private readonly waiting = new Map<number, (answer: Answer) => void>()
  private readonly listeners: Listener[] = []
  private last = 0

  constructor(private readonly api: VSCodeApi) {
    window.addEventListener('message', ({ data }) => this.came(data))
    this.start = this.request<Start>('host/ready')
  }

  private came(message: Answer & { id?: number; method?: string; params?: unknown }): void {
    if (message.method !== undefined) {
      for (const listener of this.listeners) listener(message.method, message.params)
    } else if (message.id !== undefined) {
      this.waiting.get(message.id)?.(message)
      this.waiting.delete(message.id)
    }
  }

  async request<T>(method: string, params: unknown = {}): Promise<T> {
    const id = ++this.last
    const answered = new Promise<Answer>((resolve) => this.waiting.set(id, resolve))
    this.api.postMessage({ id, method, params })
    return taken<T>(await answered)
  }

  listen(listener: Listener): void {
    this.listeners.push(listener)
  }

  async exportTable(request: Export): Promise<Exported> {
    return { remarks: [], ...(await this.request<Partial<Exported>>('host/export', request)) }
  }

  async saveImage(suggested: string, dataUrl: string): Promise<void> {
    await this.request('host/saveImage', { suggested, data: dataUrl.slice(dataUrl.indexOf(',') + 1) })
  }

  again(): void {
    void this.request('host/restart')
  }

  state(): unknown {
    return this.api.getState()
  }

  setState(state: unknown): void {
    this.api.setState(state)
  }
}

const OF_AN_IDE = ['host/file', 'host/show', 'host/view'] // what it may tell, beside its theme
const AGAIN = 2000 // milliseconds until a connection that broke is tried again

class HttpHost implements Host {
  readonly start: Promise<Start>
  private readonly token: string
  private readonly listeners: Listener[] = []

  constructor() {
    // A reload finds no fragment any more: the token is not to stand in the address bar.
    if (location.hash.includes('token=')) sessionStorage.setItem('flor', location.hash.slice(1))
    const given = new URLSearchParams(sessionStorage.getItem('flor') ?? '')
    history.replaceState(null, '', location.pathname)
    this.token = given.get('token') ?? ''
    this.paint(given.get('theme'))
    // An IDE that shows this page has its own JavaScript post to this very window; other windows are not heeded.
    window.addEventListener('message', ({ source, data }) => source === window && this.came(data))
    this.start = Promise.resolve({ uri: given.get('uri'), experiment: given.get('experiment') })
    void this.follow()
  }

  private paint(theme: unknown): void {
    if (theme) document.documentElement.dataset['theme'] = String(theme)
  }

  private came({ method, params }: { method?: string; params?: Record<string, unknown> }): void {
    if (method === 'host/theme') this.paint(params?.['theme'])
    else if (method && OF_AN_IDE.includes(method)) this.tell(method, params)
  }

  private fetch(path: string, body?: unknown): Promise<Response> {
    return fetch(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
  }

  async request<T>(method: string, params: unknown = {}): Promise<T> {
    let response
    try {
      response = await this.fetch('request', { method, params })
    } catch {
      throw new Error('The server is gone: start it again.')
    }
    return taken<T>((await response.json()) as Answer)
  }

  listen(listener: Listener): void {
    this.listeners.push(listener)
  }

  private tell(method: string, params: unknown): void {
    for (const listener of this.listeners) listener(method, params)
  }

  /** Read the server's notifications as long as the page is open; when they break off, begin again. */
  private async follow(): Promise<void> {
    for (let broken = false; ; broken = true) {
      try {
        const response = await this.fetch('events')
        if (!response.ok || !response.body) throw new Error(response.statusText)
        if (broken) this.tell('host/connection', { connected: true })
        await this.read(response.body)
      } catch {
        // it is tried again
      }
      this.tell('host/connection', { connected: false })
      await new Promise((resolve) => setTimeout(resolve, AGAIN))
    }
  }

  /** A notification stands on a line; empty ones keep the connection. */
  private async read(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader()
    for (let rest = ''; ;) {
      const { value, done } = await reader.read()
      if (done) return
      const lines = (rest + value).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines.filter((line) => line)) {
        const { method, params } = JSON.parse(line) as { method: string; params: unknown }
        this.tell(method, params)
      }
    }
  }

  async exportTable(request: Export): Promise<Exported> {
    const response = await this.fetch('export', request)
    if (!response.ok) taken((await response.json()) as Answer)
    save(request.suggested, URL.createObjectURL(await response.blob()))
    const remarks = decodeURIComponent(response.headers.get('Flor-Remarks') ?? '')
    return { remarks: remarks ? [remarks] : [] }
  }

  async saveImage(suggested: string, dataUrl: string): Promise<void> {
    save(suggested, dataUrl)
  }

  again(): void {
    location.reload()
  }

  state(): unknown {
    return JSON.parse(localStorage.getItem('flor-state') ?? 'null')
  }

  setState(state: unknown): void {
    localStorage.setItem('flor-state', JSON.stringify(state))
  }
}

function save(name: string, url: string): void {
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
