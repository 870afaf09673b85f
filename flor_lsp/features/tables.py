"""Runs and tables: the commands, and the `flor/*` requests of whoever shows them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types

from flor import home
from flor.errors import FlorError
from flor_lsp import copies, jobs
from flor_lsp.documents import Document, uri_of
from flor_lsp.experiments import RunInfo
from flor_lsp.features import logged
from flor_lsp.features.names import place_in_source
from flor_lsp.messages import (
    About,
    Cell,
    Etl,
    Export,
    OfColumn,
    OfExperiment,
    OfJob,
    OfTable,
    Plot,
    Prepared,
    Rows,
    Run,
    Sql,
    structured,
)
from flor_lsp.protocol import ReplyError

if TYPE_CHECKING:
    from flor_lsp.server import FlorServer

log = logging.getLogger("flor_lsp")


# ---- which experiment


def _source_path(document: Document) -> Path | None:
    living = document.living
    return document.path if living is None else living.source_path


def experiment_of(server: FlorServer, uri: str) -> str:
    """The experiment of the last run of a file, or of a shadow copy's source. Raises ReplyError if there is none."""
    document = server.documents.get(uri)
    path = _source_path(document)
    found = server.runs_of(document)
    if not found:
        raise ReplyError(f"no run has captured {path or document.shown_as} yet: run it with Flor")
    experiment: str = found[0].experiment
    return experiment


def _asked(server: FlorServer, asked: OfExperiment | Etl) -> str:
    if asked.experiment is not None:
        return asked.experiment
    if asked.uri is None:
        raise ReplyError("name an experiment, or a file", types.ErrorCodes.InvalidParams)
    return experiment_of(server, asked.uri)


# ---- commands


async def run(server: FlorServer, arguments: Any) -> dict[str, Any]:
    """Run a script under capture; its output goes to the client's log. Answers its exit code."""
    asked = await _prepared(server, structured(Run, arguments))
    document = server.documents.get(asked.uri)
    if document.living is not None:
        raise ReplyError("this is a shadow copy: run its source")
    path = document.path
    if path is None or not path.exists():
        raise ReplyError("this is no file yet: save it, so that it can be run")
    if document.version is not None and server.documents.data(document) != path.read_bytes().removeprefix(
        b"\xef\xbb\xbf"
    ):
        raise ReplyError(f"{path.name} has changes that are not saved: save it, what is on disk would run")
    runs = server.runs_of(document)
    experiment = asked.experiment or (runs[0].experiment if runs else path.stem)
    python = jobs.interpreter((await server.settings_of(asked.uri)).python)

    def tell(line: str) -> None:
        if server.has_client:
            server.window_log_message(types.LogMessageParams(types.MessageType.Log, line))
        else:
            log.info("%s", line)

    async def work(report: jobs.Report) -> int:
        report(str(path), None)
        if code := await jobs.capture(python, path, experiment, asked.arguments or [], tell):
            raise FlorError(f"{path.name} ended with exit code {code}; its output is in the log")
        return code

    try:
        code = await server.jobs.run("run", f"Run {path.name}", work)
    finally:
        await server.experiments.look_at(experiment)
        server.spawn(_first_table(server, experiment, path))
    return {"experiment": experiment, "exitCode": code}


async def _first_table(server: FlorServer, experiment: str, source: Path) -> None:
    """Of a script that had names before it was run make the table, unless there is one, which has its shadow copies."""
    if not server.settings.etl_on_name:
        return
    try:
        there = copies.existing(server.documents, copies.of_source(server.documents, source))
        if there is None or not there[1].names or (home.experiment_path(experiment) / "table.json").exists():
            return
        await make(server, experiment, there[0].path, there[0].text)
    except (FlorError, ReplyError) as error:
        log.info("no table: %s", error)


async def _prepared(server: FlorServer, asked: Run) -> Run:
    """What is to be run, whoever asks: the client saves what is open, and what is left out is as it remembers."""
    if not (server.has_client and server.client.prepares_runs):
        return asked
    known = structured(Prepared, await server.ask("flor/prepareRun", {"uri": asked.uri}) or {})
    arguments = known.arguments if asked.arguments is None else asked.arguments
    return attrs.evolve(asked, experiment=asked.experiment or known.experiment, arguments=arguments)


