"""Secrets: which names tell of one, and that what they name is nowhere in a run; who may read it; that it runs no code."""

from __future__ import annotations

import argparse
import ast
import collections
import dataclasses
import functools
import inspect
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest

import flor as package
from flor.capture import secrets
from flor.capture.values import keep
from flor.home import read_own, write_file
from flor.trace import format as f
from flor.trace.values import text
from tests.capture.reading import newest_trace, values
from tests.conftest import flor

SECRET = "s3cr3t-0451"

TELLING = """
password PASSWORD userPassword db_password password2_passwd passphrase pwd secret client_secret api_key apiKey API-KEY openai_api_key
apikey AWS_SECRET_ACCESS_KEY access_key private_key credential credentials token auth authorization bearer Authorization access_token
refresh_token hf_token github_token id_token
""".split()
ORDINARY = """
PWD tokens pad_token eos_token token_ids tokenizer max_tokens num_token author authors keyboard key keys monkey secretary passed passing
compass bypass password_length_ok_ bearing authenticated x lr
""".split()


@pytest.mark.parametrize("name", TELLING)
def test_a_name_that_tells_of_a_secret(name: str) -> None:
    assert secrets.is_secret(name)


@pytest.mark.parametrize("name", [n for n in ORDINARY if n != "password_length_ok_"])
def test_a_name_that_does_not(name: str) -> None:
    assert not secrets.is_secret(name)


def test_secrets_of_an_environment() -> None:
    environment = {
        "NPM_TOKEN": "npm-12345678",
        "STRIPE_KEY": "sk-live-12345",
        "PGPASSWORD": "pg-12345678",
        "DATABASE_URL": "postgres://me:db-12345678@host/db",
        "PWD": "/home/me/project1",
        "SSH_KEY": sys.executable,
        "SHORT_TOKEN": "true",
        "WORD_TOKEN": "development",
        "SHELL": "/bin/bash-12345678",
    }
    assert secrets.in_environment(environment) == ["npm-12345678", "sk-live-12345", "pg-12345678", "db-12345678"]


@pytest.mark.parametrize(
    ("arguments", "shown", "known"),
    [
        (["--api-key", SECRET, "x"], ["--api-key", "<redacted>", "x"], [SECRET]),
        ([f"--api-key={SECRET}"], ["--api-key=<redacted>"], [SECRET]),
        ([f"model.api_key={SECRET}", "lr=1"], ["model.api_key=<redacted>", "lr=1"], [SECRET]),
        (["token", SECRET], ["token", SECRET], []),
        (["--token"], ["--token"], []),
        (["--password", "abc"], ["--password", "<redacted>"], []),
    ],
)
def test_secrets_among_arguments(
    arguments: list[str], shown: list[str], known: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "texts", [])
    assert (secrets.without(arguments), secrets.texts) == (shown, known)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """SECRET is known."""
    monkeypatch.setattr(secrets, "texts", [SECRET])
    yield


class Holder:
    pass


@pytest.mark.parametrize(
    "value",
    [
        SECRET.encode(),
        bytearray(SECRET.encode()),
        [SECRET, f"Bearer {SECRET}"],
        {"x": (SECRET,), SECRET: 1},
        {"x": [SECRET.encode()]},
        ["x" * 300, [f"{i} {SECRET}" for i in range(300)]],
        ValueError(f"wrong: {SECRET}"),
        ("'" + '"' + SECRET).encode(),
        np.array([SECRET, "a"]),
        np.array([SECRET.encode(), b"a"]),
        np.array([SECRET] * 500),
        np.array([None, SECRET], dtype=object),
        __import__("pathlib").Path(SECRET),
        __import__("re").compile(SECRET),
        __import__("functools").partial(print, SECRET),
        __import__("types").SimpleNamespace(a=SECRET),
        __import__("collections").deque([SECRET]),
        __import__("pandas").DataFrame({"a": [SECRET]}),
        __import__("pandas").Series([SECRET] * 500),
        __import__("pandas").DataFrame({SECRET: [1]}),
        __import__("polars").DataFrame({"a": [SECRET] * 500}),
        __import__("sklearn.svm").svm.SVC(kernel=SECRET),
    ],
    ids=range(22),
)
def test_what_holds_a_known_secret_does_not_show_it(value: object, known: None, tmp_path: Path) -> None:
    from flor.capture import snapshots

    snapshots.begin(tmp_path, share=1e9)
    try:
        kind, what = keep(value, False)
    finally:
        snapshots._store.folder = None
    kept = [what if isinstance(what, bytes) else b"", *(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())]
    forms = [SECRET.encode(coding) for coding in ("utf-8", "utf-32-le", "utf-16-le")]
    assert [form for form in forms if any(form in data for data in kept)] == []
    assert kind != f.GAP


