"""The `flor` command: one function for each subcommand, no logic. What a command needs is imported by that command
alone.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from flor.errors import FlorError

if TYPE_CHECKING:
    import argparse

_PYTHON_USAGE = (
    "flor python [--capture PATTERN]... [--budget SIZE] [--arg NAME=VALUE]... [--replay] [-m] SCRIPT EXPERIMENT "
    "[script arguments...]"
)

_PYTHON_HELP = f"""usage: {_PYTHON_USAGE}

Run a script (with -m, a module) as python does, and keep its trace. What follows EXPERIMENT is the script's.

options:
  --capture PATTERN  capture these modules too, wherever they are installed: a name such as sklearn.svm, with
                     all that lies in it, or a pattern such as 'sklearn.*' (may be repeated)
  --budget SIZE      what the trace may take on disk, such as 500M or 4G
  --arg NAME=VALUE   what flor.arg(NAME, ...) gives to the program (may be repeated)
  --replay           flor.log keeps what .replay.json holds, and adds its keys beside
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. What the user got wrong is one line on stderr, and 2."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments[:1] == ["python"]:  # its output and its interrupts are the program's own
            return python(arguments[1:])
        return _command(arguments)
    except KeyboardInterrupt:  # before a program has begun; it reports its own. Python then dies by SIGINT
        sys.excepthook = lambda *_: None
        raise
    except FlorError as error:
        _warn([error])
        return 2


def _command(arguments: Sequence[str]) -> int:
    """Run a command other than `python`, and see that its output arrives. Raises FlorError if it does not."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale may lack a name's characters
    try:
        parsed = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int | None] = parsed.command
        code = command(parsed) or 0
        _flush()
        return code
    except BrokenPipeError:  # `flor log x | head`
        _discard_output()
        return 1
    except OSError as error:
        _discard_output()
        raise FlorError(f"{error.filename or 'cannot write the output'}: {error.strerror}") from None
    except KeyboardInterrupt:
        return 130


def _flush() -> None:
    if sys.stdout is not None:  # it is None where the shell closed it
        sys.stdout.flush()


def _output() -> TextIO:
    """Standard output, for what writes into it by itself. Raises FlorError where the shell closed it."""
    if sys.stdout is None:
        raise FlorError("cannot write the output: standard output is closed")
    return sys.stdout


def _discard_output() -> None:
    """What was not written yet is not tried again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def python(arguments: list[str]) -> int:
    """Run a script under capture. Its own arguments, options too, begin after the experiment's name."""
    from flor.capture.chosen import check_pattern
    from flor.capture.limits import size

    rest = list(arguments)
    as_module = False
    capture: list[str] = []
    budget: int | None = None
    given: dict[str, str] = {}
    replays = False
    while rest[:1] and rest[0].startswith("-"):
        option, equals, value = rest.pop(0).partition("=")
        if option in ("-h", "--help"):
            print(_PYTHON_HELP)
            return 0
        if option == "-m" and not as_module and not equals:
            as_module = True
            continue
        if option == "--replay" and not equals:
            replays = True
            continue
        if option not in ("--capture", "--budget", "--arg") or not (equals or rest):
            raise FlorError(f"usage: {_PYTHON_USAGE}")
        value = value if equals else rest.pop(0)
        if option == "--capture":
            capture.append(check_pattern(value, option))
        elif option == "--arg":
            name, equals, text = value.partition("=")
            if not name or not equals:
                raise FlorError(f"--arg {value}: write it as --arg NAME=VALUE")
            given[name] = text
        else:
            budget = size(value, option)
    if len(rest) < 2:
        raise FlorError(f"usage: {_PYTHON_USAGE}")
    from flor.capture.run import run
    from flor.trace.ended import ended

    run(rest[0], rest[1], rest[2:], as_module, ended, capture, budget, given, replays)


def cp(parsed: argparse.Namespace) -> int:
    from flor.annotate import files

    if (parsed.update is None) == (parsed.shadow is None) or (parsed.update and parsed.source):
        raise FlorError("usage: flor cp SRC DST, or flor cp --update SHADOW")
    if parsed.update is not None:
        lines, lost = files.update(parsed.update)
        _print(lines)
        _warn(lost)
        return 1 if lost else 0
    files.copy(parsed.source, parsed.shadow)
    print(f'{parsed.shadow} is a shadow copy of {parsed.source}: write GET("name", expression) in it')
    return 0


