"""Arrays and tables of numpy, torch, pandas, polars and scipy.sparse: dtype, shape, and their contents while small.

The libraries are known by name and none is imported: what is needed of one is there, since it made the value. Nothing
here waits for a device, computes a lazy value, or looks at contents of a size that it did not ask for before.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Callable, Iterable
from typing import Any

from flor.capture import devices, literals, origin, secrets, snapshots
from flor.capture.literals import MAX_LEAVES, NotExactError, Writer
from flor.trace import format as f

MAX_CONTENTS = 4096  # bytes of an array that are kept in place
_MAX_CELLS = 16384  # texts of a table that is kept as a snapshot
_NUMBERS = (int, float, complex, bool)

#: A kind, its bytes or number, and what is to be told where its record lies, if it is to be.
Kept = tuple[int, bytes | int | float] | tuple[int, bytes, Callable[[devices.Place], None]]


def handler(library: str, kind: type) -> Callable[[Any], Kept] | None:
    """What keeps a value of this type of a library; None if it is no array, table or scalar."""
    names = [origin.own_name(k) for k in origin.ancestors(kind)]
    match library:
        case "numpy" if "ndarray" in names:
            return _NDARRAYS.get(names[0], _ndarray_of(kind))
        case "numpy" if "generic" in names:
            return _numpy_scalar
        case "numpy" if names[0] in ("ufunc", "_ArrayFunctionDispatcher"):
            return _numpy_function
        case "torch" if names[0] in _TENSORS:
            return _tensor
        case "pandas" if names[0] in ("Series", "DataFrame"):
            return _frame
        case "pandas" if "Index" in names or "ExtensionArray" in names:
            return _pandas_array
        case "pandas" if names[0] == "Timestamp":
            return _timestamp
        case "polars" if names[0] in ("Series", "DataFrame"):
            return _polars
        case "scipy" if "_spbase" in names or "spmatrix" in names:
            return _sparse
    return None


def derived_handler(kind: type) -> Callable[[Any], Kept] | None:
    """The same for a class of the program's own that is derived from numpy.ndarray."""
    for base in origin.ancestors(kind):
        if origin.own_name(base) == "ndarray" and origin.library(base) == "numpy":
            return _ndarray_of(kind, base)
    return None


def from_scalar(scalar: Any) -> Kept | None:
    """A Python number or text as it is kept; None if it is neither, or is long."""
    kind = type(scalar)
    if kind is float:
        return f.FLOAT, scalar
    if kind is bool:
        return f.BOOL, int(scalar)
    if kind is int:
        return (f.INT, scalar) if -(2**63) <= scalar < 2**63 else (f.BIG_INT, hex(scalar).encode())
    if kind is complex:
        return f.COMPLEX, struct.pack("<dd", scalar.real, scalar.imag)
    if kind is str and len(scalar) <= literals.MAX_TEXT // 4:
        return f.STR, scalar.encode("utf-8", "surrogatepass")
    return (f.BYTES, scalar) if kind is bytes and len(scalar) <= literals.MAX_TEXT else None


def array(data: dict[str, Any], contents: bytes = b"") -> Kept:
    """An ARRAY of flor.trace.format."""
    head = json.dumps(data).encode()
    return f.ARRAY, struct.pack("<I", len(head)) + head + contents


def _cells(values: Any) -> dict[str, str]:
    """The text of nested lists, if they are few plain values."""
    try:
        return {"text": literals.write(values)}
    except NotExactError:
        return {}


# numpy.

_NDARRAY = "numpy.ndarray"
_MAX_HEADS = 1024
#: Of plain arrays of more than one element that are kept in place: what stands before the elements, by dtype and shape.
_heads: dict[tuple[Any, tuple[int, ...]], bytes] = {}


def _numpy_scalar(value: Any) -> Kept:
    if value.dtype.kind == "M":
        return f.DATE, str(value).encode()
    kept = from_scalar(value.item()) if value.dtype.kind in "biufcSU" else None
    try:
        return kept or (f.EXACT, literals.write(value).encode())
    except NotExactError:  # a record of which something is not to be shown
        return array(
            {"type": origin.qualified(type(value)), "dtype": literals.item(str(value.dtype))[1:-1], "shape": []}
        )


