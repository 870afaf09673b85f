"""The server: what it holds, and which feature answers what. Nothing here knows how."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from flor import home
from flor.annotate.chunks import Chunks
from flor.annotate.living import Living
from flor.errors import FlorError
from flor_lsp.client import Client, Settings, flor_options
from flor_lsp.documents import Document, Documents
from flor_lsp.experiments import Experiments, RunInfo
from flor_lsp.features import lenses, names, naming, panel, tables, values
from flor_lsp.jobs import Jobs
from flor_lsp.protocol import Protocol, ReplyError, on_unreadable
from flor_lsp.workers import Worker

if TYPE_CHECKING:
    from flor_lsp.panel_host import PanelHost

log = logging.getLogger("flor_lsp")

_IDLE = 3.0  # seconds without a change, until garbage is collected
_QUIET = 0.3  # seconds without a change, until what takes longer is done
_SETTLE = 0.1  # seconds from an edit to its telling
_PATIENCE = 5.0  # seconds that a client may take to answer


Answer = Callable[["FlorServer", Any], Awaitable[Any]]

#: What commands do with their arguments.
COMMANDS: dict[str, Answer] = {
    naming.COMMAND: naming.name_expression,
    "flor.removeName": names.remove_name,
    "flor.renameName": names.rename_name,
    names.UPDATE: names.update_shadow,
    "flor.run": tables.run,
    "flor.etl": tables.etl,
    "flor.openTable": tables.open_table,
    "flor.openPanel": panel.open_panel,
    "flor.sql": tables.sql,
}
#: What Flor's own requests are answered with.
REQUESTS: dict[str, Answer] = {
    "flor/experiments": tables.experiments,
    "flor/names": tables.names,
    "flor/nameable": naming.nameable,
    "flor/table": tables.table,
    "flor/rows": tables.rows,
    "flor/cell": tables.cell,
    "flor/plot": tables.plot,
    "flor/export": tables.export,
    "flor/reveal": tables.reveal,
    "flor/sql": tables.sql,
    "flor/closeTable": tables.close,
    "flor/jobs": tables.going,
    "flor/cancel": tables.cancel,
    "flor/panel": panel.address,
}


#: What concerns the side panel alone.
_OF_PANEL = ("flor/showTable", "flor/jobsChanged")


class FlorServer(LanguageServer):
    """What all features share."""

    protocol: Protocol

    def __init__(self, version: str) -> None:
        super().__init__("flor-lsp", version, protocol_cls=Protocol)
        self.exit_code = 1
        self.has_client = True  # whether one speaks LSP to it
        self.client = Client()
        self.panel_host: PanelHost | None = None  # what serves the side panel, once it is asked for
        self.settings = Settings()
        self._options: dict[str, Any] = {}  # of the initialization
        self.documents = Documents(self._changed, self._closed)
        self.published: set[str] = set()  # documents that have diagnostics
        self.remarks: dict[tuple[str, str], list[str]] = {}  # of the last table, by shadow copy and name
        self.experiments = Experiments(self._experiments_changed)
        self.jobs = Jobs(self)
        self.reader = Worker("values")
        self.maker = Worker("tables")
        self.viewer = Worker("windows of tables")
        self.values = values.Values(self)
        self._stripped: tuple[Living, Chunks] | None = None
        self._naming: dict[str, asyncio.Task[Any]] = {}  # by experiment: the table that is being made
        self._remembered: dict[str, str] = {}  # shadow copy -> its text as the last edit of the server made it
        self._refreshing = False
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._cleaning: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ends = False

    def report_server_error(self, error: Exception, source: Any) -> None:
        """What no request can be answered with goes to the log, not into the user's face."""
        on_unreadable(self.protocol, error)

    # ---- to the client

    @property
    def shows_panel(self) -> bool:
        """Whether someone has the side panel."""
        return self.client.panel or (self.panel_host is not None and self.panel_host.is_shown)

    def tell(self, method: str, params: dict[str, Any]) -> None:
        """Notify the client, and side panels."""
        if self.has_client and (self.client.panel or method not in _OF_PANEL):
            self.protocol.notify(method, params)
        if self.panel_host is not None:
            self.panel_host.notify(method, params)

    def say(self, kind: types.MessageType, text: str) -> None:
        """Say something to the user."""
        if self.has_client:
            self.window_show_message(types.ShowMessageParams(kind, text))
        else:
            log.warning("%s", text)

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

    async def answer(self, method: str, params: Any) -> Any:
        """What one of Flor's own requests is answered with, or a command, whoever asks. Raises ReplyError or FlorError
        with what is wrong."""
        if method == types.WORKSPACE_EXECUTE_COMMAND:
            given = params if isinstance(params, dict) else {}
            method, arguments = str(given.get("command")), given.get("arguments") or []
            if not isinstance(arguments, list):
                raise ReplyError("the arguments of a command are a list", types.ErrorCodes.InvalidParams)
            answer, params = COMMANDS.get(method), tuple(arguments)
        else:
            answer = REQUESTS.get(method)
        if answer is None:
            raise ReplyError(f"there is no {method}", types.ErrorCodes.MethodNotFound)
        return await answer(self, params)

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """What the client answers one of Flor's own requests with. Raises ReplyError if it does not."""
        try:
            return await asyncio.wait_for(self.protocol.send_request_async(method, params), _PATIENCE)
        except TimeoutError:
            raise ReplyError(f"the client does not answer {method}") from None
        except JsonRpcException as error:
            raise ReplyError(f"the client refused {method}: {error.message}") from None

    def spawn(self, work: Any) -> None:
        """Do something beside the answering of messages, unless the server ends."""
        if self._ends:
            work.close()
            return
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
        if self._cleaning is not None:
            self._cleaning.cancel()
        self._cleaning = loop.call_later(_IDLE, gc.collect)

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

    def runs_of(self, document: Document) -> list[RunInfo]:
        """The runs that captured a file, or a shadow copy's source; the newest first."""
        path = document.path if document.living is None else document.living.source_path
        if path is None:
            return []
        sha256 = document.sha256
        if document.living is not None:
            try:
                sha256 = self.documents.of(path).sha256
            except FlorError:  # it is gone; runs know it by its path
                sha256 = None
        return self.experiments.of_file(path, sha256)

    def stripped(self, living: Living) -> Chunks:
        """The source that a shadow copy is of, as the copy has it."""
        if self._stripped is None or self._stripped[0] is not living:
            self._stripped = living, values.stripped(living.sources)
        return self._stripped[1]

    # ---- tables

    def known_names(self, document: Document) -> list[str]:
        """Names of shadow copies that the last table of a shadow copy's experiment has."""
        try:
            folder = home.experiment_path(tables.experiment_of(self, document.uri))
            about = json.loads((folder / "table.json").read_bytes())
            return [str(name["name"]) for name in about["names"] if "logged" not in name]
        except (FlorError, ReplyError, OSError, ValueError, KeyError, TypeError):
            return []

    def remember(self, shadow: Path | None, text: str) -> None:
        """What a shadow copy will be when the client has made an edit."""
        if shadow is not None:
            self._remembered[str(shadow)] = text

    def after_naming(self, shadow: Path | None, name: str | None = None) -> None:
        """A name was made, changed or taken away: make the table anew. `name`: one that the copy has now."""
        if shadow is None:
            return
        self.documents.intended(shadow)
        if not self.settings.etl_on_name:
            return
        self.spawn(self._table_after_naming(shadow, name))

    async def _table_after_naming(self, shadow: Path, name: str | None) -> None:
        await asyncio.sleep(_SETTLE)  # the client tells of its edits
        text = self._remembered.pop(str(shadow), None)
        try:
            found = self.documents.of(shadow)
            if text is None or (found.version is not None and (name is None or f'"{name}"' in found.text)):
                text = found.text
            experiment = tables.experiment_of(self, found.uri)
        except FlorError:
            if text is None:
                return
            source = Living(text, Chunks.of(text), shadow.name).source_path
            runs = [] if source is None else self.experiments.of_file(source)
            if not runs:
                return
            experiment = runs[0].experiment
        except ReplyError as error:
            log.info("no table: %s", error.message)
            return
        if (before := self._naming.get(experiment)) is not None:
            before.cancel()
        task = asyncio.ensure_future(tables.make(self, experiment, shadow, text))
        self._naming[experiment] = task
        try:
            await task
        except (FlorError, ReplyError) as error:
            log.info("no table: %s", error)
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
        finally:
            if self._naming.get(experiment) is task:
                del self._naming[experiment]

    def table_made(self, experiment: str, made: dict[str, Any]) -> None:
        """Tell the client of a table."""
        copies = {column["name"]: column["shadow"] for column in made["columns"] if "shadow" in column}
        self.remarks = {key: own for key, own in self.remarks.items() if key[0] not in copies.values()}
        for remark in made["diagnostics"]:
            if remark["name"] in copies:
                self.remarks.setdefault((copies[remark["name"]], remark["name"]), []).append(remark["text"])
        self.tell("flor/tableChanged", made)
        for document in self.documents.opened():
            names.publish(self, document)

    def _experiments_changed(self, experiments: set[str]) -> None:
        self.tell("flor/experimentsChanged", {"experiments": sorted(experiments)})
        self._refresh()

    def _refresh(self) -> None:
        """Have the client ask again for what stands in its editors; not more often than it can be seen."""
        if self._refreshing or not self.documents.opened():
            return
        self._refreshing = True
        self.spawn(self._refresh_soon())

    async def _refresh_soon(self) -> None:
        await asyncio.sleep(_QUIET)
        self._refreshing = False
        with contextlib.suppress(Exception):  # a client that says it can and does not
            if self.client.refreshes_hints:
                await asyncio.wait_for(self.workspace_inlay_hint_refresh_async(None), _PATIENCE)
            if self.client.refreshes_lenses:
                await asyncio.wait_for(self.workspace_code_lens_refresh_async(None), _PATIENCE)

    # ---- the session

    async def begin(self) -> None:
        """The session has begun: what goes on beside it begins."""
        # Syntax trees are many objects and no cycles: looking through them would hold up who types.
        gc.freeze()
        gc.set_threshold(50_000, 50, 1_000)
        self.spawn(self.experiments.keep())
        if self.client.changes_configuration:
            changes = types.Registration("flor-settings", types.WORKSPACE_DID_CHANGE_CONFIGURATION)
            with contextlib.suppress(Exception):  # a client that says it can and does not
                asked = self.client_register_capability_async(types.RegistrationParams([changes]))
                await asyncio.wait_for(asked, _PATIENCE)
        await self.configure(None)

    async def settings_of(self, uri: str) -> Settings:
        """The settings for a document: folders of a workspace may have their own."""
        own = await self._asked_settings(uri)
        return Settings.read({**self._options, **own})[0] if isinstance(own, dict) else self.settings

    async def _asked_settings(self, uri: str | None) -> object:
        """What the client has under `flor`, in general or for a document; None if it does not say."""
        if not self.client.configuration or not self.has_client:
            return None
        items = types.ConfigurationParams([types.ConfigurationItem(section="flor", scope_uri=uri)])
        with contextlib.suppress(Exception):
            answer = await asyncio.wait_for(self.workspace_configuration_async(items), _PATIENCE)
            return answer[0] if answer else None
        return None

    async def configure(self, given: object) -> None:
        """Take the settings that the client has now: those it gives, or those it is asked for."""
        own = given.get("flor") if isinstance(given, dict) else None
        if not isinstance(own, dict):
            own = await self._asked_settings(None)
        if isinstance(own, dict):
            self.settings, problems = Settings.read({**self._options, **own})
            for problem in problems:
                log.warning("%s", problem)
            self._refresh()

    async def finish(self) -> None:
        """It ends, and so does what goes on beside it."""
        self._ends = True
        await self.jobs.stop()
        if self.panel_host is not None:
            self.panel_host.stop()
        for task in list(self._tasks):
            task.cancel()
        for worker in (self.reader, self.maker, self.viewer):
            await worker.stop()


