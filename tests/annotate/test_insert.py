"""Naming a selection: the text with the GET, or the reason why not; and that everything can be undone exactly."""

from __future__ import annotations

import sys

import pytest

from flor.annotate.nameable import enclosing, expression_at, suggest
from flor.annotate.places import Expression, Refusal, apply
from flor.annotate.shadow import insert, remove, rename
from flor.annotate.source import Parsed
from flor.annotate.strip import strip
from flor.errors import FlorError
from tests.annotate import cases
from tests.annotate.marked import unmark

NEW_FSTRINGS = sys.version_info >= (3, 12)
INSERTED = {**cases.INSERTED, **(cases.INSERTED_FROM_3_12 if NEW_FSTRINGS else {})}
REFUSED = {**cases.REFUSED, **(cases.REFUSED_FROM_3_12 if NEW_FSTRINGS else cases.REFUSED_BEFORE_3_12)}


def inserted(marked: str, name: str = "n") -> str:
    text, start, end = unmark(marked)
    edit = insert(text, start, end, name)
    assert not isinstance(edit, Refusal), edit.reason
    return apply(edit, text)


@pytest.mark.parametrize(("marked", "expected"), INSERTED.values(), ids=INSERTED.keys())
def test_a_selection_gets_its_get(marked: str, expected: str) -> None:
    assert inserted(marked) == expected


@pytest.mark.parametrize(("marked", "expected"), INSERTED.values(), ids=INSERTED.keys())
def test_gets_taken_out_leave_the_source_byte_for_byte(marked: str, expected: str) -> None:
    assert strip(Parsed(expected)).text == strip(Parsed(unmark(marked)[0])).text


@pytest.mark.parametrize(("marked", "expected"), INSERTED.values(), ids=INSERTED.keys())
def test_removing_the_name_undoes_the_insertion(marked: str, expected: str) -> None:
    assert apply(remove(expected, "n"), expected) == unmark(marked)[0]


@pytest.mark.parametrize(("marked", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_named_is_refused_with_a_reason(marked: str, reason: str) -> None:
    refusal = insert(*unmark(marked), "n")
    assert isinstance(refusal, Refusal), refusal
    assert reason in refusal.reason
    assert "\n" not in refusal.reason


@pytest.mark.parametrize(("marked", "name"), cases.SUGGESTED.values(), ids=cases.SUGGESTED.keys())
def test_a_name_is_suggested(marked: str, name: str) -> None:
    text, start, end = unmark(marked)
    expression = expression_at(text, start, end)
    assert isinstance(expression, Expression)
    assert suggest(text, expression, {"taken", "taken_2"}) == name


@pytest.mark.parametrize("name", ["", " ", " a", "a\n", "a\x00", "\ud800"])
def test_a_name_that_cannot_be_a_column_is_refused(name: str) -> None:
    assert isinstance(insert("x = 1", 4, 5, name), Refusal)


@pytest.mark.parametrize("name", ['say "hi"', "back\\slash", "mit Umlaut ä", "select", "'"])
def test_any_other_string_is_a_name(name: str) -> None:
    text = inserted("x = «1»", name)
    assert [get.name for get in strip(Parsed(text)).gets] == [name]


def test_a_caret_offers_what_encloses_it_the_innermost_first() -> None:
    text, start, _ = unmark("total = f(g(a.«»b + 1), 2)")
    assert [e.text for e in enclosing(text, start)] == ["a.b", "a.b + 1", "g(a.b + 1)"]


def test_a_caret_does_not_offer_what_is_called() -> None:
    text, start, _ = unmark("y = a.b.«»f(x)(1)")
    assert [e.text for e in enclosing(text, start)] == ["a.b.f(x)", "a.b.f(x)(1)"]


def test_a_caret_offers_nothing_outside_its_statement() -> None:
    text, start, _ = unmark("for x in y:\n    z = «»x\n")
    assert [e.text for e in enclosing(text, start)] == ["x"]


def test_a_caret_between_two_nodes_takes_the_one_that_begins_there() -> None:
    text, start, _ = unmark("f(a)[«»b]")
    assert [e.text for e in enclosing(text, start, 1)] == ["b"]


def test_renaming_changes_the_literal_alone() -> None:
    text = "y = GET( 'a' , f(x) ) # c\n"
    assert apply(rename(text, "a", 'b"'), text) == 'y = GET( "b\\"" , f(x) ) # c\n'


def test_removing_one_of_nested_names_leaves_the_other() -> None:
    text = 'def f(): return GET("a", GET("b", (x, y)))'
    assert apply(remove(text, "a"), text) == 'def f(): return GET("b", (x, y))'
    assert apply(remove(text, "b"), text) == 'def f(): return GET("a", (x, y))'


def test_removing_one_of_two_names_of_a_loop_target_leaves_the_other() -> None:
    text = 'for x in y: GET("a", x); GET("b", x); f()'
    assert apply(remove(text, "a"), text) == 'for x in y: GET("b", x); f()'
    assert apply(remove(text, "b"), text) == 'for x in y: GET("a", x); f()'


@pytest.mark.parametrize("change", [lambda t: remove(t, "b"), lambda t: rename(t, "b", "c")], ids=["remove", "rename"])
def test_a_name_that_is_not_there_is_an_error_that_lists_those_that_are(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FlorError, match='no name "b"; there are: a'):
        change('GET("a", f())')


def test_renaming_to_a_taken_name_is_an_error() -> None:
    with pytest.raises(FlorError, match="taken in line 2"):
        rename('f(GET("a", x))\nf(GET("b", x))', "a", "b")
