"""How a program behaves: what it prints, how it ends, what it leaves in its namespace. Run many, plain and captured.

This file is two programs. Imported, it has `Server`, which a test asks. Run as a script (by plain Python or by `flor
python`), it is what answers: for each line with a path on stdin it forks a child, which runs the program of that path
as a module of the project, and prints a line of JSON.
"""

import contextlib
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import traceback
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

SECONDS = 5  # a random program that takes longer is given up


class Server:
    """Answers how programs in `folder` behave, under plain Python or captured."""

    def __init__(self, folder: Path, captured: bool) -> None:
        script = folder / "server.py"
        shutil.copyfile(__file__, script)
        self.folder = folder
        self.home = folder.parent / f"{folder.name}-home"
        flor = [str(Path(sys.executable).with_name("flor")), "python", str(script), "random"]
        self.process = subprocess.Popen(
            flor if captured else [sys.executable, str(script)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "FLOR_HOME": str(self.home), "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"},
        )

    def ask(self, path: Path, builtins: bool) -> dict[str, Any] | None:
        """How the program behaves; None if it was given up. Without `builtins` it cannot do much but raise."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps([str(path), builtins]), file=self.process.stdin, flush=True)
        answer: dict[str, Any] | None = json.loads(self.process.stdout.readline())
        for segments in self.home.glob("random/runs/*/segments/*-*"):
            shutil.rmtree(segments)
        return answer

    def has_captured(self, path: Path) -> bool:
        name = hashlib.sha256(path.read_bytes()).hexdigest()
        return any(self.home.glob(f"random/runs/*/sources/{name}.py"))

    def close(self) -> None:
        self.process.communicate()


def serve() -> None:
    for line in sys.stdin:
        path, builtins = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(SECONDS)
            resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
            os.write(writer, json.dumps(behaviour(path, builtins)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            answer = file.read()
        os.waitpid(child, 0)
        print(answer.decode() or "null", flush=True)


def behaviour(path: str, builtins: bool) -> dict[str, Any]:
    spec = spec_from_file_location("program", path)
    assert spec is not None and spec.loader is not None
    namespace: dict[str, Any] = {"__name__": "program"}
    if not builtins:
        namespace["__builtins__"] = {"__build_class__": __build_class__}
    output = io.StringIO()
    raised: list[Any] = []
    with contextlib.redirect_stdout(output):
        try:
            exec(spec.loader.get_code("program"), namespace)
        except BaseException as error:
            raised = ["".join(traceback.format_exception_only(error))]
            raised += [
                [f.lineno, f.colno, f.name] for f in traceback.extract_tb(error.__traceback__) if f.filename == path
            ]
        left = {name: type(value).__name__ for name, value in namespace.items()}
        namespace.clear()
    return {"prints": output.getvalue()[:20000], "raises": raised, "leaves": left}


if __name__ == "__main__":
    serve()
