#!/usr/bin/env bash
# The end-to-end tests on a recent VS Code (1.139), in an installation of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
export FLOR_E2E_CODE_SERVER=4.139.1
export FLOR_VSCODE_E2E=${FLOR_VSCODE_E2E_LATEST:-${XDG_CACHE_HOME:-$HOME/.cache}/flor-vscode-e2e-1.139}
e2e/install.sh
npm run e2e
