"""Sources with a selection marked by « and »."""


def unmark(marked: str) -> tuple[str, int, int]:
    """The source without the marks, and the offsets of the selection."""
    start, end = marked.index("«"), marked.index("»") - 1
    return marked.replace("«", "").replace("»", ""), start, end