def _numpy_function(value: Any) -> Kept:
    name = value.__name__
    if vars(sys.modules["numpy"]).get(name) is value:
        name = f"numpy.{name}"
    elif type(value).__name__ != "ufunc":  # that one does not know its module: scipy.special's are of this type too
        name = f"{value.__module__}.{name}"
    return f.NAMED, f"function {name}".encode()


def _ndarray(value: Any, name: str = _NDARRAY) -> Kept:
    dtype = value.dtype
    of_numpy = dtype.isbuiltin == 1 and name is _NDARRAY
    known = _heads.get((dtype, value.shape)) if of_numpy else None
    if known is not None:
        return f.ARRAY, known + value.tobytes()
    size = value.size
    plain = dtype.kind in "biufc" and dtype.isbuiltin != 2
    if size == 1:
        if (plain or dtype.kind in "SUT") and (kept := from_scalar(value.item())) is not None:
            return kept
        if dtype.kind == "M":
            return f.DATE, str(value.reshape(1)[0]).encode()
    if not plain:
        return _array_of_others(value, name)
    head = f'{{"type": "{name}", "dtype": "{dtype.str}", "shape": {list(value.shape)}'
    nbytes = size * dtype.itemsize
    if nbytes <= MAX_CONTENTS:
        begin = _begin(head)
        if of_numpy:
            if len(_heads) >= _MAX_HEADS:
                _heads.clear()
            _heads[dtype, value.shape] = begin
        return f.ARRAY, begin + value.tobytes()
    if snapshots.affordable(nbytes):
        blob = snapshots.npy(repr(dtype.str), value.shape, value.tobytes())
        head += f', "blob": "{blob}"' if blob else ""
    return f.ARRAY, _begin(head)


def _begin(head: str) -> bytes:
    """What stands before an array's elements; `head` is JSON without its closing brace."""
    written = f"{head}}}".encode()
    return len(written).to_bytes(4, "little") + written


def _array_of_others(value: Any, name: str) -> Kept:
    """An array of texts, objects, dates or records."""
    dtype = value.dtype
    words = {"U": "str", "T": "str", "S": "bytes", "V": literals.item(str(dtype))[1:-1]}
    data = {"type": name, "dtype": words.get(dtype.kind, dtype.name), "shape": list(value.shape)}
    if dtype.isbuiltin == 2 or dtype.kind not in "OTUSVMm" or _names_secret(dtype.names or ()):
        return array(data)
    if value.size <= MAX_LEAVES:
        data |= _cells((value.astype("U") if dtype.kind in "Mm" else value).tolist())
    elif not dtype.hasobject and dtype.kind != "T" and snapshots.affordable(value.nbytes):
        elements = value.tobytes()
        if not secrets.texts or not any(_holds(elements, dtype, text) for text in secrets.texts):
            data |= _blob(snapshots.npy(repr(dtype.descr if dtype.names else dtype.str), value.shape, elements))
    return array(data)


def _names_secret(labels: Iterable[object]) -> bool:
    """Whether one of these labels (of columns, of rows, of fields) looks like a secret's."""
    return any(type(label) is str and secrets.is_secret(label) for label in labels)


def _holds(elements: bytes, dtype: Any, text: str) -> bool:
    """Whether a secret is among texts as numpy writes them: in UTF-32, or in bytes."""
    wide = text.encode("utf-32-be" if dtype.str[0] == ">" else "utf-32-le", "surrogatepass")
    return wide in elements or text.encode("utf-8", "surrogatepass") in elements


def _blob(name: str | None) -> dict[str, str]:
    return {} if name is None else {"blob": name}


def _ndarray_of(kind: type, base: Any = None) -> Callable[[Any], Kept]:
    """What keeps arrays of a derived class: as a plain array, and of such a class's type."""
    names = [origin.own_name(k) for k in origin.ancestors(kind)]
    numpy = base or next(k for k in origin.ancestors(kind) if origin.own_name(k) == "ndarray")

    def keep(value: Any) -> Kept:
        plain = numpy.view(value, numpy)
        name = json.dumps(origin.qualified(type(value)))[1:-1]
        if "memmap" in names or "MaskedArray" in names:  # a file is not read, a mask not ignored
            return array({"type": name, "dtype": plain.dtype.str, "shape": list(plain.shape)})
        return _ndarray(plain, name)

    return keep


