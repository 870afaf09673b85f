"""Run the tests on every other supported Python that this machine has, each in a virtual environment of its own: or
what is given as arguments to Python, as in `pythons.py -m tests.cpython`.

`make test` calls it before it runs them on the Python of .venv. A version that is not there is named, not an error.
Tests that are marked `once` run on the Python of .venv only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINORS = (11, 12, 13)
_TESTS = ["-m", "pytest", "-n", "2", "-m", "not once", "tests"]


def interpreter(minor: int) -> str | None:
    """A working Python 3.`minor`: on the PATH, or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [shutil.which(f"python3.{minor}"), *map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python")))]
    for candidate in filter(None, candidates):
        answer = subprocess.run([candidate, "-c", "import sys, venv; print(sys.version_info[1])"], capture_output=True)
        if answer.stdout.strip() == str(minor).encode():
            return candidate
    return None


def main(arguments: list[str]) -> int:
    failed = 0
    for minor in MINORS:
        if minor == sys.version_info[1]:
            continue
        python = interpreter(minor)
        if python is None:
            print(f"Python 3.{minor} is not here: its tests are not run", flush=True)
            continue
        print(f"Python 3.{minor}", flush=True)
        folder = ROOT / ".venvs" / f"3.{minor}"
        installed = folder / "installed"
        project = ROOT / "pyproject.toml"
        sources = [project, *ROOT.glob("flor/*/*.[ch]")]
        if not installed.exists() or installed.stat().st_mtime < max(s.stat().st_mtime for s in sources):
            subprocess.run([python, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin/pip", "install", "--quiet", "--editable", f"{ROOT}[test]"], check=True)
            installed.touch()
        done = subprocess.run([folder / "bin/python", *(arguments or _TESTS)], cwd=ROOT)
        failed = failed or done.returncode
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
