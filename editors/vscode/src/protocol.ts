// The server's messages that the extension itself uses; docs/protocol.md describes them.

export type { Experiment, Job, Run } from '../../panel/src/protocol'

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

/** What the program logged in the source. */
export interface Logged {
  name: string
  typ: 'param' | 'metric' | 'log' | 'arg'
  text: string // what is logged
  source: Range | null // of the call, if it is there now
}

export interface Names {
  shadow: string | null
  source: string | null
  names: Name[]
  logged: Logged[]
}
