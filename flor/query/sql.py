"""SQL over tables and traces: DuckDB in memory, which sees what is registered here, files of the current folder, and no
other file, and not the network.

An experiment's table goes by the experiment's name; `runs`, `sites`, `blocks` and `values` are views of the traces.
Only what a query names is read: DuckDB says which table it lacks, that one is registered, and the statement is tried
again. Both are Arrow datasets, which DuckDB asks for some columns of the rows that pass a filter.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import Any, TextIO, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from flor import home
from flor.errors import FlorError
from flor.query import answers
from flor.query.answers import Answer, Batch
from flor.query.held import projection
from flor.query.renewal import etl_command
from flor.query.views import SCHEMAS, view

_PARQUET = ds.ParquetFileFormat()
_ROWS = 65_536  # of a batch
_UNKNOWN_TABLE = re.compile(r"Table with name (.+?) does not exist!")
_SUGGESTION = re.compile(r"Candidate bindings: |Did you mean ")
_NO_ACCESS = re.compile(r'Permission Error: Cannot access (?:file|directory) "(.*)" - file system operations')
#: Types whose values are the same Python objects by way of Arrow, which needs less time and memory.
_PLAIN = re.compile(
    r"BOOLEAN|U?(TINY|SMALL|BIG)INT|U?INTEGER|HUGEINT|FLOAT|DOUBLE|DECIMAL\(.*\)|VARCHAR|ENUM\(.*\)|BLOB"
    r'|"NULL"'
)
#: What a query may SET. Of the rest something reaches files, or the network.
_SETTINGS = (
    "default_collation", "default_null_order", "default_order", "ieee_floating_point_ops", "integer_division",
    "max_expression_depth", "memory_limit", "null_order", "ordered_aggregate_threshold", "pivot_limit",
    "preserve_insertion_order", "scalar_subquery_error_on_multiple_rows", "schema", "search_path", "threads",
    "TimeZone",
)  # fmt: skip

_T = TypeVar("_T")


class NoAccessError(FlorError):
    """SQL named a file that it may not reach."""


class Database:
    """DuckDB in memory with its rules, for one query after the other. Close it in the end."""

    def __init__(self, allow_files: bool = False, files_here: bool = True) -> None:
        """SQL reaches all files with `allow_files`, else those of the current folder, with `files_here`."""
        here = _here()  # of a folder that is there: elsewhere DuckDB does nothing
        self.named: set[str] = set()  # experiments and views that the last query named
        self._registered: set[str] = set()
        self._files_here = files_here or allow_files
        self._closed = None if allow_files or not files_here else _why_closed(here)
        self._connection = duckdb.connect(
            ":memory:", config={"python_enable_replacements": "false", "allow_persistent_secrets": "false"}
        )
        folder = "/" if allow_files else str(here) if files_here and self._closed is None else None
        rules = [
            f"set allowed_directories = [{'' if folder is None else quoted(folder)}]",
            "set enable_external_access = false",
            "set extension_directory = 'none://'",  # outside of the folders: none is installed
            f"set allowed_configs = [{', '.join(map(quoted, _SETTINGS))}]",
            "set lock_configuration = true",
        ]
        for rule in rules:
            self._connection.execute(rule)

    def query(self, sql: str) -> Answer:
        """Run SQL, of one or several statements; the answer is the last one's. Raises FlorError with DuckDB's message.

        Whatever goes by a name is looked up anew.
        """
        warnings: list[str] = []
        self._forget()
        if any("\ud800" <= c <= "\udfff" for c in sql):
            raise FlorError("the query holds bytes that are no text here: write it in the encoding of the locale")
        try:
            statements = self._connection.extract_statements(sql)
            if not statements:
                raise FlorError('there is no SQL to run: write a query, such as flor sql "select * from runs"')
            for statement in statements:
                relation = self._execute(statement, warnings)
                if relation is not None and statement is not statements[-1]:
                    for _ in self._batches(relation):
                        pass
        except (duckdb.Error, ValueError) as error:  # ValueError: a statement that duckdb has no name for
            raise self._error(error) from None
        if relation is None:
            return Answer([], iter(()), warnings)
        return Answer([str(column[0]) for column in relation.description], self._batches(relation), warnings)

    def _kinds(self, sql: str) -> list[Any]:
        """Of each statement what it does. Raises FlorError as `query` does."""
        try:
            return [statement.type for statement in self._connection.extract_statements(sql)]
        except duckdb.Error as error:
            raise self._error(error) from None

    def forgets(self, sql: str) -> list[str]:
        """A line where SQL ends by making a table or a view in memory, which is gone with it."""
        kinds = self._kinds(sql)
        if kinds[-1] != duckdb.StatementType.CREATE or duckdb.StatementType.ATTACH in kinds:
            return []
        return ["what this made is gone again: ask for it in the same SQL, or keep it with COPY ... TO 'file.parquet'"]

    def only_asks(self, sql: str) -> bool:
        """Whether SQL changes nothing. Raises FlorError as `query` does."""
        kinds = set(self._kinds(sql))
        return kinds <= {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI}  # PIVOT

    def interrupt(self) -> None:
        """End the query that runs in another thread: there, FlorError is raised."""
        self._connection.interrupt()

    def apart(self, work: Callable[[], _T]) -> _T:
        """Do something with queries in a thread of its own. An interrupt ends the query that runs there; when that has
        ended, KeyboardInterrupt is raised. For the main thread."""
        interrupted = threading.Event()
        before = signal.getsignal(signal.SIGINT)
        if before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, lambda *_: interrupted.set())
        try:
            with ThreadPoolExecutor(1) as pool:
                future = pool.submit(work)
                while not wait([future], timeout=0.1).done:
                    if interrupted.is_set():  # again and again: it may have been between two queries
                        self.interrupt()
        finally:
            signal.signal(signal.SIGINT, before)
        if interrupted.is_set():
            raise KeyboardInterrupt
        return future.result()

    def close(self) -> None:
        self._connection.close()

    def _batches(self, relation: Any) -> Iterator[Batch]:
        try:
            if all(_PLAIN.fullmatch(str(kind)) for kind in relation.types):
                yield from relation.to_arrow_reader(_ROWS)
            else:
                rows = iter(relation.project(projection(relation.types)).iter_rows())
                while batch := list(islice(rows, _ROWS)):
                    yield batch
        except (duckdb.Error, pa.ArrowException, OSError, OverflowError) as error:  # the last: Python has no such value
            raise self._error(error) from None

    def _error(self, error: Exception) -> FlorError:
        text, _, rest = str(error).strip().partition("\n")
        if _SUGGESTION.match(rest):
            text = f"{text} {rest.partition(chr(10))[0]}"
        if (match := _NO_ACCESS.search(text)) is None:
            return FlorError(f"SQL: {text}")
        if match[1].startswith("none://"):
            return FlorError("SQL: extensions of DuckDB cannot be installed")
        if "://" in match[1] and not match[1].startswith("file:"):
            return FlorError(f"SQL: {match[1]} cannot be reached: there is no network here")
        if not self._files_here:
            return NoAccessError(f"SQL: {match[1]} cannot be reached: there are no files here")
        if self._closed is not None:
            return NoAccessError(
                f"SQL: {match[1]} cannot be reached: {self._closed}; go to another folder, or say --allow-files"
            )
        return NoAccessError(f"SQL: {match[1]} is not in the current folder: --allow-files lets SQL reach other files")

    def _forget(self) -> None:
        for name in self._registered:
            self._connection.unregister(name)
        self._registered.clear()
        self.named.clear()

    def _execute(self, statement: Any, warnings: list[str]) -> Any:
        """Run a statement; register each table that DuckDB finds missing. A SELECT runs when its rows are asked for."""
        while True:
            try:
                return self._connection.sql(statement)
            except duckdb.CatalogException as error:
                match = _UNKNOWN_TABLE.search(str(error))
                if match is None or match[1] in self._registered:
                    raise
                name, dataset = _find(match[1], warnings)
                self._connection.register(match[1], dataset)
                self._registered.add(match[1])
                self.named.add(name)


def _here() -> Path:
    """The current folder. Raises FlorError if there is none."""
    try:
        return Path.cwd().resolve()
    except OSError:
        raise FlorError("the current folder was removed: go to another one") from None


def _why_closed(here: Path) -> str | None:
    """Why no file of the current folder `here` may be reached, if none may.

    DuckDB writes wherever it reads, so the traces must not lie there. And it takes `link/..` for the folder that holds
    the link, where the system goes to the folder above the link's target.
    """
    traces = home.home().resolve()
    if traces.is_relative_to(here) or here.is_relative_to(traces):
        return "FLOR_HOME is in the current folder or around it"
    for folder, names, _ in os.walk(here):
        for link in (Path(folder, name) for name in names):
            if link.is_symlink():
                target = link.resolve()
                if not target.is_relative_to(here) or len(target.parts) < len(link.parts):
                    return f"the link {link} leads out of the current folder"
    return None


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _find(name: str, warnings: list[str]) -> tuple[str, ds.Dataset]:
    """What goes by a name in SQL: a view or an experiment. Raises FlorError if nothing does."""
    experiments = home.experiments()
    if name.lower() in SCHEMAS:
        if name.lower() in experiments:
            warnings.append(f"{name} is the view of all traces; the experiment of that name is hidden by it")
        return name.lower(), view(name.lower(), warnings)
    same = [name] if name in experiments else [e for e in experiments if e.casefold() == name.casefold()]
    if len(same) != 1:
        raise FlorError(f"there is no table {name}; there are {', '.join([*experiments, *SCHEMAS])}")
    return same[0], table(same[0], warnings)


def table(experiment: str, warnings: list[str]) -> ds.Dataset:
    """An experiment's table, as `flor etl` left it. Raises FlorError if there is none that can be read."""
    path = home.experiment_path(experiment) / "table.parquet"
    if not path.exists():
        raise FlorError(f"experiment {experiment!r} has no table yet: flor etl {experiment} SHADOW makes it")
    try:
        file = _PARQUET.make_fragment(pa.OSFile(str(path)))  # open: the next `flor etl` puts another one in its place
        dataset = ds.FileSystemDataset([file], file.physical_schema, _PARQUET)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise FlorError(f"{path} cannot be read ({reason}): flor etl {experiment} SHADOW makes it anew") from None
    if (why := outdated(experiment)) is not None:
        warnings.append(f"the table of {experiment} {why}: {etl_command(experiment)} renews it")
    return dataset


