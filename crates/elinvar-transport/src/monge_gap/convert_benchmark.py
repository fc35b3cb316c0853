"""Turns the published Mix3toMix10 potentials into safetensors files that `elinvar reproduce monge-gap --scale paper` reads.

The weights of Korotin et al. (2021) are state dictionaries of PyTorch, which are zip archives around a Python pickle. A pickle can run code,
so neither elinvar nor this script loads one: the unpickler below knows four names (a dictionary, float storages, and the two functions that
make a tensor of them) and refuses all others. PyTorch is not needed, only NumPy, whose legacy random generator the benchmark's source
measure was drawn from (seed 0); that generator is frozen, so the centres and maps of the three Gaussians are those of the paper.

    git clone https://github.com/iamalexkorotin/Wasserstein2Benchmark
    python convert_benchmark.py Wasserstein2Benchmark/benchmarks/Mix3toMix10 "$ELINVAR_DATA/mix3tomix10"

writes one file a dimension, `{d}.safetensors`, with the arrays of `{d}_v1.pt` under `v1.`, those of `{d}_v2.pt` under `v2.`, and
`source.centres` (3, d) and `source.maps` (3, d, d): a source point is `centres[k] + maps[k] @ z`, z standard normal, k uniform.
"""

import json
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

CENTRES, SPREAD = 3, 0.4


class FloatStorage:
    """Stands for torch.FloatStorage: a flat vector of 32-bit floats."""


def tensor(storage, offset, shape, stride, *_):
    """A tensor over a storage, in row-major order."""
    itemsize = storage.itemsize
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, [s * itemsize for s in stride], writeable=False)
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride))
    if min(shape, default=1) > 0 and last >= storage.size:
        raise SystemExit(f"a tensor of shape {shape} reaches beyond its storage of {storage.size} numbers")
    return np.ascontiguousarray(view)


def parameter(data, *_):
    """A trained tensor."""
    return data


class StateDictionary(pickle.Unpickler):
    """An unpickler that can make nothing but a dictionary of float tensors."""

    KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "FloatStorage"): FloatStorage,
        ("torch._utils", "_rebuild_tensor_v2"): tensor,
        ("torch._utils", "_rebuild_parameter"): parameter,
    }

    def __init__(self, archive, folder):
        self.archive, self.folder = archive, folder
        super().__init__(archive.open(f"{folder}/data.pkl"))

    def find_class(self, module, name):
        if (module, name) not in self.KNOWN:
            raise SystemExit(f"the file asks for {module}.{name}, which a dictionary of float tensors does not need; it was not loaded")
        return self.KNOWN[module, name]

    def persistent_load(self, reference):
        kind, storage, key, _device, count = reference
        if kind != "storage" or storage is not FloatStorage:
            raise SystemExit(f"only 32-bit float storages are read, got {reference}")
        values = np.frombuffer(self.archive.read(f"{self.folder}/data/{key}"), "<f4")
        if values.size != count:
            raise SystemExit(f"storage {key} must have {count} numbers, got {values.size}")
        return values


def read_weights(path):
    """Named arrays of a state dictionary."""
    with zipfile.ZipFile(path) as archive:
        folders = [name[: -len("/data.pkl")] for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(folders) != 1:
            raise SystemExit(f"{path}: not a state dictionary of PyTorch 1.6 or later")
        weights = StateDictionary(archive, folders[0]).load()
    return {name: value for name, value in weights.items() if isinstance(value, np.ndarray)}


def source(dimension):
    """Centres and maps of the three Gaussians, as the benchmark draws them from NumPy's legacy generator with seed 0."""
    random = np.random.RandomState(0)
    order = [random.choice(CENTRES, CENTRES, replace=False) for _ in range(dimension)]
    centres = np.array(order, dtype=np.float64).T - (CENTRES - 1) / 2
    maps = random.normal(size=(CENTRES, dimension, dimension))
    maps /= np.linalg.norm(maps, axis=2, keepdims=True)
    scale = np.sqrt((centres**2).sum(1).mean() + dimension * SPREAD**2) / np.sqrt(dimension)
    return {"source.centres": centres / scale, "source.maps": maps * (SPREAD / scale)}


def write_safetensors(path, arrays):
    """The format: length of the header, a JSON header, the numbers."""
    header, offset = {}, 0
    values = {name: np.ascontiguousarray(array, "<f4") for name, array in sorted(arrays.items())}
    for name, array in values.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in values.values():
            file.write(array.tobytes())


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    weights, target = Path(sys.argv[1]), Path(sys.argv[2])
    dimensions = sorted(int(path.name.split("_")[0]) for path in weights.glob("*_v1.pt"))
    if not dimensions:
        raise SystemExit(f"{weights}: no files '{{d}}_v1.pt'")
    target.mkdir(parents=True, exist_ok=True)
    for dimension in dimensions:
        arrays = source(dimension)
        for part in ["v1", "v2"]:
            arrays |= {f"{part}.{name}": value for name, value in read_weights(weights / f"{dimension}_{part}.pt").items()}
        write_safetensors(target / f"{dimension}.safetensors", arrays)
        print(f"{dimension}.safetensors: {len(arrays)} arrays")


if __name__ == "__main__":
    main()
