"""Writes the reference files of this folder and what they hold (reference.json) with the formats' own libraries.

pip install numpy==2.4.6 pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1 safetensors==0.8.0
"""

import gzip
import importlib.metadata
import json
import pathlib

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
arrays, tables, refused = {}, {}, {}


def cell(x):
    return None if x is None or x is pd.NA or x is pd.NaT or x != x else x


def array(file, values):
    arrays[file] = {"shape": list(values.shape), "values": [cell(float(x)) for x in values.ravel()]}


# Arrays: byte orders, memory orders, element types.
matrix = np.array([[1.5, -2.0, np.nan], [1e-300, 0.1, 3.0]])
written = {
    "f64.npy": matrix,
    "f64_big_endian.npy": matrix.astype(">f8"),
    "f32_fortran.npy": np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)),
    "f16.npy": np.array([0.5, -65504, 6e-8, 1 / 3], dtype="<f2"),
    "i16_big_endian_fortran.npy": np.asfortranarray(np.arange(-6, 6, dtype=">i2").reshape(3, 4)),
    "u64.npy": np.array([0, 2**53, 2**63 - 1], dtype="u8"),
    "i8.npy": np.array([-128, 127], dtype="i1"),
    "bool.npy": np.array([[True], [False]]),
    "scalar.npy": np.array(2.5),
    "empty.npy": np.zeros((0, 3)),
}
for file, values in written.items():
    np.save(HERE / file, values)
    array(file, values)
long_names = HERE / "version2.npy"
with open(long_names, "wb") as f:
    np.lib.format.write_array(f, matrix, version=(2, 0))
array("version2.npy", matrix)

named = {"X": matrix, "y": np.arange(3), "flags": np.array([True, False])}
np.savez(HERE / "plain.npz", **named)
np.savez_compressed(HERE / "compressed.npz", **named)
save_file({k: v for k, v in named.items()}, HERE / "tensors.safetensors", metadata={"format": "np"})
for file in ["plain.npz", "compressed.npz", "tensors.safetensors"]:
    for name, values in named.items():
        array(f"{file}:{name}", values)

np.save(HERE / "complex.npy", np.array([1j]))
np.save(HERE / "structured.npy", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
np.save(HERE / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
np.save(HERE / "text.npy", np.array(["a"]))
np.save(HERE / "dates.npy", np.array(["2026-11-24"], dtype="M8[D]"))
refused["complex.npy"] = "complex numbers are not read, got dtype '<c16'"
refused["structured.npy"] = "structured arrays are not read"
refused["objects.npy"] = "Python objects are never read because they can run code, got dtype '|O'"
refused["text.npy"] = "text is not read from NPY, got dtype '<U1'"
refused["dates.npy"] = "dates are not read from NPY, got dtype '<M8[D]'"

# Tables: the types that pandas, polars and Arrow write.
frame = pd.DataFrame(
    {
        "age": [31.5, None, 40.0, 12.25],
        "count": [1, 2, -3, 2**40],
        "gaps": pd.array([1, None, 3, 4], dtype="Int32"),
        "treated": [True, False, True, True],
        "maybe": pd.array([True, None, False, False], dtype="boolean"),
        "region": ["north", "s,\"outh\"", None, "è"],
        "level": pd.Categorical(["b", "a", None, "b"]),
        "small": np.array([1, 2, 3, 255], dtype="u1"),
    }
)
TYPES = {"age": "number", "count": "integer", "gaps": "number", "treated": "bool", "maybe": "number", "region": "text", "level": "text", "small": "integer"}


def table(file, types=None):
    columns = {}
    for name, kind in (types or TYPES).items():
        values = [cell(x) for x in frame[name].astype(object)]
        columns[name] = {"type": kind, "values": [float(x) if kind == "number" and x is not None else x for x in values]}
    tables[file] = columns


for compression in ["snappy", "zstd", "gzip", None]:
    file = f"pandas_{compression or 'none'}.parquet"
    frame.to_parquet(HERE / file, compression=compression, index=False)
    table(file)
frame.to_feather(HERE / "pandas.feather", compression="uncompressed")
table("pandas.feather")
frame.to_feather(HERE / "pandas_lz4.feather", compression="lz4")
refused["pandas_lz4.feather"] = "write it without compression (Arrow), or as Parquet with snappy, zstd or gzip"
polars_frame = pl.from_pandas(frame)
polars_frame.write_parquet(HERE / "polars.parquet")
table("polars.parquet")
polars_frame.write_ipc(HERE / "polars.arrow", compression="uncompressed")
table("polars.arrow")
arrow = pa.Table.from_pandas(frame, preserve_index=False)
with pa.ipc.new_stream(HERE / "pyarrow.arrows", arrow.schema) as stream:
    for batch in arrow.to_batches(max_chunksize=3):
        stream.write_batch(batch)
table("pyarrow.arrows")

frame.to_csv(HERE / "pandas.csv", index=False)
table("pandas.csv")
frame.to_csv(HERE / "pandas_semicolon.csv", index=False, sep=";", na_rep="NA", encoding="utf-8-sig", lineterminator="\r\n")
table("pandas_semicolon.csv")
polars_frame.write_csv(HERE / "polars.tsv", separator="\t", null_value="null")
table("polars.tsv")
with gzip.GzipFile(HERE / "pandas.csv.gz", "wb", mtime=0) as f:
    f.write((HERE / "pandas.csv").read_bytes())
table("pandas.csv.gz")
frame.to_csv(HERE / "pandas_index.csv")
refused["pandas_index.csv"] = "line 1: column 1 has no name"

packages = ["numpy", "pandas", "polars", "pyarrow", "safetensors"]
reference = {
    "script": "make.py",
    "date": "2026-11-24",
    "versions": {p: importlib.metadata.version(p) for p in packages},
    "arrays": arrays,
    "tables": tables,
    "refused": refused,
}
(HERE / "reference.json").write_text(json.dumps(reference, indent=1, allow_nan=False) + "\n")