def name(parsed: argparse.Namespace) -> None:
    from flor.annotate import files

    ways = [parsed.list is not None, parsed.remove is not None, parsed.place is not None]
    if sum(ways) != 1 or (parsed.place is None) != (parsed.name is None):
        raise FlorError(
            "usage: flor name FILE:LINE:COLUMN[-LINE:COLUMN] NAME, flor name --list SHADOW, "
            "or flor name --remove SHADOW NAME"
        )
    if parsed.list is not None:
        for line in files.list_names(parsed.list):
            print(line)
    elif parsed.remove is not None:
        shadow, old = parsed.remove
        files.remove(Path(shadow), old)
        print(f"{shadow} has no name {old} any more")
    else:
        print(files.name(parsed.place, parsed.name, parsed.shadow))


def etl(parsed: argparse.Namespace) -> None:
    import time

    from flor.etl.asked import Asked
    from flor.etl.selection import Selection, moment
    from flor.home import runs
    from flor.output import export
    from flor.trace.ended import start_packing

    outputs = export.outputs(parsed.experiment, parsed.file, parsed.database, parsed.append, parsed.safe_csv)
    selection = Selection(
        tuple(parsed.run or ()),
        None if parsed.since is None else moment(parsed.since, time.time()),
        parsed.where,
        parsed.last,
    )
    asked = Asked(selection, parsed.rows, parsed.time, parsed.exact, parsed.long)
    made = asked.make(parsed.experiment, parsed.shadow)
    remarks = outputs.write(made.arrow)
    asked.save(made, parsed.experiment)
    _warn([*made.diagnostics, *remarks])
    print(export.head(made.arrow))
    _print([f"written to {title}" for title in outputs.titles])
    start_packing(runs(parsed.experiment, []))  # those that were killed, or could not be packed at their end


def sql(parsed: argparse.Namespace) -> None:
    sys.meta_path.insert(0, _WithoutPandas())
    stream = _output()
    output = "csv" if parsed.csv else "json" if parsed.json else "table"
    if output != "table" and isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8")  # whatever the locale: programs read it
    query, seconds = _query_and_seconds(parsed.query, parsed.watch)
    if query is None and _is_terminal(sys.stdin) and _is_terminal(stream):
        from flor.query import shell

        if seconds is not None:
            raise FlorError('--watch needs a query: flor sql --watch "select ..."')
        shell.run(output, stream, _warn, parsed.allow_files)
        return
    if query is None:
        query = _standard_input()
    if seconds is not None:
        from flor import watch

        watch.watch(query, output, seconds, stream, _warn, parsed.allow_files)
        return
    from flor.query import sql as engine

    with _dying_by_interrupts():  # DuckDB does not look up from its work, and there is nothing to clean up
        _warn(engine.run(query, output, stream, parsed.allow_files))


