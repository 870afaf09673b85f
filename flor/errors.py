"""The error that a user can cause. At the very bottom: it imports nothing."""


class FlorError(Exception):
    """Something the user can mend. Its text is one line: what is wrong and what to do."""