async def etl(server: FlorServer, arguments: Any) -> dict[str, Any]:
    """Make a table anew, from a shadow copy as it is in the editor, or as the last `flor etl` was asked."""
    asked = structured(Etl, arguments)
    experiment = _asked(server, asked)
    if asked.uri is None:
        return await make(server, experiment, None, None)
    document = server.documents.get(asked.uri)
    if document.living is None:
        if document.path is None:
            raise ReplyError("this is no file yet")
        there = copies.existing(server.documents, copies.of_source(server.documents, document.path))
        if there is None:
            raise ReplyError("nothing is named in this file yet: name an expression")
        document = there[0]
    is_on_disk = document.version is None and not document.is_unsaved
    return await make(server, experiment, document.path, None if is_on_disk else document.text)


async def make(server: FlorServer, experiment: str, shadow: Path | None, text: str | None) -> dict[str, Any]:
    """Make a table as a job, and tell the client of it."""

    async def work(report: jobs.Report) -> Any:
        def progress(own: dict[str, Any]) -> None:
            if "total" in own:
                report(f"run {own['done'] + 1} of {own['total']}", own["done"] / max(own["total"], 1))

        if shadow is None:
            return await server.maker.call("refresh", progress, experiment=experiment)
        return await server.maker.call("etl", progress, experiment=experiment, shadow=str(shadow), text=text)

    made: dict[str, Any] = await server.jobs.run("etl", f"Table of {experiment}", work)
    server.table_made(experiment, made)
    return made


async def open_table(server: FlorServer, arguments: Any) -> dict[str, Any] | None:
    """Show a table: in the side panel, where the client has one, else as a CSV file that it opens."""
    asked = structured(OfExperiment, arguments)
    experiment = _asked(server, asked)
    if server.shows_panel:
        server.tell("flor/showTable", {"experiment": experiment})
        return {"experiment": experiment}
    path = await asyncio.to_thread(_as_csv, experiment)
    start = types.Range(types.Position(0, 0), types.Position(0, 0))
    if not await _show(server, uri_of(path), start):
        server.say(types.MessageType.Info, f"the table of {experiment} is in {path}")
    return {"experiment": experiment, "file": str(path)}


async def _show(server: FlorServer, uri: str, range_: types.Range) -> bool:
    """Have the client show a place. Whether it has."""
    if not server.client.shows_documents:
        return False
    shown = types.ShowDocumentParams(uri, take_focus=True, selection=range_)
    with contextlib.suppress(asyncio.TimeoutError):  # a client that never answers
        return bool((await asyncio.wait_for(server.window_show_document_async(shown), 5)).success)
    return False


def _as_csv(experiment: str) -> Path:
    """An experiment's table as a CSV file, to be looked at. Raises FlorError."""
    import pyarrow.parquet as pq

    from flor.output import formats

    folder = home.experiment_path(experiment)
    if not (folder / "table.parquet").exists():
        raise FlorError(f"experiment {experiment!r} has no table yet: name an expression")
    target = Path(tempfile.mkdtemp(prefix="flor-")) / f"{experiment}.csv"
    with formats.whole(target) as file:
        formats.write_csv(pq.read_table(folder / "table.parquet"), file)
    return target


async def sql(server: FlorServer, arguments: Any) -> dict[str, Any]:
    """Ask SQL; answers an open table."""
    asked = structured(Sql, arguments)

    async def work(report: jobs.Report) -> Any:
        with tempfile.TemporaryDirectory(prefix="flor-") as folder:
            file = str(Path(folder, "answer.arrow"))
            warnings = await server.maker.call(
                "sql", lambda own: report(f"{own['rows']:,} rows", None), query=asked.query, file=file
            )
            return await server.viewer.call("open_file", file=file, warnings=warnings)

    return dict(await server.jobs.run("sql", "SQL", work))


# ---- requests


async def experiments(server: FlorServer, params: Any) -> dict[str, Any]:
    """Experiments with their runs: those of a file, or all. The newest first."""
    asked = structured(About, params)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(server.experiments.filled.wait(), 10)
    if asked.uri is None:
        found = {name: server.experiments.runs(name) for name in server.experiments.names()}
    else:
        found = {}
        for run_ in server.runs_of(server.documents.get(asked.uri)):
            found.setdefault(run_.experiment, []).append(run_)
    return {"experiments": [{"name": name, "runs": list(map(_run, runs))} for name, runs in found.items()]}


def _run(own: RunInfo) -> dict[str, Any]:
    return {
        "id": own.id, "status": own.status, "start": own.start, "end": own.end, "exitCode": own.exit_code,
        "exception": own.exception,
    }  # fmt: skip


