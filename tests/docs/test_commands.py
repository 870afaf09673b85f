"""Every command of README.md and docs/*.md does what the page says. `pages.py` tells how pages are written.

After a change of what a command prints: `python -m tests.docs.update README.md docs/*.md`, and read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flor.cli import _parser
from tests.docs.pages import PAGES, ROOT, Command, Session, fences, masked, matches, steps

pytestmark = pytest.mark.once

#: Commands that cannot run in a test, and why.
NOT_RUN = {
    "make demo": "sets up the environment that this test already runs in; it runs the commands of the README",
    "make test": "runs this test",
    "make bench": "takes minutes",
    "pip install .": "changes the environment that this test runs in",
    "pip uninstall flor-lsp": "changes the environment that this test runs in",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_pages_commands_do_what_it_says(page: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    for step in steps(page.read_text()):
        where = f"{page.relative_to(ROOT)}:{step.line}"
        if isinstance(step, Command):
            if step.text in NOT_RUN:
                continue
            code, output = session.run(step.text)
            assert code == step.code, f"{where}: {step.text}: exit code {code}\n{output}"
            expected = masked("\n".join(step.expected))
            assert matches(expected, masked(output)), f"{where}: {step.text} prints\n{output}"
        elif step.written:
            session.write(step)
        else:
            assert session.shown((session.folder / step.name).read_text()) == step.text, f"{where}: {step.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_command_stands_where_it_is_not_run(page: Path) -> None:
    for fence in fences(page.read_text()):
        assert fence.info.split(" ")[0] in ("console", "python", "json", "text", ""), f"{page.name}:{fence.line}"
        if fence.info != "console":
            commands = [line for line in fence.lines if line.startswith(("$ ", "flor ", "make ", "pip "))]
            assert not commands, f"{page.name}:{fence.line}"


def test_the_reference_names_every_command_and_option() -> None:
    """Each command has a section, in the order of `flor --help`, which names its arguments and options."""
    sections = (ROOT / "docs" / "reference.md").read_text().split("\n### `flor ")[1:]
    by_name = {section.split()[0].rstrip("`"): section for section in sections}
    (commands,) = (action.choices for action in _parser()._actions if isinstance(action.choices, dict))
    assert list(by_name) == list(commands)
    for name, command in commands.items():
        for action in command._actions:
            words = action.option_strings or [str(action.metavar)]
            missing = [word for word in words if word not in by_name[name] and action.dest != "help"]
            assert not missing, f"flor {name}: {missing}"
