"""What the language server takes: from its start to the answer of `initialize`, requests in a file of 10,000 lines
right after an edit, naming until the edit is sent, memory, windows of a table of a million rows. A client over stdio.
"""

from __future__ import annotations

import ast
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

_LINES = 10_000
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
        script.write_text(large_file(_LINES))
        with session(home) as client:
            client.initialize()
            yield from _editing(client, script)
            yield {"title": "memory, the file open", "bytes": _resident(client.process.pid)}
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


def _editing(client: Client, script: Path) -> Iterator[Row]:
    text = script.read_text()
    uri = client.open(script)
    chance = random.Random(3)
    actions, resolves = [], []
    version = 1
    client.request("textDocument/codeLens", {"textDocument": {"uri": uri}})  # it has been read
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
        if found:
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
    yield _row(f"code action, {_LINES:,} lines, right after an edit", actions)
    yield _row(f"naming, {_LINES:,} lines, no shadow copy yet, until the edit is sent", resolves)
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
    yield _row(f"naming, {_LINES:,} lines, into an open shadow copy, until the edit is sent", named[1:])


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
    p99 = sorted(taken)[min(int(len(taken) * 0.99), len(taken) - 1)]
    return {"title": title, "p50": statistics.median(taken), "p99": p99, "spread": spread(taken)}


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
