"""Which modules are captured; that a program does not notice; and that what was not captured is named with the reason."""

from __future__ import annotations

import importlib.util
import json
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flor.capture import chosen, limits
from flor.capture.settings import settings
from flor.errors import FlorError
from tests.capture.reading import newest_trace, values
from tests.capture.test_unnoticed import both
from tests.conftest import flor

Write = Callable[[str, str], Path]


def run_json(experiment: str = "unnoticed") -> dict[str, Any]:
    *_, path = sorted(Path(os.environ["FLOR_HOME"]).glob(f"{experiment}/runs/*/run.json"))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def modules() -> list[str]:
    return [source["module"] for source in run_json()["sources"]]


def uncaptured() -> dict[str, str]:
    """Why, by the name of the file."""
    return {Path(item["path"]).name: item["why"] for item in run_json()["uncaptured"]}


# ---- which modules


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("sklearn", "sklearn sklearn.svm sklearn.svm._base", "sklearn_extra mysklearn"),
        ("sklearn.svm", "sklearn.svm sklearn.svm._base", "sklearn sklearn.svmlight"),
        ("sklearn.svm.*", "sklearn.svm sklearn.svm._base sklearn.svm._base.deeper", "sklearn sklearn.svmlight"),
        ("sklearn.*._base", "sklearn.svm._base sklearn.a.b._base sklearn.svm._base.deeper", "sklearn.svm._bas"),
        ("s?learn.[a-n]*", "sklearn.linear_model s1learn.a.b", "sklearn.svm sklearn"),
        ("*", "anything any.thing", ""),
    ],
)
def test_a_pattern_means_modules_and_what_lies_in_them(pattern: str, meant: str, not_meant: str) -> None:
    assert [m for m in meant.split() if not chosen.matches((pattern,), m)] == []
    assert [m for m in not_meant.split() if chosen.matches((pattern,), m)] == []


def test_of_a_project_what_is_installed_in_it_is_not_captured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "setup.py").touch()
    (folder / "sub").mkdir()
    monkeypatch.setattr(sys, "prefix", str(folder / "env"))
    choice = chosen.chosen(str(folder / "sub" / "script.py"), 0, None, (), ("vendor", "old.*"))
    wanted = {
        "a.py": True,
        "sub/a.py": True,
        "my-site-packages-demo/a.py": True,
        "sub/../a.py": True,
        "env/bin/a.py": False,
        ".other/lib/python3.11/site-packages/a.py": False,
        "../project2/a.py": False,
        "sub/../../a.py": False,
        str(Path(os.__file__)): False,
        str(Path(chosen.__file__)): False,
    }
    assert {path: choice.wants("a", str(folder / path)) for path in wanted} == wanted
    assert [choice.wants(name, str(folder / "a.py")) for name in ("vendor", "vendor.a", "old", "older")] == [
        False,
        False,
        False,
        True,
    ]


def test_an_installed_module_is_run_for_the_project_in_the_current_folder(folder: Path) -> None:
    installed = Path(sysconfig.get_paths()["purelib"]) / "tool" / "__main__.py"
    assert chosen.project_root(str(installed)) == str(folder)


def test_a_project_is_captured_through_symbolic_links(write: Write, folder: Path, tmp_path: Path) -> None:
    write("model.py", "y = 2 * 3\n")
    write("script.py", "import model\n")
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").symlink_to(folder / "script.py")
    for way in ("link/script.py", "bin/tool"):
        assert flor("python", tmp_path / way, "unnoticed").returncode == 0
        assert modules() == ["__main__", "model"]


# ---- settings


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("1", 1), ("500M", 500 << 20), ("4g", 4 << 30), ("1.5 GiB", 3 << 29), ("2TB", 2 << 40), ("64kb", 64 << 10)],
)
def test_sizes(text: str, bytes_: int) -> None:
    assert limits.size(text, "--budget") == bytes_


