"""SQL over tables and traces."""

from __future__ import annotations

import datetime
import io
import json
import os
import signal
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flor.errors import FlorError
from flor.query.answers import Answer
from flor.query.sql import Database, run
from tests.etl.fakes import FakeSource, FakeTrace, install

pytestmark = pytest.mark.once


def query(sql: str) -> Answer:
    return Database().query(sql)


SOURCE = "def f(a):\n    return g(a)\nfor i in x:\n    y=f(i)\n"
TREE = """
module
  for:i f(i)=1
    f() g(a)=0.5
  for:i f(i)=2
    f() g(a)='a'
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "home"
    traces = [FakeTrace([FakeSource("/p/a.py", SOURCE)], TREE, f"r{n}") for n in (1, 2)]
    foreign = FakeTrace([], "", "r3", error="run r3 skipped: foreign")
    install(path, monkeypatch, **{"demo": [*traces, foreign], "my-exp": [], "bare": []})
    for name, x in (("demo", [1, 2, None]), ("my-exp", [7])):
        pq.write_table(pa.table({"run": ["r1"] * len(x), "x": x, "C": x}), path / name / "table.parquet")
    return path


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select sum(x) from demo", [(3,)]),
        ("SELECT sum(X) FROM DEMO", [(3,)]),
        ('select x from "my-exp"', [(7,)]),
        ('select a.x, b.x from demo a, "my-exp" b order by a.x nulls last', [(1, 7), (2, 7), (None, 7)]),
        ("with t as (select * from demo) select count(*) from t join demo using (run)", [(9,)]),
        ("select 1; select count(*) from demo;", [(3,)]),
        ("create table t as select x + 1 as y from demo; select max(y) from t", [(3,)]),
        ("pivot demo on x using count(*) group by run", [("r1", 1, 1)]),
        ("from demo select c limit 1", [(1,)]),
        ("select run, status, exit_code, seconds, arguments from runs limit 1", [("r1", "finished", 0, 0.5, "--n 3")]),
        ('select count(*), count("end") from runs', [(3, 3)]),
        ("select name, instances from blocks where run = 'r2' and kind = 'function'", [("f", 2)]),
        ("select block from blocks where run = 'r1' and kind = 'for'", [("module > for i",)]),
        ("select line, kind, block from sites where run = 'r1' and text = 'g(a)'", [(2, "expression", "module > f()")]),
        ("select line, instance, value from values where run='r2' and text='f(i)'", [(4, 1, "1"), (4, 3, "2")]),
        (
            "select kind, value, int_value, float_value from \"values\" where run = 'r1' and text = 'g(a)'",
            [("float", "0.5", None, 0.5), ("str", "a", None, None)],
        ),
        ("select distinct int_value, float_value from values where text = 'f(i)' order by 1", [(1, 1.0), (2, 2.0)]),
        ("select count(*) from values a join values b using (run, instance, seq)", [(8,)]),
        ("select 1 where false", []),
    ],
)
def test_query(sql: str, rows: list[tuple[object, ...]]) -> None:
    assert list(query(sql).rows) == rows


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select * from bare", "experiment 'bare' has no table yet: flor etl bare SHADOW makes it"),
        ("select * from nope", "there is no table nope; there are bare, demo, my-exp, runs, blocks"),
        ("selec 1", 'SQL: Parser Error: syntax error at or near "selec"'),
        ("select nope from demo", "SQL: Binder Error"),
        (
            "select scor from (select 1 as score)",
            'SQL: Binder Error: Referenced column "scor" not found in FROM clause! Candidate bindings: "score"',
        ),
        ("select 1/x::int from (select 'a' as x)", "SQL: Conversion Error"),
        ("", "there is no SQL"),
        (" ; ", "there is no SQL"),
        ("select * from 'nowhere.csv'", "SQL: IO Error: No files found"),
        ("select now(), nope()", "SQL: Catalog Error: Scalar Function with name nope does not exist!"),
    ],
)
def test_what_cannot_be_answered(sql: str, message: str) -> None:
    with pytest.raises(FlorError) as raised:
        list(query(sql).rows)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_a_foreign_table_file(home: Path) -> None:
    (home / "demo/table.parquet").write_text("no parquet")
    with pytest.raises(FlorError, match=r"table\.parquet cannot be read .* flor etl demo SHADOW makes it anew"):
        query("select * from demo")


def test_a_table_that_is_made_anew_while_it_is_asked(home: Path) -> None:
    answer = query("select sum(x), count(c) from demo")
    pq.write_table(pa.table({"run": ["r9"], "y": [5]}), home / "new.parquet")
    (home / "new.parquet").replace(home / "demo/table.parquet")
    assert list(answer.rows) == [(3, 2)]


def test_a_run_that_cannot_be_read_is_a_warning() -> None:
    result = query("select count(distinct run) from values a where a.run in (select run from values)")
    assert list(result.rows) == [(2,)]
    assert result.warnings == ["run r3 skipped: foreign"]


def test_a_table_that_is_older_than_the_last_run(home: Path) -> None:
    assert query("select * from demo").warnings == []
    os.utime(home / "demo/table.parquet", (1001, 1001))
    (warning,) = query("select * from demo").warnings
    assert warning == "the table of demo is older than its last run: flor etl demo SHADOW renews it"


def test_a_table_of_runs_that_were_removed(home: Path) -> None:
    there = [path.name for path in (home / "demo/runs").iterdir()]
    (home / "demo/table.json").write_text(json.dumps({"runs": there}))
    assert query("select * from demo").warnings == []
    (home / "demo/table.json").write_text(json.dumps({"runs": [*there, "r0"]}))
    (warning,) = query("select * from demo").warnings
    assert warning == "the table of demo has rows of runs that were removed: flor etl demo SHADOW renews it"


@pytest.mark.parametrize(
    ("shadows", "command"),
    [
        ([], "flor etl demo"),
        (["/p/a_h.py", "/p/b c_h.py"], "flor etl demo /p/a_h.py '/p/b c_h.py'"),
        (["{here}/a_h.py"], "flor etl demo a_h.py"),
        (None, "flor etl demo SHADOW"),
        ([1], "flor etl demo SHADOW"),
    ],
)
def test_an_old_table_is_renewed_with_the_shadow_copies_that_it_was_made_with(
    shadows: list[object], command: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = json.dumps({"shadows": shadows}).replace("{here}", str(tmp_path))
    (home / "demo/table.json").write_text(written)
    os.utime(home / "demo/table.parquet", (1001, 1001))
    (warning,) = query("select * from demo").warnings
    assert warning == f"the table of demo is older than its last run: {command} renews it"


def test_an_experiment_that_a_view_hides(home: Path) -> None:
    (home / "runs").mkdir()
    assert "hidden" in query("select * from runs").warnings[0]


def output(sql: str, form: str) -> str:
    stream = io.StringIO()
    run(sql, form, stream)
    return stream.getvalue()


def test_as_table() -> None:
    assert output("select x, 'a' as t from demo where x > 1", "table") == "x  t\n2  a\n1 row, 2 columns\n"


def test_as_table_a_long_answer_is_cut_and_counted() -> None:
    lines = output("select * from range(25000)", "table").splitlines()
    assert (len(lines), lines[-1]) == (1003, "25,000 rows, 1 column")


def test_as_csv() -> None:
    sql = "select 1.0::double a, null b, '' c, 'x,y' d, true e, [1, 2] f, date '2020-01-02' g, 0.10 h"
    assert output(sql, "csv") == 'a,b,c,d,e,f,g,h\n1.0,,"","x,y",True,"[1, 2]",2020-01-02,0.10\n'


def test_as_json() -> None:
    sql = (
        "select 1 a, null b, 'nan'::double c, 'ü\"' d, [1, 2] e, {'k': 0.5::double} f, date '2020-01-02' g, "
        "170141183460469231731687303715884105727::hugeint h, 0.25 i, 2 as a, 'ab'::blob k, map {1: 'x'} l"
    )
    (row,) = json.loads(output(sql, "json"), parse_constant=pytest.fail)
    assert row == {
        "a": 1, "b": None, "c": "NaN", "d": 'ü"', "e": [1, 2], "f": {"k": 0.5}, "g": "2020-01-02",
        "h": 2**127 - 1, "i": 0.25, "a_1": 2, "k": "b'ab'", "l": {"1": "x"},
    }  # fmt: skip


@pytest.mark.parametrize(("count", "parsed"), [(0, []), (2, [{"i": 0}, {"i": 1}])])
def test_json_is_a_list(count: int, parsed: list[object]) -> None:
    assert json.loads(output(f"select range i from range({count})", "json")) == parsed


@pytest.mark.parametrize("kind", ["bigint", "interval"])
def test_answers_longer_than_a_batch(kind: str) -> None:
    """Those that come as Arrow, and those that come as Python objects."""
    value = {"bigint": "range", "interval": "to_days(range::int)"}[kind]
    sql = f"select {value} from range(150000)"
    assert len(json.loads(output(sql, "json"))) == 150_000
    assert output(sql, "csv").count("\n") == 150_001
    assert output(sql, "table").splitlines()[-1] == "150,000 rows, 1 column"


def test_a_long_answer_is_never_held_as_a_whole() -> None:
    """Every batch is gone when the next but one is asked for."""
    batches = Database().query("select range, range::varchar from range(1000000)").batches
    sizes = [len(batch) for batch in batches]
    assert sum(sizes) == 1_000_000 and max(sizes) < 100_000


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ("0.1::float, 'nan'::float, null::float, 1e10::double, 5.0::double, -0.0::double",
         "0.10000000149011612,nan,,10000000000.0,5.0,-0.0"),
        ("255::utinyint, 18446744073709551615::ubigint, -1::tinyint, (2::hugeint << 100)",
         "255,18446744073709551615,-1,2535301200456458802993406410752"),
        ("'a,b'::enum('a,b'), null::enum('x'), '', null, 'é\"'", '"a,b",,"",,"é"""'),
        ("1.50::decimal(4, 2), null::decimal(4, 2), true, null::bool, 'x'::blob", "1.50,,True,,b'x'"),
        ("null", ""),
    ],
)  # fmt: skip
def test_types_that_no_table_has_in_csv(values: str, line: str) -> None:
    assert output(f"select {values}", "csv").partition("\n")[2] == f"{line}\n"