def _masked(value: Any) -> Kept:
    data = {"type": "numpy.ma.MaskedArray", "dtype": value.dtype.str, "shape": list(value.shape)}
    if value.size <= MAX_LEAVES and value.dtype.kind in "biufcSU":
        data |= _cells(value.tolist())
    return array(data)


_NDARRAYS = {"ndarray": _ndarray, "MaskedArray": _masked}


def _numpy_writer(kind: type) -> Callable[[Writer, Any], str] | None:
    names = [origin.own_name(k) for k in origin.ancestors(kind)]
    if "generic" in names:
        return _write_numpy_scalar
    if "dtype" in names:
        return _write_dtype
    return _write_ndarray if names[0] == "ndarray" else _write_other if "ndarray" in names else None


def _write_numpy_scalar(writer: Writer, value: Any) -> str:
    kind = value.dtype.kind
    if kind in "Mm":
        writer.leaf()
        return repr(value)
    if value.dtype.hasobject or _names_secret(value.dtype.names or ()):
        raise NotExactError
    scalar = value.item()
    if type(scalar) in (*_NUMBERS, str, bytes, tuple):
        return writer.write(scalar)
    writer.leaf()
    return repr(value)  # long double: more than Python's numbers hold


def _write_dtype(writer: Writer, value: Any) -> str:
    """As numpy writes it; what has fields, metadata or an author of its own may run their code, and is left out."""
    if value.kind not in "biufcOSUVMm" or value.isbuiltin == 2 or value.names or value.subdtype or value.metadata:
        raise NotExactError
    writer.leaf()
    return repr(value)


def _write_ndarray(writer: Writer, value: Any) -> str:
    kind = value.dtype.kind
    shape = tuple(value.shape)
    if value.size > min(writer.leaves, MAX_LEAVES) or kind not in "biufcSU" or (0 in shape and shape != (0,)):
        raise NotExactError(_shown(value.dtype.name, "array", shape))
    name = value.dtype.name
    usual = name in ("int64", "float64", "bool", "complex128") or kind in "SU"
    return f"array({writer.write(value.tolist())}{'' if usual else f', dtype={name!r}'})"


def _write_other(writer: Writer, value: Any) -> str:
    raise NotExactError(f"<{origin.qualified(type(value))}>")


def _shown(dtype: str, what: str, shape: tuple[int, ...]) -> str:
    return f"{dtype} {what} {shape}"


# torch. Its memory is read as it lies there: an operation, be it a copy, would be seen by the program's modes and
# profilers.

_TENSORS = ("Tensor", "Parameter", "Buffer")
_torch: dict[Any, tuple[str, str]] = {}  # for each torch.dtype its name, and what numpy calls it
_NUMPY_NAMES = {
    "float64": "<f8", "float32": "<f4", "float16": "<f2", "bfloat16": "bfloat16", "int64": "<i8", "int32": "<i4",
    "int16": "<i2", "int8": "|i1", "uint8": "|u1", "uint16": "<u2", "uint32": "<u4", "uint64": "<u8", "bool": "|b1",
    "complex64": "<c8", "complex128": "<c16",
}  # fmt: skip
_UNPACK = {"<f8": "<d", "<f4": "<f", "<f2": "<e", "<i8": "<q", "<i4": "<i", "<i2": "<h", "|i1": "b", "|u1": "B",
           "<u2": "<H", "<u4": "<I", "<u8": "<Q", "|b1": "?"}  # fmt: skip


def _tensor(value: Any) -> Kept:
    torch = sys.modules["torch"]._C
    if torch._len_torch_function_stack():
        with torch.DisableTorchFunction():
            return _plain_tensor(value, torch)
    return _plain_tensor(value, torch)


