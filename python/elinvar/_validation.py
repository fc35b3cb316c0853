"""Checks of features, targets and labels, with scikit-learn's rules and words, so that they hold without scikit-learn as well."""

import numpy as np

from . import _tables
from ._compat import DataConversionWarning
from ._frames import warn


def check_features(estimator, X, *, reset):
    """Features for the core: a matrix of numbers in NumPy's own memory where its type and layout allow, or a table with named columns.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set (``reset``) or compared with.
    X : array-like or table of shape (n, d)
        Features.
    reset : bool
        Whether the estimator learns the features (in ``fit``).

    Returns
    -------
    X : ndarray, table or dict of columns
        The features, named where `fit` saw names.
    """
    if _is_sparse(X):
        return _check_sparse(estimator, X, reset)
    names = _tables.feature_names(X)
    if not reset:
        _compare_names(estimator, names)
    known = names if reset else getattr(estimator, "feature_names_in_", None)
    if names is not None and known is not None:
        shape = (_tables.n_rows(X), len(names))
    else:
        X = _matrix(X)
        shape = X.shape
    _check_shape(estimator, shape)
    if not reset:
        _compare_width(estimator, shape[1])
    if isinstance(X, np.ndarray):
        _refuse_not_finite(X, allow_nan=estimator._allow_nan)
    if reset:
        estimator.n_features_in_ = shape[1]
        if names is not None:
            estimator.feature_names_in_ = names
    # What was fitted by name is applied by name, whatever comes in.
    return {name: X[:, j] for j, name in enumerate(known)} if names is None and known is not None else X


def check_target(y, n_rows):
    """A target as a vector of numbers."""
    y = _column(y)
    if y.dtype.kind == "c":
        raise ValueError("Complex data not supported: y")
    if y.dtype.kind not in "fiub":
        y = y.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(y)) if y.dtype.kind == "f" else ()
    if len(bad):
        raise ValueError(f"y contains a non-finite value at row {bad[0]}; drop or fill rows with NaN or inf first")
    _check_rows(n_rows, len(y))
    return y


def check_epochs(estimator, X):
    """Epochs as an array of three axes in double or single precision."""
    X = _dense_array(X, "epochs")
    if X.ndim != 3:
        raise ValueError(
            f"{type(estimator).__name__} expects epochs of shape (n, channels, samples), got an array of shape {X.shape}. Reshape a single"
            " epoch to (1, channels, samples)."
        )
    return X


def check_images(estimator, X):
    """Images as an array of four axes, or of three where they are grey."""
    X = _dense_array(X, "images")
    if X.ndim not in (3, 4):
        raise ValueError(
            f"{type(estimator).__name__} expects images of shape (n, channels, height, width) or (n, height, width), got an array of shape"
            f" {X.shape}. Reshape a single image to (1, channels, height, width)."
        )
    return X


def _dense_array(X, what):
    """An array of real numbers."""
    if _is_sparse(X):
        raise TypeError(f"Sparse data was passed for X, but {what} are dense: use X.toarray() and reshape")
    X = np.asarray(X)
    if X.dtype.kind == "c":
        raise ValueError("Complex data not supported: X")
    return X if X.dtype.kind in "fiub" else X.astype(np.float64)


def check_labels(y, n_rows):
    """Labels of any number of classes, as whole numbers, truth values or text."""
    y = _column(y)
    if y.dtype.kind == "c":
        raise ValueError("Complex data not supported: y")
    if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == np.floor(y)).all()):
        raise ValueError("Unknown label type: continuous; y must hold whole numbers or text")
    _check_rows(n_rows, len(y))
    if y.dtype.kind in "iu":
        return y.astype(np.int64)
    return y.astype(np.float64) if y.dtype.kind == "f" else y if y.dtype.kind == "b" else y.astype(str).astype(object)


def encode_labels(y, n_rows):
    """Classes and a vector of 0 and 1, the place of each label in the sorted classes."""
    y = _column(y)
    if y.dtype.kind == "c":
        raise ValueError("Complex data not supported: y")
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            row = np.flatnonzero(~np.isfinite(y))[0]
            raise ValueError(f"y contains a non-finite value at row {row}; drop or fill rows with NaN or inf first")
        if (y != np.floor(y)).any():
            raise ValueError(f"Unknown label type: continuous; y must hold two classes, got {y[y != np.floor(y)][0]}")
    _check_rows(n_rows, len(y))
    classes, places = np.unique(y, return_inverse=True)
    if len(classes) == 1:
        raise ValueError(f"y must hold two classes, got one class: {classes[0]}")
    if len(classes) > 2:
        raise ValueError(f"Only binary classification is supported. The type of the target is multiclass: {len(classes)} classes")
    return classes, places.astype(np.float64)