def test_a_secret_is_known_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in ("quo'te\"back\\slash", "schlüßel\n1", "tab\t1234"):
        monkeypatch.setattr(secrets, "texts", [secret])
        kept = (
            keep(Exception(f"in {secret} text"), False),
            keep([{"a": secret}], False),
            keep([f" {secret} "] * 300, False),
        )
        for kind, what in kept:
            assert kind == f.REDACTED or (isinstance(what, bytes) and b"<redacted>" in what)


def test_a_secret_in_a_record_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "texts", [])
    kind, what = keep({"user": "me", "password": SECRET, "port": 80}, False)
    assert isinstance(what, bytes)
    assert text(kind, 0, what) == "{'user': 'me', 'password': '<redacted>', 'port': 80}"
    assert secrets.texts == [SECRET]


@dataclasses.dataclass
class Login:
    user: str
    password: str


FRAME = pandas.DataFrame({"user": ["me"], "password": [SECRET]})
RECORD = np.array([("me", SECRET)] * 2, dtype=[("user", "U20"), ("password", "U20")])

#: What has a name inside that tells of a secret.
NAMED_INSIDE: dict[str, Any] = {
    "dict": {"password": SECRET},
    "nested": {"a": [{"b": {"api_key": SECRET}}]},
    "bytes": {"password": SECRET.encode()},
    "buffer": {"password": bytearray(SECRET.encode())},
    "list": {"passwords": 1, "password": [SECRET]},
    "long dict": {"password": SECRET, **dict.fromkeys(range(300))},
    "pairs": [("Authorization", SECRET)],
    "items": {"password": SECRET}.items(),
    "record": Login("me", SECRET),
    "records": [Login("me", SECRET)],
    "namespace": argparse.Namespace(password=SECRET),
    "partial": functools.partial(print, password=SECRET),
    "proxy": types.MappingProxyType({"password": SECRET}),
    "chain": collections.ChainMap({"password": SECRET}),
    "bound arguments": inspect.signature(lambda password: None).bind(SECRET),
    "frame": FRAME,
    "row of a frame": FRAME.iloc[0],
    "transposed frame": FRAME.T,
    "frame as dict": FRAME.to_dict(),
    "frame as records": FRAME.to_dict("records"),
    "record array": RECORD,
    "numpy record": RECORD[0],
    "numpy record in a list": [RECORD[0]],
    "polars frame": polars.DataFrame({"password": [SECRET]}),
    "polars struct": polars.Series([{"password": SECRET}]),
}


@pytest.mark.parametrize("name", NAMED_INSIDE)
def test_what_a_name_inside_gives_away_is_not_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "texts", [])
    kind, what, *_ = keep(NAMED_INSIDE[name], False)
    assert (kind != f.GAP, isinstance(what, bytes) and SECRET.encode() in what) == (True, False)