@pytest.mark.parametrize("text", ["", "0", "-1G", "4X", "G", "1e400", "nan", "four", "4 5"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(FlorError, match=r"^--budget: .* is no size: write one as 500M or 4G$"):
        limits.size(text, "--budget")


def test_the_budget_is_a_tenth_of_the_free_disk_at_most(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert 0 < limits.Limits().budget_in(str(tmp_path)) <= min(4 << 30, free // 10 + (64 << 20))
    assert limits.Limits(budget=7).budget_in(str(tmp_path)) == 7


def test_an_option_counts_before_the_environment_and_that_before_the_projects_settings(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("pyproject.toml", '[tool.flor]\ncapture = ["a.*"]\nbudget = "1G"\nbacklog = "1M"\ntime_share = 0.5\n')
    script = str(write("script.py", ""))
    monkeypatch.delenv("FLOR_TIME_SHARE", raising=False)
    assert settings(script, 0, ["b"]).chosen.capture == ("b", "a.*")
    assert settings(script, 0).limits == limits.Limits(1 << 30, 1 << 20, 0.5)
    monkeypatch.setenv("FLOR_BUDGET", "2G")
    monkeypatch.setenv("FLOR_TIME_SHARE", "1")
    assert settings(script, 0).limits == limits.Limits(2 << 30, 1 << 20, 1.0)
    assert settings(script, 0, [], 3).limits == limits.Limits(3, 1 << 20, 1.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tool.flor\n", "cannot be read: Expected ']'"),
        ("[tool.flor]\ncaptures = []\n", "no setting 'captures'; it has root, capture"),
        ('[tool.flor]\ncapture = "sklearn"\n', "'sklearn' is no list: write capture = ['sklearn']"),
        ("[tool.flor]\nexclude = [1]\n", "exclude: 1 is no module's name"),
        ('[tool.flor]\ncapture = ["lib/tool.py"]\n', "'lib/tool.py' is no module's name: write it with dots"),
        ('[tool.flor]\nroot = "nowhere"\n', "root: 'nowhere' is no folder beside it"),
        ('[tool.flor]\nbudget = "much"\n', "budget: 'much' is no size: write one as 500M or 4G"),
        ("[tool.flor]\ntime_share = 5\n", "time_share: 5 is no share of the time"),
        ("[tool]\nflor = 1\n", "tool.flor is 1: write a table"),
    ],
)
def test_wrong_settings_are_one_line_and_no_run(
    write: Write, flor_home: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    monkeypatch.delenv("FLOR_TIME_SHARE", raising=False)  # it counts before the project's
    path = write("pyproject.toml", text)
    write("script.py", "print('ran')\n")
    done = flor("python", "script.py", "unnoticed", FLOR_TIME_SHARE="")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"flor: {path}") and problem in done.stderr
    assert not (flor_home / "unnoticed").exists()


def test_settings_that_are_not_flors_are_not_read(write: Write) -> None:
    write("pyproject.toml", "[broken")
    write("script.py", "print('ran')\n")
    assert flor("python", "script.py", "unnoticed").stdout == "ran\n"


def test_the_project_says_what_is_captured(write: Write) -> None:
    write("pyproject.toml", '[tool.flor]\nroot = "src"\ncapture = ["tool"]\nexclude = ["model.old"]\n')
    write("script.py", "import sys\nsys.path[:0] = ['src']\nimport model.new, tool, other\n")
    for name in ("src/model/__init__", "src/model/old", "src/model/new", "tool", "other"):
        write(f"{name}.py", "from . import old\n" if name.endswith("new") else "x = 1 + 1\n")
    assert flor("python", "script.py", "unnoticed").stderr == ""
    assert modules() == ["__main__", "model", "model.new", "tool"]
    assert uncaptured() == {}


# ---- options


def test_what_follows_the_experiment_is_the_scripts(write: Write) -> None:
    write("script.py", "import sys\nprint(sys.argv[1:])\n")
    options = ["--capture", "json", "--budget", "1G", "-m", "--", "-h", "x"]
    assert flor("python", "--budget=2G", "script.py", "unnoticed", *options).stdout == f"{options}\n"
    assert run_json()["capture"] == []
    assert run_json()["budget"] == 2 << 30


@pytest.mark.parametrize(
    "arguments",
    ["--capture", "--capture= script.py x", "--budget 1Q script.py x", "--capture a/b script.py x", "--other s x", "s"],
)
def test_wrong_options_are_one_line(write: Write, flor_home: Path, arguments: str) -> None:
    write("script.py", "print('ran')\n")
    done = flor("python", *arguments.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("flor: ")
    assert not flor_home.exists()


def test_flor_says_its_version() -> None:
    assert flor("--version").stdout.startswith("flor 1.")


# ---- libraries


def test_a_library_is_named_in_its_own_shadow_copy(write: Write) -> None:
    write(
        "script.py",
        """
        from sklearn.svm import SVC
        X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
        for g in (0.5, 0.25):
            clf = SVC(gamma=g).fit(X, y)
        print(clf)
        """,
    )
    source = Path(importlib.util.find_spec("sklearn").origin).with_name("svm") / "_base.py"  # type: ignore
    before = source.read_bytes()
    done = flor("python", "--capture", "sklearn.svm.*", "script.py", "library")
    assert (done.stdout, done.stderr) == ("SVC(gamma=0.25)\n", "")
    assert flor("cp", "script.py", "script_h.py").returncode == 0
    assert flor("cp", source, "svm_base_h.py").returncode == 0
    assert flor("name", "script.py:3:5", "g").returncode == 0
    (line,) = [i for i, text in enumerate(source.read_text().split("\n"), 1) if "self._gamma = self.gamma" in text]
    assert flor("name", "--shadow", "svm_base_h.py", f"{source}:{line}:27-{line}:37", "gamma").returncode == 0
    done = flor("etl", "library", "script_h.py", "svm_base_h.py")
    assert done.returncode == 0, done.stderr
    done = flor("sql", "--csv", "select g_iter, g, gamma from library")
    assert done.stdout == "g_iter,g,gamma\n0,0.5,0.5\n1,0.25,0.25\n"
    assert source.read_bytes() == before
    assert all("sklearn" in s["module"] or s["module"] == "__main__" for s in run_json("library")["sources"])
    done = flor("show", "library")
    assert "_libsvm" in done.stdout and "an extension module, which has no Python source" in done.stdout


def test_a_pattern_that_means_no_imported_module_is_said(write: Write) -> None:
    write("script.py", "x = 1 + 1\n")
    done = flor("python", "--capture", "sklaern", "script.py", "unnoticed")
    assert done.returncode == 0
    assert (
        done.stderr
        == "flor: sklaern was not captured (it was to be captured, and no module of this name was imported)\n"
    )
    assert list(uncaptured()) == ["sklaern"]


def test_modules_of_the_standard_library_are_captured_on_request(write: Write) -> None:
    write("script.py", "import colorsys, sys, os\nprint(colorsys.rgb_to_hsv(0.5, 0.25, 0.25))\n")
    done = flor("python", "--capture", "colorsys", "--capture=sys", "--capture=os", "script.py", "unnoticed")
    assert (done.stdout, done.stderr) == ("(0.0, 0.5, 0.5)\n", "")
    assert modules() == ["__main__", "colorsys"]
    early = "it was imported before capture began"
    assert values(newest_trace("unnoticed"), "maxc-minc")[0] == "rgb_to_hsv()[0]: 0.25"
    assert uncaptured() == {"os.py": early, "posixpath.py": early, "sys": "it is built into Python"}


# ---- modules of every kind, captured without being noticed


def test_what_a_program_sees_of_its_modules(write: Write) -> None:
    write("pkg/__init__.py", "x = 1 + 1\n")
    write("pkg/data.txt", "data\n")
    write("pkg/part.py", "import sys\ndef f(a):\n    return a + 1  # a comment\n")
    write("space/inner.py", "y = [v * 2 for v in (1, 2)]\n")
    write("latin.py", "")
    Path("latin.py").write_bytes("# -*- coding: latin-1 -*-\ns = 'é' + 'ü'\n".encode("latin-1"))
    write("bom.py", "")
    Path("bom.py").write_bytes(b"\xef\xbb\xbfs = '\xc3\xa9' * 2\r\nt = s + '!'\r\n")
    write(
        "script.py",
        """
        import importlib.resources, importlib.util, inspect, linecache, os, pkgutil, sys
        import pkg.part, space.inner, latin, bom
        for m in (pkg, pkg.part, space, space.inner, latin, bom):
            print(m, m.__name__, m.__package__, getattr(m, "__file__", 0), getattr(m, "__cached__", 0), sorted(vars(m)))
            print(type(m.__loader__), m.__spec__, repr(m.__doc__), getattr(m, "__path__", 0))
        print(inspect.getsource(pkg.part.f), inspect.getsourcelines(pkg.part.f)[1], linecache.getline(pkg.part.__file__, 3))
        print([m.name for m in pkgutil.walk_packages(["."])], pkgutil.get_data("pkg", "data.txt"))
        print(importlib.resources.files("pkg").joinpath("data.txt").read_text(), pkg.part.f.__code__.co_filename)
        print(pkg.part.__loader__.get_source("pkg.part"), pkg.part.__loader__.is_package("pkg.part"))
        print(latin.s, bom.s, bom.t, space.inner.y)
        with open("new.py", "w") as file: file.write("z = 40 + 2")
        importlib.invalidate_caches()
        import new
        print(new.z)
        os.unlink("new.py")
        """,
    )
    plain, captured = both("script.py")
    assert captured == plain
    assert modules() == ["__main__", "pkg", "pkg.part", "space.inner", "latin", "bom", "new"]
    assert values(newest_trace("unnoticed"), "'é' + 'ü'") == ["éü"]
    assert values(newest_trace("unnoticed"), "s + '!'") == ["éé!"]
    assert uncaptured() == {}


def test_the_bytecode_cache_is_what_python_would_write(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    write("model.py", "def f(x):\n    return x + 1\n")
    write("script.py", "import model\nprint(model.f(1))\n")
    cached = Path(importlib.util.cache_from_source("model.py"))
    flor("python", "script.py", "unnoticed")
    by_flor = cached.read_bytes()
    cached.unlink()
    subprocess.run([sys.executable, "script.py"], check=True)
    assert by_flor == cached.read_bytes()
    assert flor("python", "script.py", "unnoticed").stdout == "2\n"
    assert modules() == ["__main__", "model"]


def test_modules_that_are_loaded_by_hand(write: Write) -> None:
    write("plugin.conf", "a = 3 + 4\n")
    write("lib/tool.py", "b = 5 + 6\n")
    write("side/beside.py", "c = 7 + 8\n")
    write(
        "script.py",
        """
        import importlib.util, importlib.machinery, runpy, sys
        spec = importlib.util.spec_from_loader("conf", importlib.machinery.SourceFileLoader("conf", "plugin.conf"))
        conf = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(conf)
        spec = importlib.util.spec_from_file_location("by_hand", "lib/tool.py")
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        sys.path.insert(0, "side")
        import beside
        print(conf.a, tool.b, beside.c, conf.__file__, tool.__file__, beside.__file__)
        print(runpy.run_module("lib.tool")["b"])
        """,
    )
    plain, captured = both("script.py")
    assert captured == plain
    assert modules() == ["__main__", "conf", "by_hand", "beside", "lib.tool"]
    trace = newest_trace("unnoticed")
    assert [values(trace, text) for text in ("3 + 4", "5 + 6", "7 + 8")] == [["7"], ["11", "11"], ["15"]]


def test_zipped_packages(write: Write) -> None:
    with zipfile.ZipFile("lib.zip", "w") as archive:
        archive.writestr("pkg/__init__.py", "from . import part\n")
        archive.writestr("pkg/part.py", "def f(x):\n    return x + 1\n")
    write(
        "script.py",
        """
        import sys, inspect
        sys.path.insert(0, "lib.zip")
        import pkg
        print(pkg, pkg.part.f(1), type(pkg.__loader__), inspect.getsource(pkg.part.f))
        """,
    )
    plain, captured = both("script.py")
    assert captured == plain
    assert modules() == ["__main__", "pkg", "pkg.part"]
    assert values(newest_trace("unnoticed"), "x + 1") == ["f()[0]: 2"]


def test_a_reloaded_module_is_captured_again_in_the_version_that_is_there(write: Write) -> None:
    write("model.py", "def f(x):\n    y = x + 1\n    return y\n")
    write(
        "script.py",
        """
        import importlib, model, os
        for i in range(3):
            print(model.f(i))
            if i == 1:
                with open("model.py", "w") as file: file.write("# newer\\ndef f(x):\\n    y = x + 1\\n    return y + 100\\n")
            importlib.reload(model)
        """,
    )
    write("model_h.py", f"#{Path('model.py').absolute()}\ndef f(x):\n    y = GET('next', x + 1)\n    return y\n")
    assert flor("python", "script.py", "unnoticed").stdout == "1\n2\n103\n"
    assert modules() == ["__main__", "model", "model"]
    assert values(newest_trace("unnoticed"), "x + 1") == [f"i[{i}] > f()[0]: {i + 1}" for i in range(3)]
    assert values(newest_trace("unnoticed"), "y + 100") == ["i[2] > f()[0]: 103"]
    assert flor("etl", "unnoticed", "model_h.py").returncode == 0
    assert flor("sql", "--csv", 'select "next" from unnoticed').stdout.split() == ["next", "1", "2", "3"]


def test_the_packages_around_a_module_are_captured_with_it(write: Write) -> None:
    write("pkg/__init__.py", "import sys\nfrom pkg import model\nprint(__name__, sys.argv)\n")
    write("pkg/model.py", "x = 1 + 1\n")
    write("pkg/sub/__init__.py", "")
    write("pkg/sub/train.py", "from pkg.model import x\nprint(x, __name__, __spec__.name)\n")
    write("pkg/__main__.py", "import pkg.sub.train\nprint(__name__)\n")
    write("pkg/twice/__init__.py", "from pkg.twice import mod\n")
    write("pkg/twice/mod.py", "print(__name__)\n")
    write("pkg/failing/__init__.py", "raise LookupError(1 + 1)\n")
    write("pkg/failing/mod.py", "")
    for name, expected in {
        "pkg.sub.train": ["__main__", "pkg", "pkg.model", "pkg.sub"],
        "pkg": ["__main__", "pkg", "pkg.model", "pkg.sub", "pkg.sub.train"],
        "pkg.twice.mod": ["__main__", "pkg", "pkg.model", "pkg.twice", "pkg.twice.mod"],
        "pkg.failing.mod": ["pkg", "pkg.failing", "pkg.model"],
    }.items():
        plain, captured = both("-m", name, "a")
        assert captured == plain
        assert sorted(modules()) == expected
    assert run_json()["status"] == "failed"


def test_an_expression_too_deep_to_rewrite_runs_uncaptured_and_is_named(write: Write) -> None:
    write("deep.py", "a = 1\ny = " + " + ".join(["a"] * 1500) + "\n")
    write("script.py", "import deep\nprint(deep.y)\n")
    plain, captured = both("script.py")
    assert captured[:2] == plain[:2] == (0, "1500\n")
    assert captured[2].startswith(f"flor: {Path('deep.py').absolute()} was not captured (RecursionError: ")
    assert list(uncaptured()) == ["deep.py"]


# ---- what is not captured is named


def test_modules_that_were_imported_before_capture_are_named(write: Write) -> None:
    write("early/sitecustomize.py", "import sys\nsys.path.append('lib')\nimport model\nsys.path.remove('lib')\n")
    write("lib/model.py", "x = 1 + 1\n")
    write("script.py", "import model\nprint(model.x)\n")
    done = flor("python", "script.py", "unnoticed", PYTHONPATH="early")
    assert (done.stdout, done.stderr) == ("2\n", "")
    assert modules() == ["__main__"]
    early = "it was imported before capture began"
    assert uncaptured() == {"sitecustomize.py": early, "model.py": early}


def test_what_has_no_source_is_named(write: Write) -> None:
    write("bare.py", "x = 1 + 1\n")
    py_compile.compile("bare.py", "bare.pyc")
    os.unlink("bare.py")
    (compiled,) = Path(sysconfig.get_config_var("DESTSHARED")).glob("_zoneinfo.*")
    shutil.copy(compiled, ".")
    write("script.py", "import bare, _zoneinfo\nprint(bare.x, _zoneinfo.__file__)\n")
    plain, captured = both("script.py")
    assert captured == plain
    assert uncaptured() == {
        "bare.pyc": "it is bytecode without its source",
        compiled.name: "it is an extension module, which has no Python source",
    }


def test_what_an_import_hook_compiles_is_left_to_it_and_named(write: Write) -> None:
    write("model.py", "x = 'source'\n")
    write("other.py", "x = 'source'\n")
    write(
        "hook.py",
        """
        import importlib.abc, importlib.machinery, importlib.util, sys
        class Loader(importlib.machinery.SourceFileLoader):
            def source_to_code(self, data, path, *, _optimization=-1):
                return super().source_to_code(data.replace(b"source", b"hooked"), path)
            def get_code(self, name): return self.source_to_code(self.get_data(self.path), self.path)
        class Other(importlib.abc.Loader):
            def exec_module(self, module): exec("x = 'made'", module.__dict__)
        class Finder(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path, target=None):
                loader = {"model": lambda: Loader(name, "model.py"), "other": Other}.get(name)
                return loader and importlib.util.spec_from_file_location(name, f"{name}.py", loader=loader())
        sys.meta_path.insert(0, Finder())
        """,
    )
    write("script.py", "import hook, model, other\nprint(model.x, other.x)\n")
    plain, captured = both("script.py")
    assert captured == plain
    assert captured[1] == "hooked made\n"
    assert modules() == ["__main__", "hook"]
    assert uncaptured() == {
        "model.py": "hook.Loader has compiled it, and not from its source as it stands",
        "other.py": "hook.Other has compiled it, and not from its source as it stands",
        "hook.py": "what exec() runs is not captured, only what comes of it",
    }


def test_pytests_rewritten_tests_are_named_and_plain_ones_captured(write: Write) -> None:
    write("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-p no:cacheprovider'\n")
    write("model.py", "def f(x):\n    return x + 1\n")
    write("test_it.py", "from model import f\ndef test_f():\n    assert f(1) == 2\n")
    done = flor("python", "-m", "pytest", "unnoticed", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert modules() == ["__main__", "model"]
    assert uncaptured()["test_it.py"].startswith("_pytest.assertion.rewrite.AssertionRewritingHook has compiled it")
    done = flor("python", "-m", "pytest", "unnoticed", "-q", "--assert=plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert modules() == ["__main__", "test_it", "model"]
    assert values(newest_trace("unnoticed"), "f(1) == 2") == ["test_f()[0]: True"]


def test_calls_that_run_other_code_are_named_with_their_lines(write: Write) -> None:
    write("other.py", "z = 3\n")
    write(
        "script.py",
        """
        import runpy
        exec(compile(open("other.py").read(), "other.py", "exec"))
        y = eval("z + 1") + eval("z")
        runpy.run_path("other.py")
        class Model:
            def eval(self): return self
        Model().eval()
        """,
    )
    assert flor("python", "script.py", "unnoticed").stderr == ""
    (item,) = run_json()["uncaptured"]
    assert item["lines"] == [2, 3, 4]
    assert item["why"] == "what exec() and eval() and run_path() runs is not captured, only what comes of it"
    assert values(newest_trace("unnoticed"), 'eval("z + 1")') == ["4"]
    flor("python", "script.py", "unnoticed")
    said = [line for line in flor("show", "unnoticed").stdout.split("\n") if "did not capture" in line]
    assert said == [f"2 runs did not capture {Path('script.py').absolute()}:2: {item['why']}"]


def test_many_that_are_left_out_for_one_reason_share_a_line(write: Write) -> None:
    for i in range(5):
        write(f"m{i}.py", "x = 1\n")
    write("early/sitecustomize.py", "import sys\nsys.path.append('.')\nimport m0, m1, m2, m3, m4\n")
    write("pyproject.toml", "[tool.flor]\nexclude = ['sitecustomize']\n")
    write("script.py", "import m0\n")
    flor("python", "script.py", "unnoticed", PYTHONPATH="early")
    (said,) = [line for line in flor("show", "unnoticed").stdout.split("\n") if "did not capture" in line]
    assert said.count(".py") == 3
    assert said.endswith("and 2 more: it was imported before capture began")