class _WithoutPandas:
    """pyarrow's datasets import pandas where it is installed, which takes longer than a query, and use nothing of
    it."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ImportError("flor sql does without pandas")


def _query_and_seconds(query: str | None, watch: str | None) -> tuple[str | None, float | None]:
    """What to ask, and how often: `--watch QUERY` stands for `--watch` and QUERY."""
    if watch is None:
        return query, None
    from flor.watch import SECONDS

    if watch == "":
        return query, SECONDS
    try:
        seconds = float(watch)
    except ValueError:
        if query is None:
            return watch, SECONDS
        seconds = -1
    if not 0.1 <= seconds <= 86_400:
        raise FlorError(f"--watch {watch}: say how many seconds, from 0.1 to 86400")
    return query, seconds


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _standard_input() -> str:
    if sys.stdin is None:
        raise FlorError('there is no SQL to run: write a query, such as flor sql "select * from runs"')
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise FlorError("the query holds bytes that are no text here: write it in the encoding of the locale") from None


def ui(parsed: argparse.Namespace) -> NoReturn:
    command = [sys.executable, "-P", "-m", "flor_lsp.ui"]
    command += ["--no-browser"] if parsed.no_browser else []
    command += [] if parsed.port is None else [f"--port={parsed.port}"]
    command += [] if parsed.experiment is None else ["--", parsed.experiment]
    os.execv(sys.executable, command)


def ls(parsed: argparse.Namespace) -> None:
    from flor import listing

    lines, warnings = listing.experiments_and_runs(parsed.experiment)
    _print(lines)
    _warn(warnings)


def show(parsed: argparse.Namespace) -> None:
    from flor import listing

    lines, warnings = listing.experiment(parsed.experiment)
    _print(lines)
    _warn(warnings)


def log(parsed: argparse.Namespace) -> None:
    if parsed.context:
        from flor.logging.whole import print_context

        print_context(parsed.experiment, _output())
        return
    from flor.trace.whole_log import print_log

    _warn(print_log(parsed.experiment, _output().buffer))


def check_log(parsed: argparse.Namespace) -> int:
    from flor.logging.grammar import check_file

    holds, problems = check_file(parsed.file)
    _warn(problems)
    print(
        f"{parsed.file}: {f'{len(problems)} departures from the grammar' if problems else f'as it should be, {holds}'}"
    )
    return 1 if problems else 0


def checkout(parsed: argparse.Namespace) -> None:
    from flor.checkout import checkout

    print(checkout(parsed.what, parsed.folder))


def rm(parsed: argparse.Namespace) -> int:
    from flor import listing

    what = listing.removable(parsed.what)
    if not parsed.yes and not _agrees(f"Remove {what.description}?"):
        print("nothing removed")
        return 1
    what.remove()
    print(f"removed {what.description}")
    experiment, slash, run = parsed.what.partition("/")
    if slash and run in listing.runs_of_table(experiment):
        from flor.query.renewal import etl_command

        _warn([f"the table of {experiment} still has the run's rows: {etl_command(experiment)} makes it anew"])
    return 0


def check(parsed: argparse.Namespace) -> int:
    from flor import installation

    lines, missing = installation.check()
    _print(lines)
    return 1 if missing else 0


def clean(parsed: argparse.Namespace) -> int:
    from flor import installation

    for description, remove in installation.made(parsed.traces):
        if parsed.yes or _agrees(f"Remove {description}?"):
            remove()
            print(f"removed {description}")
    print(
        "to remove the program itself: pip uninstall flor-lsp"
        + ("" if parsed.traces else "; the traces stay (--traces removes them)")
    )
    return 0


def install() -> int:
    """`pyflor_install`, the name that the first Flor gave it."""
    return main(["install", *sys.argv[1:]])


def uninstall() -> int:
    """`pyflor_uninstall`, the name that the first Flor gave it."""
    return main(["uninstall", *sys.argv[1:]])


@contextlib.contextmanager
def _dying_by_interrupts() -> Iterator[None]:
    """An interrupt ends the process at once, unless whoever started it made it deaf to them."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _warn(warnings: Iterable[object]) -> None:
    """A line on stderr for each."""
    for warning in warnings:
        print(f"flor: {warning}".translate(_LINE_ENDS), file=sys.stderr)


_LINE_ENDS = str.maketrans({"\n": "\\n", "\r": "\\r"})  # a file's name can have some


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        print(line)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise FlorError(f"{text!r} is no number of runs: give one from 1 on")
    return int(text)