def test_a_word_that_is_a_pair_s_second_is_no_secret_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the tags of a language model's tokens."""
    monkeypatch.setattr(secrets, "texts", [])
    keep([("token", "NOUN")], False)
    assert secrets.texts == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SECRET, "<redacted>"),
        (SECRET.encode(), "<redacted>"),
        ([SECRET], "<redacted>"),
        ({"user": "me"}, "<redacted>"),
        ({"it's"}, "<redacted>"),
        (["x"] * 1000, "<redacted>"),
        (Holder(), f"<{__name__}.Holder>"),
        (ValueError(SECRET), "<ValueError>"),
        (np.array(["a", "b"]), "<redacted>"),
        (__import__("pandas").Series(["a", "b"]), "<redacted>"),
        (np.arange(3), "[0, 1, 2]"),
        ([1, 2.5], "[1, 2.5]"),
        (2**70, str(2**70)),
    ],
    ids=range(13),
)
def test_what_has_a_secret_s_name_is_kept_without_its_texts(
    value: object, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "texts", [])
    kind, what = keep(value, True)
    assert text(kind, 0, what if isinstance(what, bytes) else None) == expected


PROGRAM = """
import argparse, dataclasses, json, os, sys
import pandas as pd

def read(name):
    return {"api_key": os.environ["SERVICE_API_KEY"], "user": "me"}

class Client:
    def __init__(self, user, password=None):
        self.user = user
        self.password = password
        self.header = f"Bearer {password}"

@dataclasses.dataclass
class Login:
    user: str
    secret: str = dataclasses.field(repr=False)

parser = argparse.ArgumentParser()
parser.add_argument("--token")
arguments = parser.parse_args()
client = Client("me", password=arguments.token)
login = Login("me", arguments.token)
both = [client.header, {"Authorization": client.header}, (login, arguments)]
address = "https://me:%s@host" % arguments.token
everything = dict(os.environ)
lines = [f"{k}={v}" for k, v in os.environ.items()]
settings = read("settings")
for key, value in settings.items():
    shown = value.upper()
    again = str(value)
table = pd.DataFrame({"user": ["me"] * 600, "password": [arguments.token] * 600})
column = table["password"]
frame = pd.DataFrame({"header": [client.header] * 600})
raw = arguments.token.encode()
text = json.dumps(settings)
try:
    raise ValueError("refused " + arguments.token)
except ValueError as error:
    problem = error
    words = str(error)
print(len(both))
raise RuntimeError("at the end: " + arguments.token)
"""

SHADOW = (
    PROGRAM.replace("print(len(both))", 'print(GET("both", len(both)))')
    .replace("words = str(error)", 'words = GET("words", str(error))')
    .replace("problem = error", 'problem = GET("problem", error)')
    .replace("settings = read", 'settings = GET("settings", read')
    .replace('("settings")\nfor', '("settings"))\nfor')
)


def test_a_secret_is_nowhere_in_a_run_its_log_and_its_table(
    recorder: str, write: Callable[[str, str], Path], flor_home: Path
) -> None:
    token, key = "tok-998877-xyz", "key-112233-abc"
    path = write("login.py", PROGRAM)
    done = flor("python", "login.py", "login", "--token", token, SERVICE_API_KEY=key)
    assert (done.returncode, done.stdout) == (1, "3\n")
    write("login_h.py", f"#{path}\n{SHADOW.lstrip()}")
    table = flor("etl", "login", "login_h.py")
    assert (table.returncode, "3" in table.stdout) == (0, True)
    log = flor("log", "login")
    queried = flor("sql", "select * from values", "--csv")
    files = [p for root in (flor_home, path.parent) for p in root.rglob("*") if p.is_file()]
    shown = [*(p.read_bytes() for p in files), *(d.stdout.encode() for d in (table, log, queried))]
    assert [secret for secret in (token, key, key.upper()) if secret.encode() in b"".join(shown)] == [key.upper()]
    assert len(files) > 8 and "login.csv" in {p.name for p in files}
    info = json.loads(next(flor_home.glob("login/runs/*/run.json")).read_bytes())
    assert (info["argv"], info["exception"]) == (["login.py", "--token", "<redacted>"], "RuntimeError: <redacted>")


