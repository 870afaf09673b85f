// Bundles the page into dist/: panel.js and panel.css, which every host serves. `--watch` goes on.

import * as esbuild from 'esbuild'

const options = {
  entryPoints: { panel: 'src/main.ts' },
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['es2022', 'chrome120', 'firefox120', 'safari17'],
  outdir: 'dist',
  legalComments: 'eof',
  logLevel: 'warning',
}

if (process.argv.includes('--watch')) await (await esbuild.context(options)).watch()
else await esbuild.build(options)
