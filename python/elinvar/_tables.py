"""Reads what pandas, polars, pyarrow and plain dicts have in common: named columns of numbers, booleans or text.

None of these packages is imported here; their objects are recognised by the module that they come from.
"""

import os
from collections.abc import Mapping

import numpy as np


def is_table(value):
    """Whether a value has named columns."""
    return isinstance(value, Mapping) or _kind(value) is not None or _is_structured(value)


def columns(value, name):
    """Names and cells of all columns.

    Cells are a NumPy array of float64, int64 or bool, or a list of strings with None where missing. Anything without
    column names is called after the input: ``name``, or ``name0``, ``name1``, ... for a matrix.
    """
    kind = _kind(value)
    if isinstance(value, Mapping):
        return [(str(key), _cells(column, str(key))) for key, column in value.items()]
    if kind == ("pandas", "DataFrame"):
        return [(str(key), _cells(value.iloc[:, i], str(key))) for i, key in enumerate(value.columns)]
    if kind == ("polars", "DataFrame"):
        return [(column.name, _cells(column, column.name)) for column in value.get_columns()]
    if kind == ("polars", "LazyFrame"):
        return columns(value.collect(), name)
    if kind == ("pyarrow", "Table") or kind == ("pyarrow", "RecordBatch"):
        return [(key, _cells(value.column(i), key)) for i, key in enumerate(value.schema.names)]
    if _is_structured(value):
        return [(key, _cells(value[key], key)) for key in value.dtype.names]
    if _module(value) in {"pandas", "polars"}:
        own = getattr(value, "name", None)
        return [(str(own) if own not in (None, "") else name, _cells(value, name))]
    return _from_array(value, name)


def document(value, name):
    """File name and text of a document: a path is read, other text is taken as it is."""
    if isinstance(value, os.PathLike) or (isinstance(value, str) and "\n" not in value and os.path.isfile(value)):
        with open(value, encoding="utf-8") as file:
            return os.fspath(value), file.read()
    if isinstance(value, str):
        return name, value
    raise TypeError(f"'{name}' must be a path, a text or a dict, got {type(value).__name__}")


def feature_names(value):
    """Column names of a table as scikit-learn understands them, or None."""
    names = _names(value)
    if names is None:
        return None
    texts = [isinstance(key, str) for key in names]
    if names and all(texts):
        return np.array(names, dtype=object)
    if any(texts):
        raise TypeError("Feature names are only supported if all input features have string names; X has names of several types")
    return None


def n_rows(value):
    """Number of rows of a table."""
    kind = _kind(value)
    if kind == ("polars", "LazyFrame"):
        value = value.collect()
    if kind is not None:
        return value.shape[0] if hasattr(value, "shape") else value.num_rows
    if isinstance(value, Mapping):
        return len(next(iter(value.values()), ()))
    return len(value)


def matrix(value):
    """A table of numbers as a matrix."""
    if _kind(value) in {("pandas", "DataFrame"), ("polars", "DataFrame")}:
        array = np.asarray(value)
        if array.dtype.kind in "fiub":
            return array
    cells = columns(value, "X")
    for name, column in cells:
        if not isinstance(column, np.ndarray):
            raise ValueError(f"column '{name}' must hold numbers, got text; encode it, or leave it out")
    return np.column_stack([column for _, column in cells]) if cells else np.empty((n_rows(value), 0))


def _names(value):
    kind = _kind(value)
    if kind is None:
        return list(value) if isinstance(value, Mapping) else list(value.dtype.names) if _is_structured(value) else None
    if kind == ("polars", "LazyFrame"):
        return value.collect_schema().names()
    return list(value.schema.names if kind[0] == "pyarrow" else value.columns)


def _module(value):
    return type(value).__module__.partition(".")[0]