def test_a_decimal_that_no_float_holds_keeps_its_digits_in_json() -> None:
    sql = "select 0.10 as a, 12345678901234567890.12 as b, 3::decimal(20, 2) as c, 12345678901234567890 as d"
    (row,) = json.loads(output(sql, "json"))
    assert row == {"a": 0.1, "b": "12345678901234567890.12", "c": 3, "d": 12345678901234567890}


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_dates_that_python_has_not(form: str) -> None:
    assert "99999-01-01" in output("select timestamp '99999-01-01' as t", form)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("timestamp_ns '2020-01-01 00:00:00.000000001'", "2020-01-01 00:00:00.000000001"),
        ("'2020-01-01 00:00:00.000000001+00'::timestamptz_ns", "2020-01-01 00:00:00.000000001+00"),
        ("'12:00:00.123456789'::time_ns", "12:00:00.123456789"),
        ("interval '1 month 2 days'", "1 month 2 days"),
        ("interval '-3 seconds'", "-00:00:03"),
        ("'infinity'::timestamp_ns", "infinity"),
        *((f"'{sign}infinity'::{kind}", f"{sign}infinity")
          for sign in ("", "-") for kind in ("date", "timestamp", "timestamp_s", "timestamp_ms", "timestamptz")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_what_python_does_not_hold_is_text_as_duckdb_writes_it(value: str, text: str, form: str) -> None:
    expected = {"table": f"{text}\n1 row, ", "csv": f"v\n{text}\n", "json": f'{{"v": "{text}"}}'}[form]
    assert expected in output(f"set timezone = 'UTC'; select {value} as v", form)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[date 'infinity', '2020-01-02', null]", ["infinity", "2020-01-02", None]),
        ("[interval '1 month']::interval[1]", ["1 month"]),
        ("map {timestamp_ns '-infinity': interval '1 month'}", {"-infinity": "1 month"}),
        ("{'a \"b': [interval '1 month'], 'date': 1, 'n': null}", {'a "b': ["1 month"], "date": 1, "n": None}),
        ("row(1, interval '1 month')", [1, "1 month"]),
        ("union_value(\"interval\" := interval '1 month')", "1 month"),
        ("{'e': 'it''s'::enum('it''s', 'b'), 'd': date 'infinity'}", {"e": "it's", "d": "infinity"}),
    ],
)
def test_what_python_does_not_hold_inside_of_others(value: str, expected: object) -> None:
    assert json.loads(output(f"select {value} as v", "json")) == [{"v": expected}]