def _plain_tensor(value: Any, torch: Any) -> Kept:
    shape, dtype = list(value.shape), value.dtype
    name, numpy = _torch.get(dtype) or _torch_dtype(dtype)
    kind = "torch.Tensor" if type(value).__name__ == "Tensor" else origin.qualified(type(value))
    head = f'{{"type": "{kind}", "dtype": "{numpy or name}", "shape": {shape}'
    size = value.numel()
    contents = b""
    if not value.is_cpu:
        if size == 1:
            copied = devices.begin(value) if numpy and _has_memory(value, torch) else None
            why = f"a tensor on {value.device}: "
            why += (
                "to read it would wait for the device. Name its .item()" if copied is None else "it was not there yet"
            )
            gap = f'{head}, "why": "{why}"}}'.encode()
            return (f.GAP, gap) if copied is None else (f.GAP, gap, copied)
        head += f', "device": "{value.device}"'
    elif numpy and _has_memory(value, torch):
        nbytes = size * value.element_size()
        if nbytes <= MAX_CONTENTS:
            contents = _memory(value, numpy, MAX_CONTENTS)
            if size == 1 and contents and (kept := _tensor_scalar(numpy, contents)) is not None:
                return kept
        elif numpy != "bfloat16" and snapshots.affordable(nbytes) and (elements := _memory(value, numpy, nbytes)):
            blob = snapshots.npy(repr(numpy), tuple(shape), elements)
            head += f', "blob": "{blob}"' if blob else ""
    elif size == 1:
        return f.GAP, f'{head}, "why": "a tensor that has no numbers in memory"}}'.encode()
    return f.ARRAY, _begin(head) + contents


def _torch_dtype(dtype: Any) -> tuple[str, str]:
    name = str(dtype).removeprefix("torch.")
    _torch[dtype] = found = (name, _NUMPY_NAMES.get(name, ""))
    return found


def _has_memory(value: Any, torch: Any) -> bool:
    """Whether its numbers lie in memory as they are: not of one that is sparse, or inside a compiler or a functional
    transform, or whose sign or conjugation is still to be applied."""
    return (
        value.layout is sys.modules["torch"].strided
        and torch._has_storage(value)
        and not torch._functorch.is_functorch_wrapped_tensor(value)
        and not sys.modules["torch"]._is_functional_tensor(value)
        and not value.is_neg()
        and not value.is_conj()
    )


def _memory(value: Any, dtype: str, most: int) -> bytes:
    """A tensor's elements in C order; nothing if they cannot be had cheaply."""
    if value.numel() == 0:
        return b""
    string_at = sys.modules["ctypes"].string_at
    width, shape, strides = value.element_size(), tuple(value.shape), value.stride()
    span = (1 + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))) * width
    if value.untyped_storage().nbytes() < value.storage_offset() * width + span:  # its memory was given back
        return b""
    if value.is_contiguous():
        return string_at(value.data_ptr(), span)  # type: ignore[no-any-return]
    numpy = sys.modules.get("numpy")
    if span > 4 * most or numpy is None:
        return b""
    raw = string_at(value.data_ptr(), span)
    word = "<u2" if dtype == "bfloat16" else dtype
    steps = [stride * width for stride in strides]
    return numpy.ndarray(shape, word, raw, 0, steps).tobytes()  # type: ignore[no-any-return]


def _tensor_scalar(dtype: str, contents: bytes) -> Kept | None:
    if dtype == "bfloat16":
        return f.FLOAT, struct.unpack("<f", b"\0\0" + contents)[0]
    if dtype[1] == "c":
        return f.COMPLEX, contents if len(contents) == 16 else struct.pack("<dd", *struct.unpack("<ff", contents))
    return from_scalar(struct.unpack(_UNPACK[dtype], contents)[0])


def _number_in(host: Any) -> devices.Number | None:
    """The one element of a tensor on the host, if it is a number that a record holds."""
    dtype = (_torch.get(host.dtype) or _torch_dtype(host.dtype))[1]
    contents = _memory(host, dtype, MAX_CONTENTS)
    kept = _tensor_scalar(dtype, contents) if contents else None
    return None if kept is None or isinstance(kept[1], bytes) else (kept[0], kept[1])


for _kind in ("cuda", "xpu"):
    devices.add(_kind, _number_in)


def _torch_writer(kind: type) -> Callable[[Writer, Any], str] | None:
    name = origin.own_name(kind)
    if name in ("dtype", "device"):
        return _write_word
    return _write_size if name == "Size" else _write_tensor if name in _TENSORS else None


def _write_word(writer: Writer, value: object) -> str:
    writer.leaf()
    return repr(value)


def _write_size(writer: Writer, value: Any) -> str:
    return f"torch.Size([{writer.items(tuple.__iter__(value))}])"


def _write_tensor(writer: Writer, value: Any) -> str:
    torch = sys.modules["torch"]._C
    if torch._len_torch_function_stack():
        with torch.DisableTorchFunction():
            return _write_plain_tensor(writer, value, torch)
    return _write_plain_tensor(writer, value, torch)