def _kind(value):
    kind = (_module(value), type(value).__name__)
    frames = {
        ("pandas", "DataFrame"),
        ("polars", "DataFrame"),
        ("polars", "LazyFrame"),
        ("pyarrow", "Table"),
        ("pyarrow", "RecordBatch"),
    }
    if kind in frames:
        return kind
    # Subclasses, such as geopandas' frames, and whatever else pandas wraps.
    for base in type(value).__mro__[1:]:
        if (base.__module__.partition(".")[0], base.__name__) == ("pandas", "DataFrame"):
            return ("pandas", "DataFrame")
    return None


def _is_structured(value):
    return isinstance(value, np.ndarray) and value.dtype.names is not None


def _from_array(value, name):
    array = np.asarray(value)
    if array.ndim == 2:
        return [(f"{name}{j}", _cells(array[:, j], f"{name}{j}")) for j in range(array.shape[1])]
    if array.ndim == 1:
        return [(name, _cells(array, name))]
    raise ValueError(f"'{name}' must be a table, a matrix or a vector, got an array of shape {array.shape}")


def _cells(column, name):
    module = _module(column)
    if module == "pandas":
        return _pandas_cells(column, name)
    if module == "polars":
        return _polars_cells(column, name)
    if module == "pyarrow":
        return _objects(column.to_pylist(), name)
    array = np.asarray(column)
    if array.ndim != 1:
        raise ValueError(f"column '{name}' must have one value a row, got an array of shape {array.shape}")
    return _array_cells(array, name)


def _pandas_cells(series, name):
    dtype = series.dtype
    if hasattr(dtype, "categories"):
        return [None if missing else str(value) for value, missing in zip(series.astype(object), series.isna(), strict=True)]
    if isinstance(dtype, np.dtype):
        return _array_cells(series.to_numpy(), name)
    if getattr(dtype, "kind", "O") in "iufb":
        if series.hasnans:
            return series.to_numpy(dtype="float64", na_value=np.nan)
        return _array_cells(series.to_numpy(dtype=getattr(dtype, "numpy_dtype", None)), name)
    return _objects(series.astype(object).where(series.notna(), None).tolist(), name)


def _polars_cells(series, name):
    kind = str(series.dtype)
    if series.dtype.is_numeric():
        return _array_cells((series.cast(float) if series.null_count() else series).to_numpy(), name)
    if kind.startswith(("Categorical", "Enum")):
        return series.cast(str).to_list()
    return _objects(series.to_list(), name)


def _array_cells(array, name):
    kind = array.dtype.kind
    if kind == "f":
        return np.ascontiguousarray(array, dtype=np.float64)
    if kind in "iu":
        return np.ascontiguousarray(array, dtype=np.int64)
    if kind == "b":
        return np.ascontiguousarray(array)
    if kind in "US":
        return [str(value) for value in array.tolist()]
    if kind in "OT":
        return _objects(array.tolist(), name)
    raise ValueError(f"column '{name}' must hold numbers, text or booleans, got {array.dtype}")


def _objects(values, name):
    """Cells of mixed Python objects: the narrowest kind that holds them all."""
    missing = [value is None or value != value for value in values]
    present = [value for value, absent in zip(values, missing, strict=True) if not absent]
    if present and all(isinstance(value, (bool, np.bool_)) for value in present) and not any(missing):
        return np.array(values, dtype=bool)
    if all(isinstance(value, (int, np.integer)) and not isinstance(value, bool) for value in present) and not any(missing):
        return np.array(values, dtype=np.int64)
    if all(isinstance(value, (int, float, np.number)) for value in present):
        return np.array([np.nan if absent else float(value) for value, absent in zip(values, missing, strict=True)], dtype=np.float64)
    if all(isinstance(value, (str, bool, int, float, np.generic)) for value in present):
        return [None if absent else str(value) for value, absent in zip(values, missing, strict=True)]
    kind = next(type(value).__name__ for value in present if not isinstance(value, (str, bool, int, float, np.generic)))
    raise ValueError(f"column '{name}' must hold numbers, text or booleans, got {kind}")
