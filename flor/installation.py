"""`flor install` and `flor uninstall`: what is needed and missing, what Flor made and can remove."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterator

from flor.errors import FlorError
from flor.home import SQL_HISTORY, experiments, home, private_directory, run_paths
from flor.listing import refuse_running, remove, size


def check() -> tuple[list[str], bool]:
    """A line for each thing that Flor needs, and whether something is missing."""
    lines: list[str] = []
    missing = False

    def say(good: bool, text: str, remedy: str = "", needed: bool = True) -> None:
        nonlocal missing
        missing |= needed and not good
        lines.append(
            f"{'ok     ' if good else 'missing' if needed else 'note   '}  {text}{'' if good else ': ' + remedy}"
        )

    version = ".".join(map(str, sys.version_info[:3]))
    say(sys.version_info >= (3, 11), f"Python {version} at {sys.executable}", "Flor needs 3.11 or later")
    for requirement in importlib.metadata.requires("flor-lsp") or []:
        if "extra ==" in requirement:
            continue
        package = requirement.partition(">")[0].strip()
        try:
            say(True, f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            say(False, package, f"pip install '{requirement}'")
    for module, what in (("flor.capture._probe", "the recorder in C"), ("flor.trace._decode", "the decoder in C")):
        try:
            __import__(module)
            say(True, what)
        except ImportError:
            say(
                False, what, "not built, Python does its work more slowly; install a C compiler, then Flor again", False
            )
    say(shutil.which("flor") is not None, "flor on the PATH", f"add {os.path.dirname(sys.executable)} to it", False)  # noqa: PTH120
    say(shutil.which("git") is not None, "git on the PATH", "without it runs keep their captured sources alone", False)
    try:
        private_directory(home())
        writable = home().is_dir() and os.access(home(), os.W_OK)
        say(writable, f"FLOR_HOME {home()}", "set it to a folder that can be written")
        free = shutil.disk_usage(home()).free
        say(free > 10**9, f"{free / 1e9:.0f} GB free there", "less than 1 GB for traces", False)
    except FlorError as error:
        say(False, f"FLOR_HOME {home()}", str(error))
    lines.append("something is missing" if missing else "everything is there: flor python SCRIPT EXPERIMENT")
    return lines, missing


def made(traces: bool) -> Iterator[tuple[str, Callable[[], None]]]:
    """What Flor made outside of its own package: (description, how to remove it).

    Raises FlorError if `traces` are asked for and a run is going on.
    """
    runs = [path for name in experiments() for path in run_paths(name)] if traces else []
    refuse_running(runs)
    cache = home() / ".cache"
    if cache.is_dir():
        yield f"the cache of rewritten code ({size(cache)})", lambda: shutil.rmtree(cache)
    history = home() / SQL_HISTORY
    if history.is_file():
        yield f"what was typed into flor sql ({history})", history.unlink
    if traces and home().is_dir():
        names = ", ".join(experiments()) or "none"
        yield f"all experiments in {home()} ({names}; {size(home())})", lambda: remove(home(), runs)