def _write_plain_tensor(writer: Writer, value: Any, torch: Any) -> str:
    shape = tuple(value.shape)
    name, dtype = _torch.get(value.dtype) or _torch_dtype(value.dtype)
    numpy = sys.modules.get("numpy")
    few = 0 < value.numel() <= min(writer.leaves, MAX_LEAVES)
    elements = b""
    if few and numpy and dtype not in ("", "bfloat16") and value.is_cpu and _has_memory(value, torch):
        elements = _memory(value, dtype, MAX_CONTENTS)
    if not elements or numpy is None:
        raise NotExactError(_shown(name, "Tensor", shape))
    nested = writer.write(numpy.frombuffer(elements, dtype).reshape(shape).tolist())
    return f"tensor({nested}{'' if name in ('float32', 'int64', 'bool') else f', dtype=torch.{name}'})"


# pandas.


def _timestamp(value: Any) -> Kept:
    return (f.DATE if literals.ordinary_zone(value) else f.OBJECT), value.isoformat().encode()


def _frame(value: Any) -> Kept:
    """A Series or DataFrame: its columns, and its contents while they are few plain values or can be kept."""
    kind = type(value).__name__
    data: dict[str, Any] = {"type": f"pandas.{kind}", "shape": list(value.shape)}
    rows, width = (*value.shape, 1)[:2]
    dtypes = [value.dtype] if kind == "Series" else [] if width > MAX_LEAVES else value.dtypes.tolist()
    names = [value.name] if kind == "Series" else value.columns[:MAX_LEAVES].tolist()
    ordinary = all(origin.library(type(t)) in ("pandas", "numpy", origin.PYTHON) for t in dtypes)
    data["dtype"] = ", ".join(dict.fromkeys(map(str, dtypes))) if ordinary else "?"
    data["columns"] = [n if type(n) is str else literals.item(n) for n in names if n is not None]
    if not ordinary or not dtypes or _names_secret(data["columns"]) or _names_secret(value.index[:MAX_LEAVES].tolist()):
        return array(data)
    if value.size <= MAX_LEAVES:
        data |= _cells(value.to_numpy(dtype=object).tolist())
    if "text" not in data and snapshots.affordable(rows * width * 8) and _is_tabular(value, dtypes, names):
        data |= _blob(_arrow(value if kind == "DataFrame" else value.to_frame(value.name or "0")))
    return array(data)


def _is_tabular(value: Any, dtypes: list[Any], names: list[Any]) -> bool:
    """Whether Arrow can hold it without asking objects of the program's own."""
    if not all(type(n) in (str, int) or n is None for n in names):
        return False
    objects = [i for i, t in enumerate(dtypes) if getattr(t, "kind", "O") == "O"]
    if len(objects) * len(value) > _MAX_CELLS:
        return False
    columns: Iterable[Any] = [value] if len(value.shape) == 1 else (value.iloc[:, i] for i in objects)
    return not objects or all(_are_texts(column.to_numpy(dtype=object).tolist()) for column in columns)


def _are_texts(cells: list[Any]) -> bool:
    length = 0
    for cell in cells:
        if type(cell) is str:
            length += len(cell)
        elif cell is not None and type(cell) not in (float, int, bool) and type(cell).__name__ != "NAType":
            return False
    return length <= snapshots.MAX_BYTES


def _arrow(frame: Any) -> str | None:
    """Keep a DataFrame as an Arrow file. pyarrow is there wherever pandas found it."""
    arrow = sys.modules.get("pyarrow")
    if arrow is None or not hasattr(arrow, "ipc"):
        return None
    try:
        batch = arrow.RecordBatch.from_pandas(frame, nthreads=1)
        sink = arrow.BufferOutputStream()
        with arrow.ipc.new_file(sink, batch.schema) as file:
            file.write_batch(batch)
    except (arrow.ArrowException, TypeError, ValueError):  # a column that Arrow has no type for
        return None
    return _keep_arrow(sink.getvalue().to_pybytes())


def _keep_arrow(data: bytes) -> str | None:
    if not snapshots.affordable(len(data)) or (secrets.texts and secrets.in_bytes(data)):
        return None
    return snapshots.keep("arrow", data)


