"""Writes the AnnData files of this folder with anndata itself.

pip install anndata==0.12.19 h5py==3.16.0 numpy==2.4.6 pandas==2.3.3 scipy==1.17.1

`cells.h5ad` (gzip inside) has a control and three made-up drugs that move it by known maps; `sparse.h5ad` is a small CSR matrix with a missing label, and
`legacy.h5ad` the same table as anndata 0.7 laid it out (codes in the column's place, categories aside).
"""

import pathlib
import tempfile

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse

HERE = pathlib.Path(__file__).parent


def write(data, name):
    """Writes the file with anndata and copies what is read of it, so that empty groups and half-filled pages do not fill the repository."""
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder) / name
        data.write_h5ad(whole, compression="gzip")
        with h5py.File(whole) as source, h5py.File(HERE / name, "w", libver=("v110", "v112")) as target:
            source.visititems(lambda path, item: copy(target, path, item))
            target.attrs.update(source.attrs)


def copy(target, path, item):
    """One array or group with its attributes, the arrays compressed as they were."""
    if path.split("/")[0] in ["X", "obs", "var"]:
        if isinstance(item, h5py.Dataset):
            target.create_dataset(path, data=item[()], dtype=item.dtype, compression=item.compression)
        else:
            target.require_group(path)
        target[path].attrs.update(item.attrs)


def cells():
    rng = np.random.default_rng(0)
    points, labels = [], []
    for drug, scale, shift in [("control", 1.0, 0.0), ("alpha", 0.5, 2.0), ("beta", 1.5, -1.0), ("gamma", 1.0, 3.0)]:
        z = rng.normal(size=(60, 3)) @ np.diag([1.0, 0.6, 0.3])
        points.append(z * scale + shift)
        labels += [drug] * len(z)
    order = rng.permutation(len(labels))
    x = np.concatenate(points).astype("f4")[order]
    obs = pd.DataFrame({"drug": pd.Categorical(np.array(labels)[order])}, index=[str(i) for i in range(len(x))])
    var = pd.DataFrame(index=["area", "p53", "dna"])
    write(anndata.AnnData(x, obs=obs, var=var), "cells.h5ad")


def sparse():
    x = scipy.sparse.csr_matrix(np.array([[0, 1.5, 0], [2, 0, 0], [0, 0, 0], [0, -1, 4]], dtype="f4"))
    obs = pd.DataFrame({"drug": pd.Categorical(["a", None, "b", "a"]), "batch": ["x", "y", "x", "y"]}, index=list("klmn"))
    write(anndata.AnnData(x, obs=obs, var=pd.DataFrame(index=["f", "g", "h"])), "sparse.h5ad")


def legacy():
    text = h5py.string_dtype()
    with h5py.File(HERE / "legacy.h5ad", "w") as file:
        file["X"] = np.array([[0, 1.5], [2, 0], [0, -1]], dtype="f8")
        for table, index in [("obs", "cell"), ("var", "gene")]:
            file.create_group(table).attrs["_index"] = index
        file["obs/cell"] = np.array(["k", "l", "m"], dtype=text)
        file["var/gene"] = np.array(["f", "g"], dtype=text)
        file["obs/drug"] = np.array([1, -1, 0], dtype="i1")
        file["obs/__categories/drug"] = np.array(["a", "b"], dtype=text)
        file["obs/drug"].attrs["categories"] = file["obs/__categories/drug"].ref


if __name__ == "__main__":
    cells()
    sparse()
    legacy()
