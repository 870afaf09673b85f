"""`flor check-log`: whether a file is a log by the grammar of docs/logging.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flor.errors import FlorError
from flor.trace.cet_json import check_log


def check_file(path: Path) -> tuple[str, list[str]]:
    """What a log holds, in a few words, and where it departs from the grammar. Raises FlorError if the file cannot be
    read, or is no JSON."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise FlorError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise FlorError(f"{path} is no JSON: {error}") from None
    roots = document if isinstance(document, list) else [document]
    problems = [problem for root in roots for problem in check_log(root, empty_blocks=True)]
    blocks, records = _count(roots)
    return f"{len(roots)} {_plural('root', len(roots))}, {blocks} {_plural('block', blocks)}, " + (
        f"{records} {_plural('record', records)}"
    ), problems


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _count(roots: list[Any]) -> tuple[int, int]:
    """How many block nodes and log records there are."""
    blocks = records = 0
    todo = list(roots)
    while todo:
        node = todo.pop()
        if isinstance(node, dict) and "block_type" in node:
            blocks += 1
            members = node.get("log_sequence")
            todo += members if isinstance(members, list) else []
        else:
            records += 1
    return blocks, records
