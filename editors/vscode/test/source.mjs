// A module of the extension's source, for a test in Node.

import * as esbuild from 'esbuild'
import { fileURLToPath } from 'node:url'

export async function source(name) {
  const path = fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url))
  const built = await esbuild.build({
    entryPoints: [path],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  })
  return import(
    `data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString('base64')}`
  )
}