async def names(server: FlorServer, params: Any) -> dict[str, Any]:
    """The names that a file has, or a shadow copy: where each is, in the copy and in the source; and what the program
    logged in it."""
    asked = structured(About, params)
    if asked.uri is None:
        raise ReplyError("name a file", types.ErrorCodes.InvalidParams)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(server.experiments.filled.wait(), 10)
    document = server.documents.get(asked.uri)
    found: dict[str, Any] = {"shadow": None, "source": None, "names": [], "logged": []}
    with contextlib.suppress(FlorError):  # what is called as a shadow copy is none
        found |= _names(server, asked.uri)
    path = _source_path(document)
    with contextlib.suppress(FlorError):  # the source is gone
        source = document if document.living is None or path is None else server.documents.of(path)
        met = await logged.of_file(server, source)
        found |= {"source": source.uri} if met else {}
        found["logged"] = logged.described(server, source, met)
    return found


def _names(server: FlorServer, uri: str) -> dict[str, Any]:
    document = server.documents.get(uri)
    copy: Document | None = document
    if document.living is None:
        there = None
        if document.path is not None:
            there = copies.existing(server.documents, copies.of_source(server.documents, document.path))
        copy = None if there is None else there[0]
    living = None if copy is None else copy.living
    if copy is None or living is None or living.source_path is None:
        return {}
    source: Document | None = None
    with contextlib.suppress(FlorError):
        source = server.documents.of(living.source_path)
    unstructure = server.protocol._converter.unstructure
    found = []
    for own in living.names:
        place = None if source is None else place_in_source(server, living, own, source)
        found.append({
            "name": own.name, "text": own.text, "range": unstructure(copy.content.range(own.start, own.end)),
            "source": None if place is None or source is None else unstructure(source.content.range(*place)),
        })  # fmt: skip
    return {"shadow": copy.uri, "source": None if source is None else source.uri, "names": found}


async def table(server: FlorServer, params: Any) -> Any:
    """Open the table that an experiment has."""
    return await server.viewer.call("open", experiment=_asked(server, structured(OfExperiment, params)))


async def rows(server: FlorServer, params: Any) -> Any:
    """A window of an open table."""
    return await server.viewer.call("rows", **attrs.asdict(structured(Rows, params)))


async def cell(server: FlorServer, params: Any) -> Any:
    """A value of an open table in full."""
    return await server.viewer.call("cell", **attrs.asdict(structured(Cell, params)))


async def plot(server: FlorServer, params: Any) -> Any:
    """Series of an open table."""
    return await server.viewer.call("plot", **attrs.asdict(structured(Plot, params)))


async def export(server: FlorServer, params: Any) -> dict[str, Any]:
    """Write an open table into a file, in some order, of some rows and columns."""
    asked = structured(Export, params)
    if not Path(asked.path).is_absolute():
        raise ReplyError(f"{asked.path} is no absolute path", types.ErrorCodes.InvalidParams)
    return dict(await server.viewer.call("export", **attrs.asdict(asked)))


async def reveal(server: FlorServer, params: Any) -> dict[str, bool]:
    """Have the editor show what a name is of: in the source if it is known there, else in the shadow copy."""
    asked = structured(OfColumn, params)
    if asked.source is not None:
        return {"shown": await _show(server, *await logged.place(server, asked))}
    if asked.shadow is None:
        raise ReplyError("say in which shadow copy the name is, or in which source", types.ErrorCodes.InvalidParams)
    found = _names(server, uri_of(Path(asked.shadow)))
    own = next((own for own in found.get("names", ()) if own["name"] == asked.name), None)
    if own is None:
        raise ReplyError(f'the name "{asked.name}" is not in {asked.shadow} any more')
    uri, range_ = (found["source"], own["source"]) if own["source"] is not None else (found["shadow"], own["range"])
    return {"shown": await _show(server, uri, server.protocol._converter.structure(range_, types.Range))}


async def close(server: FlorServer, params: Any) -> None:
    """An open table is not needed any more."""
    await server.viewer.call("close", **attrs.asdict(structured(OfTable, params)))


async def going(server: FlorServer, params: Any) -> dict[str, Any]:
    """The jobs that go on."""
    return {"jobs": [job.about for job in server.jobs.going()]}


async def cancel(server: FlorServer, params: Any) -> dict[str, bool]:
    """Cancel a job."""
    return {"cancelled": server.jobs.cancel(structured(OfJob, params).id)}
