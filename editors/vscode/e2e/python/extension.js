// A stand-in for the Python extension (it cannot be had offline): `environments` of its API, as its documentation has it.

const vscode = require('vscode')

const changed = new vscode.EventEmitter()
const selected = new Map() // folder's path -> interpreter

function environmentOf(resource) {
  const folder = resource && vscode.workspace.getWorkspaceFolder(resource)
  return selected.get(folder?.uri.fsPath) ?? process.env.FLOR_E2E_SELECTED
}

exports.activate = (context) => {
  context.subscriptions.push(
    changed,
    vscode.commands.registerCommand('python.select', (folder, python) => {
      selected.set(folder, python)
      changed.fire({ path: python, resource: vscode.Uri.file(folder) })
    }),
  )
  return {
    environments: {
      getActiveEnvironmentPath: (resource) => ({ id: 'own', path: environmentOf(resource) }),
      resolveEnvironment: async ({ path }) => ({ executable: { uri: vscode.Uri.file(path) } }),
      onDidChangeActiveEnvironmentPath: changed.event,
    },
  }
}
