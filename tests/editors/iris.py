"""The Iris script in the IDE: what the plugin does for its user, and what the server has then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.editors.lsp4ij import Ide, path_of
from tests.lsp.client import Json

IRIS = (Path(__file__).parents[2] / "examples" / "iris" / "iris.py").read_text()
#: What is named, with the name that suits.
FIVE = {
    "0.15": "test_size", "random.randint(1,100)": "random_state", "gamma=|g": "gamma", "100.0": "C",
    "clf.score(X_te, y_te)": "score",
}  # fmt: skip


def edited(ide: Ide, command: str, argument: Json) -> Json:
    """What the plugin does with a command that edits a shadow copy: the copy is saved, unless it had changes of the user's
    own. One that no editor has open is saved before, too: the server reads it."""
    shadow = ide.request("flor/names", {"uri": argument["uri"]})["shadow"]
    path = None if shadow is None else path_of(shadow)
    if path is not None and path not in ide.editors:
        ide.save(path)
    keep = path in ide.documents
    done = ide.command(command, [argument])
    if not keep:
        ide.save(path or Path(done["shadow"]))
    return done


def name(ide: Ide, asked: Json, chosen: str | None = None) -> Json:
    """What the plugin does when an expression is to be named: the user takes the name that suits, unless another is given."""
    ide.request("flor/names", {"uri": asked["uri"]})
    argument = {key: asked[key] for key in ("uri", "version", "range")}
    return edited(ide, "flor.nameExpression", {**argument, "name": chosen or asked["name"]})


def columns(ide: Ide, *wanted: str) -> None:
    """Wait for a table that has these columns and no other names."""
    ide.notification("flor/tableChanged", lambda made: _names(made["columns"]) == list(wanted))


def _names(columns: Json) -> list[str]:
    return [own["name"] for own in columns if own["role"] == "name"]


def rows(ide: Ide, experiment: str = "iris") -> list[dict[str, Any]]:
    """The rows of an experiment's table."""
    opened = ide.request("flor/table", {"experiment": experiment})
    found = ide.request("flor/rows", {"handle": opened["handle"], "limit": 100})
    names = [own["name"] for own in opened["columns"]]
    return [dict(zip(names, row, strict=True)) for row in found["rows"]]
