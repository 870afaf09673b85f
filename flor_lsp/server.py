"""The server: what it holds, and which feature answers what. Nothing here knows how."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder
from pygls.lsp.server import LanguageServer

from flor.errors import FlorError
from flor_lsp.client import Client, Settings, flor_options
from flor_lsp.documents import Document, Documents
from flor_lsp.features import names, naming
from flor_lsp.protocol import Protocol, ReplyError, on_unreadable

log = logging.getLogger("flor_lsp")

_QUIET = 0.3  # seconds without a change, until what takes longer is done


class FlorServer(LanguageServer):
    """What all features share."""

    protocol: Protocol

    def __init__(self, version: str) -> None:
        super().__init__("flor-lsp", version, protocol_cls=Protocol)
        self.exit_code = 1
        self.client = Client()
        self.settings = Settings()
        self.documents = Documents(self._changed, self._closed)
        self.published: set[str] = set()  # documents that have diagnostics
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def report_server_error(self, error: Exception, source: Any) -> None:
        """What no request can be answered with goes to the log, not into the user's face."""
        on_unreadable(self.protocol, error)

    # ---- to the client

    async def apply(self, edit: types.WorkspaceEdit, label: str) -> None:
        """Have the client apply an edit. Raises ReplyError if it does not."""
        if not self.client.applies_edits:
            raise ReplyError("the client applies no edits of the server: use the code action")
        params = types.ApplyWorkspaceEditParams(edit, label)
        if self.client.marks_refactorings:
            params.metadata = types.WorkspaceEditMetadata(is_refactoring=True)
        answer = await self.workspace_apply_edit_async(params)
        if not answer.applied:
            raise ReplyError(f"the client did not apply the edit: {answer.failure_reason or 'it gave no reason'}")

    def spawn(self, work: Any) -> None:
        """Do something beside the answering of messages."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("something beside failed", exc_info=error)

    # ---- documents

    def _changed(self, document: Document) -> None:
        uri = document.uri
        if (waiting := self._later.pop(uri, None)) is not None:
            waiting.cancel()
        loop = asyncio.get_running_loop()
        self._later[uri] = loop.call_later(_QUIET, self._settled, uri)

    def _settled(self, uri: str) -> None:
        """A document has not changed for a while."""
        self._later.pop(uri, None)
        document = next((d for d in self.documents.opened() if d.uri == uri), None)
        if document is not None:
            document.mend()
            names.publish(self, document)

    def _closed(self, uri: str) -> None:
        if (waiting := self._later.pop(uri, None)) is not None:
            waiting.cancel()
        names.forget(self, uri)

    def known_names(self, document: Document) -> list[str]:
        """Names that the tables of a shadow copy's experiments have."""
        return []

    def after_naming(self, uri: str) -> None:
        """A name was made, changed or taken away."""


def create_server(version: str) -> FlorServer:
    """A server that has not begun to serve."""
    server = FlorServer(version)

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.client = Client.read(params)
        server.documents.encoding = ServerCapabilitiesBuilder.choose_position_encoding(params.capabilities)
        server.settings, problems = Settings.read(flor_options(params.initialization_options))
        for problem in problems:
            log.warning("%s", problem)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[naming.KIND, names.REWRITE], resolve_provider=True),
    )
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        only = params.context.only
        document = server.documents.get(params.text_document.uri)
        explicit = params.context.trigger_kind == types.CodeActionTriggerKind.Invoked and bool(only)
        found: list[types.CodeAction] = []
        if _wanted(naming.KIND, only):
            found += naming.actions(server, document, params.range, explicit)
        if _wanted(names.REWRITE, only):
            found += names.actions(server, document, params.range)
        return found

    @server.feature(types.CODE_ACTION_RESOLVE)
    def resolve_code_action(action: types.CodeAction) -> types.CodeAction:
        data = action.data if isinstance(action.data, dict) else {}
        match data.get("action"):
            case "name":
                return naming.resolve(server, action, data)
            case "remove":
                return names.resolve_removal(server, action, data)
        return action

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare_rename(params: types.PrepareRenameParams) -> types.PrepareRenameResult | None:
        return names.prepare_rename(server, params)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        return names.rename(server, params)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def definition(params: types.DefinitionParams) -> types.Location | None:
        return names.definition(server, params)

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=['"', "'"]))
    def completion(params: types.CompletionParams) -> list[types.CompletionItem]:
        return names.completion(server, params)

    @server.command(naming.COMMAND)
    async def name_expression(*arguments: Any) -> dict[str, Any]:
        return await naming.name_expression(server, arguments)

    @server.command("flor.removeName")
    async def remove_name(*arguments: Any) -> dict[str, Any]:
        return await names.remove_name(server, arguments)

    @server.command("flor.renameName")
    async def rename_name(*arguments: Any) -> dict[str, Any]:
        return await names.rename_name(server, arguments)

    @server.command("flor.afterNaming")
    def after_naming(*arguments: Any) -> None:
        server.after_naming("")

    return server


def _wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a client that asks for some kinds of actions asks for this one."""
    return only is None or any(kind == own or kind.startswith(f"{own}.") for own in map(str, only))


__all__ = ["FlorError", "FlorServer", "create_server"]
