"""Opening traces: sources, runs that are going on, which decoder there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flor.capture.sites import SourceMap
from flor.errors import FlorError
from flor.home import open_run
from flor.trace import decode as decoding
from flor.trace.decode import decode
from flor.trace.layout import read_layout
from flor.trace.read import Raw, Trace, open_trace
from tests.trace.writer import MAIN, OTHER, WrittenRun, WrittenSource, main_process, shown


def test_sources_come_in_the_order_of_their_capture(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    again = WrittenSource(MAIN.path, "again", MAIN.blocks, MAIN.sites)
    main_process(run).module(OTHER)
    run.process("1").module(again).module(MAIN)
    trace = run.read(mode)
    assert [(s.path, s.module) for s in trace.sources] == [
        ("/p/main.py", "__main__"),
        ("/p/other.py", "other"),
        ("/p/main.py", "again"),
    ]


def test_a_source_has_its_text_and_its_map(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main")
    source = run.read(mode).sources[0]
    assert source.available and source.data == MAIN.text and isinstance(source.map, SourceMap)
    assert [s.text for s in source.map.sites] == [text for _, text in MAIN.sites]


@pytest.mark.parametrize("content", [None, b"another text\n"], ids=["missing", "changed"])
def test_a_source_that_is_not_the_captured_one_is_not_available(
    content: bytes | None, mode: str, tmp_path: Path
) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("a", 1)
    path = run.path / "sources" / f"{MAIN.sha256}.py"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    trace = run.read(mode)
    with pytest.raises(FlorError, match="not available"):
        _ = trace.sources[0].data
    assert len(trace.warnings) == 1 and "/p/main.py" in trace.warnings[0]
    assert trace.values(0, 0).payload.tolist() == [1]


def test_a_site_without_values_has_none(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main")
    found = run.read(mode).values(0, 3)
    assert (len(found.instance), len(found.kind), len(found.data)) == (0, 0, 0)


def test_a_run_can_be_read_after_each_of_its_events(tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main")
    for i in range(5):
        s.value("g1", i, opens=True)
        trace = Trace(open_run(run.path), [Raw(decode(run.path, growing=True))])
        assert trace.values(0, MAIN.site("g1")).payload.tolist() == list(range(i + 1))


@pytest.mark.parametrize("python", [True, False])
def test_events_of_a_source_that_came_while_reading_are_left_for_later(python: bool, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main").value("a", 1)
    layout = read_layout(run.path)
    p.module(OTHER)
    s.value("o", 2, opens=True).value("b", 3, leave=1)
    decoded = decode(run.path, layout=layout, growing=True, python=python)
    assert [rows is not None for rows in decoded.rows] == [True] + [False] * (len(MAIN.sites) - 1)
    assert shown(open_trace(open_run(run.path)))["main[0]"] == {"a": "1", "b": "3"}


def test_decoding_imports_the_standard_library_only() -> None:
    code = "import flor.trace.cet_json, sys; print({'numpy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_pandas_is_never_imported(tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("a", 1).value("b", "a string")
    code = f"""if True:
        import pathlib, sys
        from flor.home import open_run
        from flor.trace.pack import pack
        from flor.trace.read import open_trace
        for _ in range(2):
            trace = open_trace(open_run(pathlib.Path({str(run.path)!r})))
            trace.instances(), trace.values(0, 0), trace.log_columns()
            pack(trace.run.path)
        print("pandas" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_parquet_is_imported_for_packed_traces_only() -> None:
    code = "import flor.trace.read, sys; print('pyarrow.parquet' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.skipif("CI" not in os.environ, reason="the extension is optional outside CI")
def test_the_decoder_in_c_is_built() -> None:
    assert decoding.in_c is not None
