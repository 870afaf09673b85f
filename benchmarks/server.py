"""What the language server takes: from its start to the answer of `initialize`, requests in a file of 10,000 lines
right after an edit, naming until the edit is sent, memory, windows of a table of a million rows. A client over stdio.
"""

from __future__ import annotations

import ast
import math
import random
import re
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import processes
from benchmarks.commands import TABLE, TABLE_NAMES
from benchmarks.results import Row, spread
from tests.lsp.client import Client, apply_edits, offset, position, session

LINES = 10_000
_REQUESTS = 300
_STARTS = 7


def measure(rows: int) -> list[Row]:
    """A row for each figure, `title`, `p50`, `p99` in seconds; of memory `bytes`."""
    return list(_measure(rows))


def large_file(lines: int) -> str:
    """Modules of the standard library, one after the other; not those that are one class of thousands of lines."""
    text = ""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("[a-z]*.py")):
        own = path.read_text(errors="replace")
        if "__future__" not in own and own.isascii():
            text += own + "\n\n"
        if text.count("\n") >= lines:
            break
    return text


def _measure(rows: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        home, folder = Path(name, "home"), Path(name)
        starts = []
        for _ in range(_STARTS):
            begin = time.perf_counter()
            with session(home) as client:
                client.initialize()
                starts.append(time.perf_counter() - begin)
        yield {"title": "from start to the reply to initialize", "p50": statistics.median(starts), "p99": max(starts)}
        script = folder / "large.py"
        script.write_text(large_file(LINES))
        with session(home) as client:
            client.initialize()
            yield from _editing(client, script)
            yield {"title": "memory, the file open", "bytes": processes.resident(client.process.pid)}
        yield from _windows(home, folder, rows)


def _places(text: str) -> list[tuple[int, int]]:
    """Offsets of expressions on one line, in random order."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found = [
        (starts[node.lineno - 1] + node.col_offset, starts[node.lineno - 1] + node.end_col_offset)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call | ast.BinOp | ast.Attribute) and node.lineno == node.end_lineno
    ]
    random.Random(7).shuffle(found)
    return found


def after_edits(client: Client, script: Path, seconds: float = math.inf) -> tuple[list[float], list[float]]:
    """Open a file; again and again insert a line, and ask at once for the code actions of an expression. How long these
    took, and how long the first action of those took to be resolved. `seconds`: when to stop at the latest."""
    text = script.read_text()
    uri = client.open(script)
    chance = random.Random(3)
    actions, resolves = [], []
    version = 1
    last = time.perf_counter() + seconds
    start, end = _places(text)[0]
    first = {"textDocument": {"uri": uri}, "range": {"start": position(text, start), "end": position(text, end)}}
    client.request("textDocument/codeAction", {**first, "context": {"diagnostics": []}})  # it has been read
    for start, end in _places(text)[:_REQUESTS]:
        line = chance.randrange(text.count("\n"))
        at = offset(text, {"line": line, "character": 0})
        version += 1
        change = {"range": {"start": position(text, at), "end": position(text, at)}, "text": "# a line\n"}
        text = text[:at] + "# a line\n" + text[at:]
        start, end = (place + 9 * (at <= place) for place in (start, end))
        params = {"textDocument": {"uri": uri}, "range": {"start": position(text, start), "end": position(text, end)}}
        edit = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
        begin = time.perf_counter()
        client.notify("textDocument/didChange", edit)
        found = client.request("textDocument/codeAction", {**params, "context": {"diagnostics": []}})
        actions.append(time.perf_counter() - begin)
        if found and found[0].get("kind") == "refactor.extract.name":
            begin = time.perf_counter()
            client.request("codeAction/resolve", found[0])
            resolves.append(time.perf_counter() - begin)
        # the line goes again, so that it hits no string
        text = text[:at] + text[at + 9 :]
        version += 1
        gone = {"range": {"start": position(text, at), "end": {"line": line + 1, "character": 0}}, "text": ""}
        client.notify(
            "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [gone]}
        )
        client.request("textDocument/codeAction", {**params, "context": {"diagnostics": []}})
        if time.perf_counter() > last:
            break
    return actions, resolves


def _editing(client: Client, script: Path) -> Iterator[Row]:
    text = script.read_text()
    actions, resolves = after_edits(client, script)
    uri = script.as_uri()
    yield _row(f"code action, {LINES:,} lines, right after an edit", actions)
    yield _row(f"naming, {LINES:,} lines, no shadow copy yet, until the edit is sent", resolves)
    copy = script.with_name("large_h.py")
    shadow_text = ""
    named = []
    shadow = None
    for number, (start, end) in enumerate(_places(text)[:_REQUESTS]):
        params = {"textDocument": {"uri": uri}, "range": {"start": position(text, start), "end": position(text, end)}}
        begin = time.perf_counter()
        found = client.request("textDocument/codeAction", {**params, "context": {"diagnostics": []}})
        if not found:
            continue
        edit = client.request("codeAction/resolve", found[0])["edit"]["documentChanges"][-1]["edits"]
        named.append(time.perf_counter() - begin)
        shadow_text = apply_edits(shadow_text, edit)
        if shadow is None:
            copy.write_text(shadow_text)
            shadow = client.open(copy)
        else:
            changes = [{"range": own["range"], "text": own["newText"]} for own in reversed(edit)]
            changed = {"textDocument": {"uri": shadow, "version": number + 1}, "contentChanges": changes}
            client.notify("textDocument/didChange", changed)
    yield _row(f"naming, {LINES:,} lines, into an open shadow copy, until the edit is sent", named[1:])


def _windows(home: Path, folder: Path, rows: int) -> Iterator[Row]:
    text = TABLE.format(rows=rows)
    script = folder / "much.py"
    script.write_text(text)
    processes.run([processes.FLOR, "python", "much.py", "much"], home=home, cwd=folder)
    for expression, column in TABLE_NAMES:
        text = text.replace(expression, f'GET("{column}", {expression})')
    Path(folder, "much_h.py").write_text(f"#{script}\n{text}")
    processes.run([processes.FLOR, "etl", "much", "much_h.py"], home=home, cwd=folder)
    with session(home) as client:
        client.initialize()
        begin = time.perf_counter()
        opened = client.request("flor/table", {"experiment": "much"})
        yield _row(f"opening a table of {opened['rows']:,} rows", [time.perf_counter() - begin])
        chance = random.Random(1)
        orders = (
            ("as it is", {}),
            ("sorted", {"sort": [{"column": "x"}]}),
            ("filtered and sorted", {"sort": [{"column": "y", "descending": True}], "filter": [
                {"column": "x", "operator": ">", "value": 0.5}]}),
        )  # fmt: skip
        for title, order in orders:
            taken = []
            for number in range(_REQUESTS):
                params = {"handle": opened["handle"], "offset": chance.randrange(rows // 2), "limit": 100, **order}
                begin = time.perf_counter()
                client.request("flor/rows", params)
                if number:
                    taken.append(time.perf_counter() - begin)
                else:
                    first = time.perf_counter() - begin
            yield {**_row(f"a window of 100 rows, {title}", taken), "first": first}


def _row(title: str, taken: list[float]) -> Row:
    return {"title": title, **percentiles(taken), "spread": spread(taken)}


def percentiles(taken: list[float]) -> Row:
    """`p50` and `p99` of some times."""
    return {"p50": statistics.median(taken), "p99": sorted(taken)[min(int(len(taken) * 0.99), len(taken) - 1)]}