def _pandas_array(value: Any) -> Kept:
    """An Index, a Categorical or another of pandas' arrays."""
    dtype = value.dtype
    ordinary = origin.library(type(dtype)) is not None
    data = {"type": origin.qualified(type(value)), "dtype": str(dtype) if ordinary else "?", "shape": list(value.shape)}
    if ordinary and len(value) <= MAX_LEAVES:
        data |= _cells(value.to_numpy(dtype=object).tolist())
    return array(data)


def _pandas_writer(kind: type) -> Callable[[Writer, Any], str] | None:
    name = origin.own_name(kind)
    if name in ("Timedelta", "NaTType", "NAType"):
        return _write_pandas_scalar
    if name == "Timestamp":
        return _write_timestamp
    if name in ("Period", "Interval"):
        return _write_interval
    return _write_frame if name in ("Series", "DataFrame") else None


def _write_pandas_scalar(writer: Writer, value: object) -> str:
    writer.leaf()
    return "NA" if type(value).__name__ == "NAType" else repr(value)


def _write_timestamp(writer: Writer, value: Any) -> str:
    if not literals.ordinary_zone(value):
        raise NotExactError
    return _write_pandas_scalar(writer, value)


def _write_interval(writer: Writer, value: Any) -> str:
    if type(value).__name__ == "Period":
        return _write_pandas_scalar(writer, value)
    return f"Interval({writer.write(value.left)}, {writer.write(value.right)}, closed={value.closed!r})"


def _write_frame(writer: Writer, value: Any) -> str:
    raise NotExactError(
        _shown(str(value.dtype) if len(value.shape) == 1 else "", type(value).__name__, value.shape).strip()
    )


# polars. What is lazy is an object like others.


def _polars(value: Any) -> Kept:
    kind = type(value).__name__
    series = kind == "Series"
    dtypes = [value.dtype] if series else value.dtypes
    shape = [value.len()] if series else list(value.shape)
    names = [value.name] if series else value.columns[:MAX_LEAVES]
    data: dict[str, Any] = {"type": f"polars.{kind}", "shape": shape}
    data["dtype"] = ", ".join(dict.fromkeys(str(t) for t in dtypes[:MAX_LEAVES]))
    data["columns"] = [n for n in names if n]
    objects = any(str(t) == "Object" for t in dtypes)
    if objects or _names_secret(data["columns"]) or snapshots.is_forked():
        return array(data)  # in a forked process its threads are gone, and it would wait for them
    rows, width = (*shape, 1)[:2]
    if rows * width <= MAX_LEAVES:
        data |= _cells(value.to_list() if series else [list(row) for row in value.rows()])
    if "text" not in data and snapshots.affordable(int(value.estimated_size())):
        sink = io.BytesIO()
        (value.to_frame() if series else value).write_ipc(sink, compression="uncompressed")
        data |= _blob(_keep_arrow(sink.getvalue()))
    return array(data)


def _polars_writer(kind: type) -> Callable[[Writer, Any], str] | None:
    return _write_frame if origin.own_name(kind) in ("Series", "DataFrame") else None


# scipy.sparse.


def _sparse(value: Any) -> Kept:
    kind = type(value).__name__
    data: dict[str, Any] = {"type": origin.qualified(type(value)), "dtype": value.dtype.str, "shape": list(value.shape)}
    if kind.partition("_")[0] not in ("csr", "csc", "coo", "bsr"):  # the others have to count
        return array(data)
    stored = data["stored"] = int(value.nnz)
    if value.shape[0] * (*value.shape, 1)[1] <= MAX_LEAVES and len(value.shape) <= 2:
        data |= _cells(value.toarray().tolist())
    elif len(value.shape) == 2 and value.dtype.kind in "biufc" and snapshots.affordable(stored * 24):
        numpy, found = sys.modules["numpy"], value.tocoo()
        fields = [("row", "<i8"), ("column", "<i8"), ("value", value.dtype.str)]
        table = numpy.empty(stored, fields)
        table["row"], table["column"], table["value"] = found.row, found.col, found.data
        data |= _blob(snapshots.npy(repr(fields), table.shape, table.tobytes()))
    return array(data)


literals.LIBRARIES |= {
    "numpy": _numpy_writer,
    "torch": _torch_writer,
    "pandas": _pandas_writer,
    "polars": _polars_writer,
}