def test_what_is_no_secret_stays(recorder: str, write: Callable[[str, str], Path]) -> None:
    write(
        "script.py",
        'import os\nfolder = os.getcwd()\npad_token = "<pad" + ">"\nhere = os.environ["PWD"]\nlater = folder + "!"\n',
    )
    assert flor("python", "script.py", "plain", PWD=os.getcwd()).returncode == 0
    assert values(newest_trace("plain"), 'folder + "!"') == [f"{os.getcwd()}!"]
    assert values(newest_trace("plain"), '"<pad" + ">"') == ["<pad>"]


# Who may read it.


def test_files_are_the_owner_s_alone_whatever_the_umask(write: Callable[[str, str], Path], flor_home: Path) -> None:
    write("script.py", "import numpy as np\nx = np.arange(1000.0) + 1\nwords = 'long enough for the heap' * 2\n")
    code = "import os, sys; os.umask(0); os.execv(sys.argv[1], sys.argv[1:])"
    for arguments in (
        ["python", "script.py", "open"],
        ["cp", "script.py", "script_h.py"],
        ["etl", "open", "script_h.py"],
    ):
        command = [sys.executable, "-c", code, str(Path(sys.executable).with_name("flor")), *arguments]
        subprocess.run(command, check=False, capture_output=True)
    found = [flor_home, *flor_home.rglob("*")]
    assert {oct(p.stat().st_mode & 0o777) for p in found if p.is_dir()} == {"0o700"}
    assert {oct(p.stat().st_mode & 0o777) for p in found if p.is_file()} == {"0o600"}
    assert {"blobs", "sources", "sites", ".cache"} <= {p.name for p in found}


def test_code_from_the_cache_is_this_user_s_own(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    file = folder / "code"
    write_file(file, b"code")
    assert read_own(file) == b"code"
    for path, mode in ((file, 0o620), (file, 0o602), (folder, 0o770), (folder, 0o707)):
        before = path.stat().st_mode
        path.chmod(mode)
        with pytest.raises(PermissionError):
            read_own(file)
        path.chmod(before)
    assert read_own(file) == b"code"


def test_a_cache_that_others_can_write_is_not_run(write: Callable[[str, str], Path], flor_home: Path) -> None:
    import marshal

    write("script.py", "print('as written')\n")
    flor("python", "script.py", "cached")
    (cached,) = (flor_home / ".cache").iterdir()
    _, *rest = marshal.loads(cached.read_bytes())
    cached.write_bytes(marshal.dumps((compile("print('as planted')", "x", "exec"), *rest)))
    cached.chmod(0o666)
    assert flor("python", "script.py", "cached").stdout == "as written\n"


# Runs no code.

#: What unpickles or runs data; where it stands, and why it may.
LOADS = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "eval",
    "exec",
    "read_pickle",
}
ALLOWED = {
    ("flor/logging/recording.py", "exec"): "Flor's own functions that hold logged values, with probes",
    ("flor/capture/modules.py", "marshal"): "rewritten code, which only this user can have written",
    ("flor/capture/process.py", "exec"): "the program",
    ("flor/capture/run.py", "exec"): "the program",
    ("flor/capture/children.py", "exec"): "the program's own child joins the run",
    ("flor/capture/children.py", "marshal"): "the program's own child joins the run",
}


def names_used(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call):
            function: Any = node.func
            if isinstance(function, ast.Name):
                yield function.id
            elif isinstance(function, ast.Attribute) and function.attr in ("read_pickle", "eval", "exec"):
                yield function.attr
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle" and getattr(keyword.value, "value", True) is not False:
                    yield "pickle"


def test_nothing_of_a_run_is_unpickled_or_run() -> None:
    root = Path(package.__file__).parent
    found = {
        (f"flor/{path.relative_to(root).as_posix()}", name)
        for path in root.rglob("*.py")
        for name in names_used(path)
        if name in LOADS
    }
    assert found - set(ALLOWED) == set()
    assert ("flor/capture/modules.py", "marshal") in found