def _agrees(question: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise FlorError(f"{question} There is nobody to ask: say --yes")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _parser() -> argparse.ArgumentParser:
    import argparse  # not above: `flor python` does without, and its start is hot

    class Parser(argparse.ArgumentParser):
        """A wrong command line is one line on stderr, as all that the user gets wrong."""

        def error(self, message: str) -> NoReturn:
            raise FlorError(f"{message}; see {self.prog} --help")

        def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
            _flush()
            super().exit(status, message)

    class Version(argparse.Action):
        def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
            import importlib.metadata

            print(f"flor {importlib.metadata.version('flor-lsp')}")
            parser.exit()

    parser = Parser(
        prog="flor", description="Run your ML code once; afterwards name any expression and get its values as a table."
    )
    parser.add_argument("--version", action=Version, nargs=0, help="print Flor's version")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(title: str, command: Callable[[argparse.Namespace], int | None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(title, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(command=command)
        return sub

    run = add("python", lambda _: python([]), "run a script and keep its complete execution trace")
    run.usage = _PYTHON_USAGE
    sub = add("cp", cp, "make a shadow copy of a source, to write names into; or carry one's names over to its source")
    sub.add_argument("source", metavar="SRC", nargs="?", type=Path)
    sub.add_argument("shadow", metavar="DST", nargs="?", type=Path)
    sub.add_argument(
        "--update",
        metavar="SHADOW",
        type=Path,
        help="make SHADOW a copy of its source as it is now, with the same names",
    )
    sub = add("name", name, "name an expression from the command line, list a shadow copy's names, or take one out")
    sub.add_argument("place", metavar="FILE:LINE:COLUMN[-LINE:COLUMN]", nargs="?", help="counted from 1")
    sub.add_argument("name", metavar="NAME", nargs="?")
    sub.add_argument(
        "--shadow", metavar="FILE", type=Path, help="the shadow copy; by default SOURCE_h.py beside the source"
    )
    sub.add_argument("--list", metavar="SHADOW", type=Path, help="list the names in a shadow copy")
    sub.add_argument("--remove", metavar=("SHADOW", "NAME"), nargs=2, help="take a name out of a shadow copy")
    sub = add("etl", etl, "scan the traces of an experiment and make the table of a shadow copy's names")
    sub.add_argument("experiment", metavar="EXPERIMENT")
    sub.add_argument("shadow", metavar="SHADOW", nargs="*", type=Path)
    sub.add_argument("--run", metavar="RUN", action="append", help="only this run (may be repeated)")
    sub.add_argument("--last", metavar="N", type=_positive, help="only the last N runs")
    sub.add_argument("--since", metavar="WHEN", help="only runs that began then or later: a date, or 90m, 2h, 3d ago")
    sub.add_argument("--where", metavar="SQL", help='only runs for which this holds, as in "exit_code = 0"')
    kind = sub.add_mutually_exclusive_group()
    kind.add_argument(
        "--rows", metavar="BLOCK", help="a row for each instance of this block, as in epoch, train or run"
    )
    kind.add_argument("--long", action="store_true", help="a row for each value: run, name, block, value, type")
    sub.add_argument("--time", action="store_true", help="when each row began, and how long it took")
    sub.add_argument(
        "--exact", action="store_true", help="no value of a run whose version of the source is not the annotated one"
    )
    sub.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        action="append",
        default=[],
        type=Path,
        help="write this file: .csv, .parquet, .arrow, .json or .xlsx; by default EXPERIMENT.csv (may be repeated)",
    )
    sub.add_argument(
        "-d",
        "--database",
        metavar=("KIND", "DSN"),
        nargs="+",
        action="append",
        default=[],
        help="write into a database: sqlite, duckdb or postgres; DSN is its file or address; give it behind SHADOW "
        "(may be repeated)",
    )
    sub.add_argument("--append", action="store_true", help="append to the table in the database, do not replace it")
    sub.add_argument("--safe-csv", action="store_true", help="write CSV without what a spreadsheet takes for a formula")
    sub = add("sql", sql, "ask a question in SQL of all experiments' tables, and of runs, sites, blocks and values")
    sub.add_argument(
        "query", metavar="QUERY", nargs="?", help="without it: a shell on a terminal, else standard input is read"
    )
    form = sub.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV")
    form.add_argument("--json", action="store_true", help="print JSON, a list of objects")
    sub.add_argument(
        "--watch", metavar="SECONDS", nargs="?", const="", help="ask again while runs go on, every 2 seconds or so many"
    )
    sub.add_argument("--allow-files", action="store_true", help="let SQL reach files outside of the current folder")
    sub = add("ui", ui, "show runs and tables in a browser")
    sub.add_argument("experiment", metavar="EXPERIMENT", nargs="?", help="the one to show at first")
    sub.add_argument("--no-browser", action="store_true", help="print the address only")
    sub.add_argument("--port", metavar="PORT", type=int, help="on 127.0.0.1; by default any that is free")
    sub = add("ls", ls, "list experiments and their runs")
    sub.add_argument("experiment", metavar="EXPERIMENT", nargs="?")
    sub = add("show", show, "show an experiment: its runs, names and sources")
    sub.add_argument("experiment", metavar="EXPERIMENT")
    sub = add("log", log, "print a run's complete execution trace as JSON")
    sub.add_argument("experiment", metavar="EXPERIMENT[/RUN]")
    sub.add_argument("--context", action="store_true", help="what its last Context logged, as in NAME_log.json")
    sub = add("check-log", check_log, "check that a NAME_log.json is as the grammar says")
    sub.add_argument("file", metavar="FILE", type=Path)
    sub = add("checkout", checkout, "write the code of a run into a new folder")
    sub.add_argument("what", metavar="EXPERIMENT[/RUN]")
    sub.add_argument("folder", metavar="DIR", type=Path)
    sub = add("rm", rm, "remove an experiment or one of its runs")
    sub.add_argument("what", metavar="EXPERIMENT[/RUN]")
    sub.add_argument("-y", "--yes", action="store_true", help="do not ask")
    add("install", check, "check that everything Flor needs is there")
    sub = add("uninstall", clean, "remove what Flor made; never the traces unless asked")
    sub.add_argument("--traces", action="store_true", help="the experiments too, with all their runs")
    sub.add_argument("-y", "--yes", action="store_true", help="do not ask")
    return parser


if __name__ == "__main__":
    sys.exit(main())