def test_dates_that_python_has_stay_dates() -> None:
    values = "(date 'infinity', 1), ('9999-12-31', 2), (null, 3), ('2020-01-02', 4)"
    found = [row[0] for row in query(f"select d from (values {values}) t(d, n) order by n").rows]
    assert found == ["infinity", datetime.date(9999, 12, 31), None, datetime.date(2020, 1, 2)]
    assert output("select timestamp '2020-01-02 03:04:05' t", "csv") == "t\n2020-01-02T03:04:05\n"


def test_a_folder_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    for files in (False, True):
        with pytest.raises(FlorError, match=r"^the current folder was removed: go to another one$"):
            Database(allow_files=files)
        with pytest.raises(FlorError, match=r"^the current folder was removed: go to another one$"):
            run("select 1", "table", io.StringIO(), allow_files=files)


def test_where_there_are_no_files() -> None:
    database = Database(files_here=False)
    with pytest.raises(FlorError, match=r"^SQL: s\.py cannot be reached: there are no files here$"):
        list(database.query("from read_text('s.py')").rows)


def test_statements_change_data_once() -> None:
    sql = "create table t (a int); insert into t values (1) returning a; select count(*) from t"
    assert list(query(sql).rows) == [(1,)]
    sql = "create table t (a int); insert into t values (1) returning to_days(a); select count(*) from t"
    assert list(query(sql).rows) == [(1,)]


def test_one_database_answers_many_queries(home: Path) -> None:
    database = Database()
    database.query("create table own as select sum(x) as x from demo")
    pq.write_table(pa.table({"y": [8]}), home / "demo" / "table.parquet")
    assert list(database.query("select y, x from demo, own").rows) == [(8, 3)]
    assert database.named == {"demo"}


def test_an_interrupt_ends_the_query_and_not_the_database() -> None:
    database = Database()
    started = threading.Event()

    def forever() -> list[tuple[object, ...]]:
        started.set()
        return list(database.query("select sum(a.range * b.range) from range(100000000) a, range(100000000) b").rows)

    def interrupt() -> None:
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        database.apart(forever)
    assert list(database.query("select 1").rows) == [(1,)]


def test_what_sql_makes_is_said_to_be_gone_again(home: Path) -> None:
    (line,) = run("create table t as select 1 as x", "table", io.StringIO())
    assert line.startswith("what this made is gone again")
    assert run("create table t as select 1 as x; select * from t", "table", io.StringIO()) == []