def outdated(experiment: str) -> str | None:
    """What is wrong with an experiment's table because its runs are others now; None: nothing."""
    if is_old(experiment):
        return "is older than its last run"
    return "has rows of runs that were removed" if _has_removed(experiment) else None


def is_old(experiment: str) -> bool:
    """Whether an experiment has a table that lacks something of a run: one has begun or ended since, or it was going on
    and was killed."""
    folder = home.experiment_path(experiment)
    try:
        made = (folder / "table.parquet").stat().st_mtime
    except OSError:
        return False
    going = _listed(folder / "table.json", "going")
    return any(_has_changed(path, made, path.name in going) for path in home.run_paths(experiment))


def _has_removed(experiment: str) -> bool:
    """Whether an experiment's table was made of runs that are not there any more."""
    made_of = _listed(home.experiment_path(experiment) / "table.json", "runs")
    return not {path.name for path in home.run_paths(experiment)}.issuperset(made_of)


def _listed(path: Path, which: str) -> list[str]:
    """A list of runs in a table's table.json: `runs`, those that it was made of; `going`, those that had not ended."""
    try:
        return list(map(str, json.loads(path.read_bytes()).get(which, [])))
    except (OSError, ValueError, TypeError, AttributeError):
        return []


def _has_changed(path: Path, made: float, was_going: bool) -> bool:
    """Whether a run has begun or ended after a time (of its run.json, if it is later, what is in it tells)."""
    with contextlib.suppress(OSError):
        if (path / "run.json").stat().st_mtime <= made and not was_going:
            return False
    try:
        run = home.open_run(path)
        end = run.info.get("end")
        return float(end or run.info["start"]) > made or (was_going and end is None and run.status != "running")
    except (FlorError, ValueError, TypeError):
        return False


def run(sql: str, form: str, stream: TextIO, allow_files: bool = False) -> list[str]:
    """Run SQL and write the answer to `stream` as "table", "csv" or "json". Returns warnings, a line each."""
    database = Database(allow_files, files_here=False)
    try:
        try:
            answer = database.query(sql)
        except NoAccessError:  # whether files here may be reached takes a look at all folders
            if allow_files:
                raise
            database.close()
            database = Database()
            answer = database.query(sql)
        answers.WRITERS[form](answer, stream)
        return [*answer.warnings, *database.forgets(sql)]
    finally:
        database.close()
