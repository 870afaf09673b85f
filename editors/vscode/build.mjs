// Bundles the extension into dist/, with the side panel's page beside it.

import * as esbuild from 'esbuild'
import fs from 'node:fs'

await esbuild.build({
  entryPoints: ['src/extension.ts'],
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  outfile: 'dist/extension.js',
  logLevel: 'warning',
})

const page = new URL('../panel/dist/', import.meta.url)
if (!fs.existsSync(new URL('panel.js', page)))
  throw new Error('the side panel is not built: make panel does it')
for (const name of ['panel.js', 'panel.css'])
  fs.copyFileSync(new URL(name, page), new URL(`dist/${name}`, import.meta.url))

// The README as it is packaged: with its pictures in it, for VS Code finds none that lie beside it.
const inlined = fs
  .readFileSync('README.md', 'utf8')
  .replaceAll(/\]\(([\w./-]+\.(png|gif))\)/g, (_, name, type) => {
    return `](data:image/${type};base64,${fs.readFileSync(name, 'base64')})`
  })
fs.writeFileSync('dist/README.md', inlined)