def create_server(version: str) -> FlorServer:
    """A server that has not begun to serve."""
    server = FlorServer(version)

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.client = Client.read(params)
        server.documents.encoding = ServerCapabilitiesBuilder.choose_position_encoding(params.capabilities)
        server._options = flor_options(params.initialization_options)
        server.settings, problems = Settings.read(server._options)
        for problem in problems:
            log.warning("%s", problem)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(
            code_action_kinds=[naming.KIND, names.REWRITE, types.CodeActionKind.QuickFix], resolve_provider=True
        ),
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
        if _wanted(types.CodeActionKind.QuickFix, only):
            found += names.quick_fixes(server, document, params.context.diagnostics)
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

    @server.command(naming.AFTER)
    def after_naming(*arguments: Any) -> None:
        naming.after_naming(server, arguments)

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hint(params: types.InlayHintParams) -> list[types.InlayHint]:
        return await values.hints(server, params)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        return await values.hover(server, params)

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions(resolve_provider=False))
    def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        return lenses.lenses(server, params)

    for command, do in COMMANDS.items():
        server.command(command)(_command(server, do))
    for method, answer in REQUESTS.items():
        server.feature(method)(_request(server, answer))

    @server.feature(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def progress_cancel(params: types.WorkDoneProgressCancelParams) -> None:
        server.jobs.cancel_token(params.token)

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        await server.begin()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        await server.configure(params.settings)

    @server.feature(types.SHUTDOWN)
    async def shutdown(*_: Any) -> None:
        await server.finish()

    return server


def _request(server: FlorServer, answer: Answer) -> Callable[[Any], Awaitable[Any]]:
    async def handler(params: Any) -> Any:
        return await answer(server, params)

    return handler


def _command(server: FlorServer, answer: Answer) -> Callable[..., Awaitable[Any]]:
    async def handler(*arguments: Any) -> Any:
        return await answer(server, arguments)

    return handler


def _wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a client that asks for some kinds of actions asks for this one."""
    return only is None or any(kind == own or kind.startswith(f"{own}.") for own in map(str, only))
