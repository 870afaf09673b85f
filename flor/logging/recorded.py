"""What the trace holds of log statements: calls of these functions, captured as those of the program are.

So a logged value has its place in the tree of block instances, whoever logs it. `place` is a number of a line in the
run's logged.jsonl (`flor.trace.logged`).
"""


def context(name: object) -> None:
    """What a Context records lies in a call of this one."""


def logged(place: int, value: object) -> None:
    """A log statement had this value."""


def logged_secret(place: int, password: object) -> None:
    """So had one whose name looks like a secret's."""


def called(place: int, consumes: str) -> None:
    """A tracked function is called now; its arguments come from the functions that `consumes` names, line by line. Or a
    Context begins or ends here that is a part of a run."""
