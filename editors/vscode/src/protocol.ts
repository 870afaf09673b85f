// The server's messages that the extension itself uses; docs/protocol.md describes them.

export interface Range {
  start: { line: number; character: number }
  end: { line: number; character: number }
}

export interface Name {
  name: string
  text: string // the expression
  range: Range // in the shadow copy
  source: Range | null // in the source, if its place is known there
}

export interface Names {
  shadow: string | null
  source: string | null
  names: Name[]
}

export interface Run {
  id: string
  status: 'running' | 'finished' | 'failed' | 'killed'
  start: number // seconds since 1970
  end: number | null
  exitCode: number | null
  exception: string | null
}

export interface Experiment {
  name: string
  runs: Run[] // the newest first
}

export interface Job {
  id: number
  title: string
  state: 'running' | 'done' | 'failed' | 'cancelled'
}
