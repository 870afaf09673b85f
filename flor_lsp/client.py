"""What the client can do: its capabilities and its options, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lsprotocol import types

_NAMES = ("inlay_hints", "hover", "code_lens", "diagnostics", "etl_on_name")


@dataclass(frozen=True)
class Settings:
    """What the user may set, under "flor" in the client's settings or in the initialization options."""

    inlay_hints: bool = True
    hover: bool = True
    code_lens: bool = True
    diagnostics: bool = True
    etl_on_name: bool = True  # naming an expression makes the table anew; so does the first run of what has names
    python: str | None = None  # the interpreter that runs scripts; none: the one that runs the server

    @classmethod
    def read(cls, options: object) -> tuple[Settings, list[str]]:
        """The settings in some JSON, and a sentence on each that cannot be read: it is as by default."""
        given = options if isinstance(options, dict) else {}
        found: dict[str, Any] = {}
        problems = []
        for name in _NAMES:
            key = _camel(name)
            value = given.get(key)
            if isinstance(value, bool):
                found[name] = value
            elif value is not None:
                problems.append(f"the setting flor.{key} is true or false, not {value!r}")
        python = given.get("python")
        if isinstance(python, str) and python:
            found["python"] = python
        elif python not in (None, ""):
            problems.append(f"the setting flor.python is the path of an interpreter, not {python!r}")
        return cls(**found), problems


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@dataclass(frozen=True)
class Client:
    """What the client said of itself."""

    resolves_edits: bool = False  # of code actions
    keeps_data: bool = False  # of code actions, until they are resolved
    disabled_actions: bool = False
    document_changes: bool = False
    creates_files: bool = False
    applies_edits: bool = False
    marks_refactorings: bool = False
    shows_documents: bool = False
    progress: bool = False
    refreshes_hints: bool = False
    refreshes_lenses: bool = False
    configuration: bool = False
    changes_configuration: bool = False  # by dynamic registration
    markdown: bool = False  # in a hover
    prompts: bool = False  # it has `flor.client.*` commands, which ask the user
    panel: bool = False  # it shows the side panel
    prepares_runs: bool = False  # it saves files, and knows with what a script is run

    @classmethod
    def read(cls, params: types.InitializeParams) -> Client:
        """From the parameters of `initialize`."""
        own = params.capabilities
        document, workspace, window = own.text_document, own.workspace, own.window
        action = document.code_action if document else None
        edit = workspace.workspace_edit if workspace else None
        hover = document.hover if document else None
        inlay = workspace.inlay_hint if workspace else None
        lens = workspace.code_lens if workspace else None
        told = workspace.did_change_configuration if workspace else None
        resolve = action.resolve_support if action else None
        options = flor_options(params.initialization_options)
        return cls(
            resolves_edits=bool(resolve and "edit" in resolve.properties),
            keeps_data=bool(action and action.data_support),
            disabled_actions=bool(action and action.disabled_support),
            document_changes=bool(edit and edit.document_changes),
            creates_files=bool(edit and types.ResourceOperationKind.Create in (edit.resource_operations or [])),
            applies_edits=bool(workspace and workspace.apply_edit),
            marks_refactorings=bool(getattr(edit, "metadata_support", False)),
            shows_documents=bool(window and window.show_document and window.show_document.support),
            progress=bool(window and window.work_done_progress),
            refreshes_hints=bool(inlay and inlay.refresh_support),
            refreshes_lenses=bool(lens and lens.refresh_support),
            configuration=bool(workspace and workspace.configuration),
            changes_configuration=bool(told and told.dynamic_registration),
            markdown=types.MarkupKind.Markdown in ((hover.content_format if hover else None) or []),
            prompts=options.get("prompt") is True,
            panel=options.get("panel") is True,
            prepares_runs=options.get("prepareRun") is True,
        )


def flor_options(options: object) -> dict[str, Any]:
    """What is under "flor" in the initialization options."""
    own = options.get("flor") if isinstance(options, dict) else None
    return own if isinstance(own, dict) else {}
