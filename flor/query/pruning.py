"""What need not be read for a filter: tells from a few columns which rows can pass it at all. Arrow decides, as it
decides for a partitioned dataset which files to open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

_FORMAT = ds.ParquetFileFormat()
_FILES = fs.LocalFileSystem()


def passing(predicate: object, known: Sequence[Mapping[str, str | int]], schema: pa.Schema) -> list[int]:
    """Which of some rows can pass an Arrow expression, in order; `known` has some of the columns of each, the others
    may hold anything. All, if `predicate` is None. Text that is no UTF-8 counts as unknown.
    """
    if predicate is None:
        return list(range(len(known)))
    fragments = [
        _FORMAT.make_fragment(str(number), _FILES, partition_expression=_all_of(columns, schema))
        for number, columns in enumerate(known)
    ]  # none of these files is there, nor opened
    rows = ds.FileSystemDataset(fragments, schema, _FORMAT, _FILES)
    return sorted(int(fragment.path) for fragment in rows.get_fragments(filter=predicate))


def _all_of(columns: Mapping[str, str | int], schema: pa.Schema) -> object:
    result = ds.scalar(True)
    for name, value in columns.items():
        if not isinstance(value, str) or not any("\ud800" <= c <= "\udfff" for c in value):
            result &= ds.field(name) == pa.scalar(value, schema.field(name).type)
    return result
