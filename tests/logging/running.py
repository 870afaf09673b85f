"""Scripts that log, run by plain Python or by `flor python`, and their logs in short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def python(script: Path, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in the current folder; `code`: how it is to end."""
    return run(sys.executable, str(script), *arguments, code=code, **environment)


def flor(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the `flor` command in the current folder."""
    return run(sys.executable, "-m", "flor", *arguments, code=code, **environment)


def run(*command: str, code: int, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == code, done.stderr
    return done


def log(name: str) -> Any:
    """A Context's log in the current folder."""
    return json.loads(Path(f"{name}_log.json").read_text())


def outline(node: Any) -> Any:
    """A log in short: of a block its type and what is in it, of a record its type and value."""
    if isinstance(node, list):
        return [outline(own) for own in node]
    if "block_type" in node:
        kind = node["block_type"].removeprefix("function_body :: ").replace("loop_body", "loop")
        kind += "".join(f" < {name}" for name in node.get("consumes_from", []))
        return {kind: [outline(own) for own in node.get("log_sequence", [])]}
    return f"{node['typ']} {node['runtime_value']}"


def records(node: Any) -> list[dict[str, Any]]:
    """The records of a log, in order."""
    if isinstance(node, list):
        return [record for own in node for record in records(own)]
    return records(node.get("log_sequence", [])) if "block_type" in node else [node]
