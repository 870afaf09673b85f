"""Write into pages what their commands print now: `python -m tests.docs.update README.md docs/user-guide.md`.

An output with a line "..." is left as it is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docs.pages import Command, Session, steps
from tests.docs.test_commands import NOT_RUN


def update(page: Path) -> None:
    lines: list[str | None] = list(page.read_text().splitlines())
    with tempfile.TemporaryDirectory() as place:
        session = Session(Path(place))
        for step in steps(page.read_text()):
            if isinstance(step, Command):
                if step.text in NOT_RUN:
                    continue
                code, output = session.run(step.text)
                if code != step.code:
                    print(f"{page}:{step.line}: {step.text}: exit code {code}\n{output}")
                if "..." not in step.expected:
                    lines[step.line : step.line + len(step.expected)] = [None] * len(step.expected)
                    lines[step.line - 1] = "\n".join([f"$ {step.text}", *output.rstrip().splitlines()])
            elif step.written:
                session.write(step)
            else:
                for i in range(step.line - 1, step.line - 1 + step.text.count("\n")):
                    lines[i] = None
                shown = session.shown((session.folder / step.name).read_text()).rstrip("\n")
                lines[step.line - 2] = f"{lines[step.line - 2]}\n{shown}"
    page.write_text("\n".join(line for line in lines if line is not None) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        update(Path(name))
