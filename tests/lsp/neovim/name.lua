-- Opens train.py, starts flor-lsp for it, names what is selected, and writes the shadow copy, as a user would.
local python, source = os.getenv('FLOR_PYTHON'), os.getenv('FLOR_SOURCE')
vim.cmd('edit ' .. source)
local id = vim.lsp.start_client({ name = 'flor', cmd = { python, '-m', 'flor_lsp', '--stdio' }, root_dir = vim.fn.getcwd() })
vim.lsp.buf_attach_client(0, id)
assert(vim.wait(20000, function()
  local client = vim.lsp.get_client_by_id(id)
  return client and client.initialized
end), 'the server did not start')

local client = vim.lsp.get_client_by_id(id)
local line = tonumber(os.getenv('FLOR_LINE'))
local params = {
  textDocument = vim.lsp.util.make_text_document_params(0),
  range = {
    start = { line = line, character = tonumber(os.getenv('FLOR_START')) },
    ['end'] = { line = line, character = tonumber(os.getenv('FLOR_END')) },
  },
  context = { diagnostics = {} },
}
local answer = client.request_sync('textDocument/codeAction', params, 20000, 0)
assert(answer and answer.result and #answer.result == 1, 'one action is expected: ' .. vim.inspect(answer))
local action = answer.result[1]
print(action.title)
if not action.edit then
  action = client.request_sync('codeAction/resolve', action, 20000, 0).result
end
vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
vim.cmd('silent wall')
vim.cmd('qall!')
