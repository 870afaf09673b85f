"""A shadow copy while it is edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from flor.annotate import shadow
from flor.annotate.chunks import Chunks
from flor.annotate.living import Living
from flor.annotate.nameable import expression_at
from flor.annotate.places import Expression, Refusal, apply
from flor.errors import FlorError

SOURCE = """\
import os


def fit(rate):
    loss = rate * 2
    return loss


for rate in (1, 2):
    score = fit(rate)
    print(score)
print("end")
for rate in (1, 2):
    score = fit(rate)
    print(score)
"""
COPY = "#/p/train.py\n" + SOURCE


def living(text: str, before: Living | None = None) -> Living:
    chunks = Chunks.of(text) if before is None else before.chunks.changed(text)
    return Living(text, chunks, "train_h.py")


def name_from_source(copy: Living, source: str, piece: str, name: str, nth: int = 0) -> str | Refusal:
    """The copy's text with the nth occurrence of a piece of the source named."""
    at = -1
    for _ in range(nth + 1):
        at = source.index(piece, at + 1)
    chunks = Chunks.of(source)
    number = chunks.at(at)
    assert number is not None
    start = at - chunks.starts[number]
    expression = expression_at(chunks.chunks[number].parsed, start, start + len(piece))
    assert isinstance(expression, Expression)
    edit = copy.insert_from_source(chunks, number, expression, name)
    return edit if isinstance(edit, Refusal) else apply(edit, copy.text)


def names(copy: Living) -> list[tuple[str, str]]:
    return [(own.name, own.text) for own in copy.names]


def test_names_from_the_source_one_after_the_other() -> None:
    text = name_from_source(living(COPY), SOURCE, "rate * 2", "double")
    assert isinstance(text, str)
    copy = living(text)
    text = name_from_source(copy, SOURCE, "fit(rate)", "second", 2)
    assert isinstance(text, str)
    after = living(text, copy)
    text = name_from_source(after, SOURCE, "rate", "rate", 2)
    assert isinstance(text, str)
    last = living(text, after)
    assert names(last) == [("double", "rate * 2"), ("rate", "rate"), ("second", "fit(rate)")]
    assert last.problems == []
    assert text.count("GET") == 3
    assert text.index('GET("second"') > text.index('print("end")')
    assert shadow.parse(text.encode(), "h.py").source == SOURCE
    assert last.source_path == Path("/p/train.py")
    named = last.names[2]
    assert text[slice(*named.literal)] == '"second"'
    assert last.named_at(named.literal[0] + 1) == named
    assert last.named_at(0) is None


def test_a_changed_part_of_the_source_is_found_by_its_tree() -> None:
    """The copy has another comment: the chunks differ, the trees do not."""
    copy = living(COPY.replace("    loss = rate * 2\n", "    loss = rate * 2  # so\n"))
    text = name_from_source(copy, SOURCE, "rate * 2", "double")
    assert isinstance(text, str)
    assert '    loss = GET("double", rate * 2)  # so\n' in text


def test_a_copy_out_of_date() -> None:
    copy = living(COPY.replace("rate * 2", "rate * 3"))
    answer = name_from_source(copy, SOURCE, "rate * 2", "double")
    assert isinstance(answer, Refusal)
    assert answer.reason.startswith("train_h.py is out of date: line 5 of the source has changed")


def test_rename_and_remove() -> None:
    copy = living(
        COPY.replace("rate * 2", 'GET("double", rate * 2)').replace("= fit(rate)", '= GET("s", fit(rate))', 1)
    )
    double, s = copy.names
    edit = copy.rename(double, "twice")
    assert not isinstance(edit, Refusal)
    assert apply(edit, copy.text) == copy.text.replace("double", "twice")
    refused = copy.rename(double, "S")
    assert isinstance(refused, Refusal)
    assert refused.reason == 'the name "s" is taken in line 11 of train_h.py: choose another'
    assert copy.rename(double, "double") == []
    assert apply(copy.remove(s), copy.text) == COPY.replace("rate * 2", 'GET("double", rate * 2)')


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("rate * 2", "GET(rate * 2)", "loss = GET(rate * 2)", "GET"),
        ("rate * 2", "rate * (", "loss = rate * (", "was never closed: mend the shadow copy"),
        ("rate * 2", 'GET("a", GET("A", rate * 2))', '"A"', 'the name "A" and "a" are one name to SQL: rename one'),
        ("rate * 2", 'GET("a", GET("a", rate * 2))', '"a"', 'the name "a" is used twice: rename one of them'),
        ("rate * 2", 'GET(" ", rate * 2)', '" "', "a name needs a character"),
    ],
)
def test_problems(old: str, new: str, at: str, message: str) -> None:
    copy = living(COPY.replace(old, new))
    (problem,) = copy.problems
    assert copy.text[problem.start : problem.end] == at
    assert message in problem.message
    other = name_from_source(copy, SOURCE, "fit(rate)", "score", 2)
    assert isinstance(other, str) or "does not parse" in other.reason


def test_a_get_of_the_programs_own() -> None:
    """It may be defined far from where something is named."""
    source = SOURCE + "GET = 1\n"
    copy = living("#/p/train.py\n" + source)
    refused = name_from_source(copy, source, "rate * 2", "double")
    assert isinstance(refused, Refusal)
    assert refused.reason == ("train_h.py:17 defines another GET: import flor and write flor.GET, or rename that one")
    written = living(copy.text.replace("= fit(rate)", '= GET("score", fit(rate))', 1), copy)
    assert [problem.message for problem in written.problems] == [
        "line 17 defines another GET: import flor and write flor.GET, or rename that one"
    ]
    with pytest.raises(FlorError, match="line 17 defines another GET"):
        shadow.parse(written.text.encode(), "train_h.py")
    ours = "import flor\n" + source.replace("= fit(rate)", '= flor.GET("score", fit(rate))', 1)
    assert not living("#/p/train.py\n" + ours).problems
    in_a_class = living("#/p/train.py\n" + SOURCE + "class A:\n    GET = 1\n")
    assert isinstance(name_from_source(in_a_class, SOURCE, "rate * 2", "double"), str)


def test_no_header() -> None:
    assert living(SOURCE).source_path is None
    assert living("").names == []
