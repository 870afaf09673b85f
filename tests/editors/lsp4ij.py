"""An IDE with LSP4IJ, as far as a server can tell: what it says of itself, and how it takes edits, commands and documents.

It keeps documents as the IDE does: an edit changes the document, and nothing on disk until it is saved; a file that no
editor has open is the server's to read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlparse

from tests.lsp.client import Client, Json, apply_edits, position, range_of

#: What LSP4IJ 0.20 says of itself, as far as the server heeds it.
CAPABILITIES: Json = {
    "workspace": {
        "applyEdit": True,
        "configuration": True,
        "executeCommand": {"dynamicRegistration": True},
        "workspaceFolders": True,
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create", "delete", "rename"]},
        "didChangeConfiguration": {"dynamicRegistration": True},
        "codeLens": {"refreshSupport": True},
        "inlayHint": {"refreshSupport": True},
    },
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {
                "codeActionKind": {"valueSet": ["quickfix", "refactor", "refactor.extract", "refactor.rewrite"]}
            },
            "dynamicRegistration": True,
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        },
        "rename": {"dynamicRegistration": True, "prepareSupport": True},
        "hover": {"dynamicRegistration": True, "contentFormat": ["markdown", "plaintext"]},
        "synchronization": {"willSave": True, "willSaveWaitUntil": True, "didSave": True},
    },
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    "general": {"positionEncodings": ["utf-16"]},
}


class Ide(Client):
    """One project. Its plugin's own part is in `actions`, commands by id, and `answers`, to Flor's own requests."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        super().__init__(command, environment, folder)
        self.documents: dict[Path, str] = {}  # what is not saved
        self.editors: dict[Path, int] = {}  # the version of each that is open
        self.actions: dict[str, Callable[[Json], Json]] = {}
        self.settings: Json = {}
        self.browsed: list[str] = []  # addresses that the user's browser was given
        self.advertised: list[str] = []

    def begin(self, method: str, params: Json = None) -> Json:
        """Ids of requests are strings, as LSP4IJ has them."""
        self._id += 1
        self.send({"jsonrpc": "2.0", "id": str(self._id), "method": method, "params": params})
        return str(self._id)

    def start(self, options: Json, folder: Path) -> None:
        """Begin a session."""
        found = self.initialize(CAPABILITIES, options, folder)
        self.advertised = found["capabilities"]["executeCommandProvider"]["commands"]

    # ---- documents

    def text(self, path: Path) -> str:
        """What the IDE would show of a file."""
        found = self.documents.get(path)
        return path.read_text() if found is None else found

    def edit(self, path: Path, text: str) -> None:
        """Change a document, and tell the server if an editor has it open."""
        self.documents[path] = text
        if path in self.editors:
            self.editors[path] += 1
            self.replace(path.as_uri(), text, self.editors[path])

    def show(self, path: Path) -> str:
        """Open an editor. Returns the file's URI."""
        if path not in self.editors:
            self.editors[path] = 1
            self.open(path, self.text(path))
        return path.as_uri()

    def save(self, only: Path | None = None) -> None:
        """Save all documents, or one."""
        for path in [path for path in self.documents if only in (None, path)]:
            path.write_text(self.documents.pop(path))
            if path in self.editors:
                self.notify("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}})

    def apply(self, edit: Json) -> None:
        """Make an edit. No version is looked at, and nothing is saved."""
        for change in edit.get("documentChanges") or []:
            if change.get("kind") == "create":
                self._create(change)
            else:
                self._apply(change["textDocument"]["uri"], change["edits"])
        if "documentChanges" not in edit:
            for uri, edits in edit["changes"].items():
                path_of(uri).touch()
                self._apply(uri, edits)

    def _create(self, change: Json) -> None:
        path = path_of(change["uri"])
        if not path.exists():
            path.touch()
        elif not change["options"]["ignoreIfExists"]:
            self.edit(path, "")

    def _apply(self, uri: str, edits: Json) -> None:
        path = path_of(uri)
        text = self.text(path)
        last = text.count("\n")
        for own in edits:  # a line beyond the last one is the end
            for place in own["range"].values():
                if place["line"] > last:
                    place.update(position(text, len(text)))
        self.edit(path, apply_edits(text, edits))

    # ---- what the server asks

    def _answer(self, message: Json) -> None:
        method, params = message["method"], message.get("params")
        if method == "workspace/applyEdit":
            self.apply(params["edit"])
            result: Json = {"applied": True}
        elif method == "window/showDocument":
            if params.get("external"):
                self.browsed.append(params["uri"])
            elif params.get("selection") is None:
                return  # it never answers
            else:
                self.show(path_of(params["uri"]))
            result = {"success": True}
        elif method == "window/workDoneProgress/create":
            assert isinstance(params["token"], str)
            result = None
        elif method == "workspace/configuration":
            result = [self.settings.get(item["section"]) for item in params["items"]]
        elif method in self.answers:
            result = self.answers[method](params)
        else:
            assert method in (
                "client/registerCapability", "workspace/codeLens/refresh", "workspace/inlayHint/refresh",
            ), method  # fmt: skip
            result = None
        self.send({"jsonrpc": "2.0", "id": message["id"], "result": result})

    # ---- what the user does

    def command(self, command: str, arguments: Json) -> Json:
        """Do a command: the server's, if it advertises one, else the plugin's."""
        if command in self.advertised:
            return self.request("workspace/executeCommand", {"command": command, "arguments": arguments})
        assert command in self.actions, f"there is no action {command}"
        return self.actions[command](arguments[0])

    def code_actions(self, path: Path, piece: str) -> list[Json]:
        """What Alt+Enter offers on a piece of a document. `|`: the caret."""
        context = {"diagnostics": [], "triggerKind": 2}
        asked = {"textDocument": {"uri": path.as_uri()}, "range": range_of(self.text(path), piece), "context": context}
        found: list[Json] = self.request("textDocument/codeAction", asked) or []
        return found

    def perform(self, action: Json) -> Json:
        """Choose one of them: what has neither edit nor command is resolved, the edit is made, then comes the command."""
        if "edit" not in action and "command" not in action:
            action = self.request("codeAction/resolve", action)
        if "edit" in action:
            self.apply(action["edit"])
        if (command := action.get("command")) is not None:
            return self.command(command["command"], command["arguments"])
        return None

    def lenses(self, path: Path) -> dict[str, Json]:
        """The command of each code lens, by its title. Each has one already, so none is resolved one by one."""
        found = self.request("textDocument/codeLens", {"textDocument": {"uri": path.as_uri()}})
        return {lens["command"]["title"]: lens["command"] for lens in found}

    def hints(self, path: Path) -> list[str]:
        """The inlay hints of a document. LSP4IJ asks for all of it, and shows a tooltip only if it is plain text."""
        text = self.text(path)
        asked = {"start": {"line": 0, "character": 0}, "end": position(text, len(text))}
        found = self.request("textDocument/inlayHint", {"textDocument": {"uri": path.as_uri()}, "range": asked})
        parts = [part for hint in found for part in hint["label"]]
        assert all(isinstance(part["tooltip"], str) for part in parts)
        return [part["value"] for part in parts]


def path_of(uri: str) -> Path:
    """The path of a file."""
    return Path(unquote(urlparse(uri).path))
