"""Packing: when, all or nothing, once; and that readers never see half of it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from flor.errors import FlorError
from flor.home import open_run, process_started
from flor.trace import decode as decoding
from flor.trace import pack as packing
from flor.trace import read
from flor.trace import write as writing
from flor.trace.layout import VanishedError, read_layout
from flor.trace.pack import pack
from flor.trace.read import open_trace
from tests.trace.writer import MAIN, WrittenRun, main_process, shown

pytestmark = pytest.mark.once

EXPECTED = {"main[0]": {"a": "1"}, "main[0] > g[0]": {"g1": "a long string"}, "main[0] > g[1]": {"g1": "2.5"}}


@pytest.fixture
def run(tmp_path: Path) -> WrittenRun:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("a", 1)
    s.value("g1", "a long string", opens=True).value("g1", 2.5, opens=True)
    return run


def files(run: WrittenRun) -> set[str]:
    return {str(p.relative_to(run.path)) for p in run.path.rglob("*") if p.is_file()}


def test_a_packed_run_has_two_files_and_no_segments(run: WrittenRun) -> None:
    pack(run.path)
    assert sorted(p.name for p in (run.path / "trace").iterdir()) == ["blocks.parquet", "values.parquet"]
    assert not (run.path / "segments").exists()
    assert {p.stat().st_mode & 0o777 for p in (run.path / "trace").iterdir()} == {0o600}


def test_packing_again_changes_nothing(run: WrittenRun) -> None:
    pack(run.path)
    before = (run.path / "trace" / "values.parquet").stat()
    pack(run.path)
    after = (run.path / "trace" / "values.parquet").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_values_are_sorted_by_source_and_site(run: WrittenRun) -> None:
    pack(run.path)
    table = pq.read_table(run.path / "trace" / "values.parquet")
    assert table.column("site").to_pylist() == [0, 1, 1]
    assert table.column("seq").to_pylist() == [1, 2, 3]


def test_duckdb_reads_the_files(run: WrittenRun) -> None:
    pack(run.path)
    query = f"select site, payload, data from '{run.path}/trace/values.parquet' order by site, seq"
    assert duckdb.connect().execute(query).fetchall()[:2] == [(0, 1, None), (1, 0, b"a long string")]


def test_a_run_that_is_going_on_is_not_packed(tmp_path: Path) -> None:
    run = WrittenRun(tmp_path, status="running")
    info = json.loads((run.path / "run.json").read_bytes())
    info |= {"pid": os.getpid(), "pid_started": process_started(os.getpid())}
    (run.path / "run.json").write_text(json.dumps(info))
    main_process(run).stream().open("main").value("a", 1)
    with pytest.raises(FlorError, match="still running"):
        pack(run.path)
    assert shown(open_trace(open_run(run.path))) == {"main[0]": {"a": "1"}}


def test_a_run_whose_child_goes_on_is_not_packed(run: WrittenRun) -> None:
    path = run.process("child", parent="0").path / "process.json"
    info = json.loads(path.read_bytes()) | {"pid": os.getpid(), "pid_started": process_started(os.getpid())}
    path.write_text(json.dumps(info))
    with pytest.raises(FlorError, match="still running"):
        pack(run.path)


def test_of_two_packers_one_gives_up(run: WrittenRun) -> None:
    directory = os.open(run.path, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    with pytest.raises(FlorError, match="another process"):
        pack(run.path)
    os.close(directory)
    pack(run.path)
    assert shown(open_trace(open_run(run.path))) == EXPECTED


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("at", ["write_table", "close", "fsync", "replace"])
def test_a_full_disk_leaves_the_run_as_it_was(at: str, run: WrittenRun, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(run)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner = {"fsync": os, "replace": Path}.get(at, pq.ParquetWriter)
    monkeypatch.setattr(owner, at, full)
    with pytest.raises(FlorError, match="No space left on device"):
        pack(run.path)
    monkeypatch.undo()
    assert files(run) == before
    assert shown(open_trace(open_run(run.path))) == EXPECTED


def test_the_helper_process_is_quiet_on_a_full_disk(run: WrittenRun) -> None:
    before = files(run)
    code = "import resource, sys; from flor.trace.pack import main; "
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200)); sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, str(run.path)], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    assert files(run) == before


def test_what_a_killed_packer_left_is_replaced(run: WrittenRun) -> None:
    (run.path / "trace").mkdir()
    for name in (".values.packing", "values.parquet"):
        (run.path / "trace" / name).write_bytes(b"half")
    assert shown(open_trace(open_run(run.path))) == EXPECTED
    pack(run.path)
    assert shown(open_trace(open_run(run.path))) == EXPECTED
    assert len(list((run.path / "trace").iterdir())) == 2


def test_segments_left_by_a_killed_packer_are_removed(run: WrittenRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_remove_segments", lambda _: None)
    pack(run.path)
    assert (run.path / "segments").exists()
    monkeypatch.undo()
    pack(run.path)
    assert not (run.path / "segments").exists()


def test_segments_that_could_not_be_read_are_kept(run: WrittenRun) -> None:
    (run.path / "segments" / "9").mkdir()
    (run.path / "segments" / "9" / "0.0.events").write_bytes(b"events")
    for _ in range(2):
        pack(run.path)
        assert (run.path / "segments" / "9").is_dir()


def test_a_process_that_died_over_its_folder_is_none(run: WrittenRun) -> None:
    (run.path / "segments" / "9").mkdir()
    (run.path / "segments" / "9" / ".process.json.9").write_bytes(b"{")
    trace = open_trace(open_run(run.path))
    assert (shown(trace), trace.warnings) == (EXPECTED, [])
    pack(run.path)
    assert not (run.path / "segments").exists()


def test_a_reader_takes_the_packed_trace_when_the_segments_vanish(
    run: WrittenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanishing(path: Path, **_: object) -> None:
        monkeypatch.undo()
        pack(path)
        raise VanishedError(path)

    monkeypatch.setattr(read, "decode", vanishing)
    assert shown(open_trace(open_run(run.path))) == EXPECTED


def test_segments_that_vanish_while_they_are_decoded_are_noticed(
    run: WrittenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = read_layout(run.path)
    pack(run.path)
    with pytest.raises(VanishedError):
        decoding.decode(run.path, layout=layout)


def test_an_open_trace_stays_readable_when_the_run_is_packed(run: WrittenRun) -> None:
    trace = open_trace(open_run(run.path))
    pack(run.path)
    assert shown(trace) == EXPECTED


def test_sites_with_many_values_have_row_groups_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_OWN_GROUP", 4)
    monkeypatch.setattr(writing, "_GROUP", 8)
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("a", 0)
    for i in range(20):
        s.value("g1", i, opens=True)
        if i % 10 == 0:
            s.value("h1", i + 0.5, opens=True).value("g2", f"string {i}")
    raw = shown(run.read("python"))
    assert shown(run.read("packed")) == raw
    groups = pq.ParquetFile(run.path / "trace" / "values.parquet").metadata
    assert [groups.row_group(g).num_rows for g in range(groups.num_row_groups)] == [1, 8, 8, 4, 4]


def test_the_helper_process_packs_quietly(run: WrittenRun) -> None:
    command = [sys.executable, "-m", "flor.trace.pack", str(run.path)]
    for expected in (0, 0):
        done = subprocess.run(command, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (expected, b"", b"")
    assert shown(open_trace(open_run(run.path))) == EXPECTED


def test_packed_values_are_small(tmp_path: Path) -> None:
    """Bytes a value: at most 9 for random doubles, 2 for counters."""
    count = 100_000
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main")
    records = np.zeros(2 * count, np.dtype([("head", "<u4"), ("payload", "<u8")]))
    site = 1 + len(MAIN.blocks)
    records["head"][0::2] = site + MAIN.site("g1") | 11 << 22 | 1 << 27
    records["payload"][0::2] = np.random.default_rng(1).random(count).view(np.uint64)
    records["head"][1::2] = site + MAIN.site("g2") | 10 << 22
    records["payload"][1::2] = np.arange(count)
    s.events.write_bytes(s.events.read_bytes() + records.tobytes())
    pack(run.path)
    metadata = pq.ParquetFile(run.path / "trace" / "values.parquet").metadata
    groups = [metadata.row_group(g) for g in range(metadata.num_row_groups)]
    sizes = [sum(g.column(c).total_compressed_size for c in range(g.num_columns)) / g.num_rows for g in groups]
    assert len(sizes) == 2 and sizes[0] <= 9 and sizes[1] <= 2
