"""Elinvar: published methods for learning what stays the same when the world changes.

Each family of methods is a module: `elinvar.dependence`, `elinvar.transport`, `elinvar.learning`,
`elinvar.diagnostics`, `elinvar.symmetry`, `elinvar.decision`. Beside them are

methods()
    a table of all methods,
info(slug)
    the documentation of one,
reproduce(slug)
    runs the paper's claims again and judges them,
read_table(path)
    reads a table from CSV, Parquet or NumPy files.
"""

import importlib
import os

from . import _core
from ._core import Model, __version__
from ._frames import warn
from ._results import Claims, Findings, Table

FAMILIES = tuple(dict.fromkeys(card["family"] for card in _core.registry()))

__all__ = ["Claims", "Findings", "Model", "Table", "__version__", "info", "methods", "read_table", "reproduce", *FAMILIES]


def __getattr__(name):
    # The families are imported when first used: they bring scikit-learn with them, where it is installed.
    if name in FAMILIES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *FAMILIES})


def methods():
    """All methods.

    Returns
    -------
    table : Table
        Columns ``slug``, ``family``, ``title``, ``summary``, ``paper`` and ``classes``.
    """
    cards = _core.registry()
    rows = [
        {
            "slug": card["slug"],
            "family": card["family"],
            "title": card["title"],
            "summary": card["summary"],
            "paper": f"{card['paper']['authors']}, {card['paper']['year']}, {card['paper']['reference']}",
            "classes": ", ".join(f"{card['family']}.{spec['name']}" for spec in card["classes"]),
        }
        for card in cards
    ]
    return Table({name: [row[name] for row in rows] for name in rows[0]} if rows else {})


class _Info(str):
    """Markdown that notebooks show as such."""

    def _repr_markdown_(self):
        return str(self)

    def __repr__(self):
        return str(self)


def info(slug):
    """The documentation of a method.

    Parameters
    ----------
    slug : str
        Name of the method, such as ``"distance-covariance"``.

    Returns
    -------
    text : str
        Markdown.
    """
    return _Info(_core.readme(slug))


def reproduce(slug, scale="quick", *, folder=None, report=None, shard=None, n_jobs=None, retry_failed=False, verbose=False):
    """Runs the trials behind a paper's claims and judges the claims.

    Every trial is stored when it ends; what was run before is not run again, so that this may be interrupted at any time.

    Parameters
    ----------
    slug : str
        Name of the method.
    scale : {"tiny", "quick", "paper"}, default="quick"
        How much of the paper's protocol is run: seconds, minutes, or all of it.
    folder : path-like, default=None
        Where the evidence is kept; ``elinvar-evidence`` where None.
    report : path-like, default=None
        Folder for ``index.html``, ``report.json`` and the figures; none are written where None.
    shard : str, default=None
        Share of the trials to run, such as ``"3/20"``; all of them where None.
    n_jobs : int, default=None
        Threads; None and -1 use all cores.
    retry_failed : bool, default=False
        Whether trials that ended in an error are run again.
    verbose : bool or callable, default=False
        Whether to report progress on stderr; a callable gets ``(step, of, figures)``.

    Returns
    -------
    claims : Claims
        The judged claims, shown as a table.
    """
    from ._base import printer, threads_of

    progress = printer(f"{slug}, trials") if verbose is True else verbose or None
    found = _core.reproduce(
        slug,
        scale,
        folder=None if folder is None else os.fspath(folder),
        shard=shard,
        threads=threads_of(n_jobs),
        retry_failed=retry_failed,
        report=None if report is None else os.fspath(report),
        progress=progress,
    )
    for text in found.pop("warnings"):
        warn(text, UserWarning)
    return Claims(slug, scale, **found)


def read_table(path):
    """Reads a table from a file.

    Parameters
    ----------
    path : path-like
        CSV (also gzipped), Parquet or NumPy file.

    Returns
    -------
    table : Table
        Columns by name.
    """
    return _core.read_table(os.fspath(path))