def _is_sparse(X):
    return hasattr(X, "toarray") and hasattr(X, "nnz")


def _check_sparse(estimator, X, reset):
    """Features as a sparse matrix by compressed columns."""
    if not estimator._sparse:
        raise TypeError("Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to a dense numpy array.")
    if X.dtype.kind == "c":
        raise ValueError("Complex data not supported: X")
    X = X.tocsc()
    X.sum_duplicates()
    _check_shape(estimator, X.shape)
    if reset:
        estimator.n_features_in_ = X.shape[1]
    else:
        _compare_width(estimator, X.shape[1])
    bad = np.flatnonzero(~np.isfinite(X.data)) if X.dtype.kind == "f" else ()
    if len(bad):
        column = np.searchsorted(X.indptr, bad[0], side="right") - 1
        raise ValueError(
            f"X contains a non-finite value at row {X.indices[bad[0]]}, column {column}; drop or fill rows with NaN or inf first"
        )
    return X


def _matrix(X):
    if _tables.is_table(X):
        X = _tables.matrix(X)
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported: X")
    return array if array.dtype.kind in "fiub" else array.astype(np.float64)


def _check_shape(estimator, shape):
    name = type(estimator).__name__
    if len(shape) < 2:
        what = "1D array" if shape else "scalar array"
        raise ValueError(
            f"Expected 2D array, got {what} instead: X has shape {shape}. Reshape your data to (n, 1) if it has one feature, or (1, d)"
            " if it has one sample."
        )
    if len(shape) > 2:
        raise ValueError(f"Found array with dim {len(shape)}, while dim <= 2 is required by {name}.")
    if shape[0] == 0:
        raise ValueError(f"Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required by {name}.")
    if shape[1] == 0:
        raise ValueError(f"Found array with 0 feature(s) (shape={shape}) while a minimum of 1 is required by {name}.")


def _refuse_not_finite(X, *, allow_nan):
    if X.dtype.kind != "f":
        return
    # The sum is NaN or infinite if a cell is, and needs no memory; the search for the cell is for the message.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum(dtype=np.float64)):
            return
    bad = np.argwhere(np.isinf(X) if allow_nan else ~np.isfinite(X))
    if len(bad):
        row, column = bad[0]
        what, cells = ("an infinite", "inf") if allow_nan else ("a non-finite", "NaN or inf")
        raise ValueError(f"X contains {what} value at row {row}, column {column}; drop or fill rows with {cells} first")


def _compare_width(estimator, n_features):
    known = getattr(estimator, "n_features_in_", None)
    if known is not None and n_features != known:
        raise ValueError(f"X has {n_features} features, but {type(estimator).__name__} is expecting {known} features as input")


def _compare_names(estimator, names):
    known = getattr(estimator, "feature_names_in_", None)
    name = type(estimator).__name__
    if known is None and names is not None and hasattr(estimator, "n_features_in_"):
        warn(f"X has feature names, but {name} was fitted without feature names", UserWarning)
    elif known is not None and names is None:
        warn(f"X does not have valid feature names, but {name} was fitted with feature names", UserWarning)
    elif known is not None and (len(known) != len(names) or (known != names).any()):
        raise ValueError("The feature names should match those that were passed during fit.\n" + _difference(known, names))


def _difference(known, names):
    unseen = sorted(set(names) - set(known))
    missing = sorted(set(known) - set(names))

    def listed(title, found):
        lines = [f"- {name}" for name in found[:5]] + (["- ..."] if len(found) > 5 else [])
        return title + "\n" + "\n".join(lines) + "\n"

    text = ""
    if unseen:
        text += listed("Feature names unseen at fit time:", unseen)
    if missing:
        text += listed("Feature names seen at fit time, yet now missing:", missing)
    if not unseen and not missing:
        text += "Feature names must be in the same order as they were in fit.\n"
    return text


def _column(y):
    if y is None:
        raise ValueError("this estimator requires y to be passed, but the target y is None")
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        message = (
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,), for example"
            " using ravel()."
        )
        warn(message, DataConversionWarning)
        return y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {y.shape} instead.")
    return y


def _check_rows(n_rows, n_targets):
    if n_rows is not None and n_rows != n_targets:
        raise ValueError(f"X and y must have the same number of rows, got {n_rows} and {n_targets}")
