"""What makes an experiment's table anew: the command, with the shadow copies that the table was made with.

Standard library only: `flor rm` says it, too.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from flor import home


def etl_command(experiment: str) -> str:
    """The `flor etl` command. Where table.json does not say which shadow copies there were, SHADOW stands for them."""
    words = ["flor", "etl", experiment]
    try:
        shadows = json.loads((home.experiment_path(experiment) / "table.json").read_bytes())["shadows"]
        words += [_short(Path(shadow)) for shadow in shadows]
    except (OSError, ValueError, KeyError, TypeError):
        words.append("SHADOW")
    return shlex.join(words)


def _short(path: Path) -> str:
    """A path as one would type it in the current folder."""
    try:
        here = Path.cwd()
    except OSError:
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
