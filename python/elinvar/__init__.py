"""Elinvar: published methods for learning what stays the same when the world changes.

Each family of methods is a module: `elinvar.dependence`, `elinvar.transport`, `elinvar.learning`,
`elinvar.diagnostics`, `elinvar.symmetry`, `elinvar.decision`. Beside them are

methods()
    a table of all methods,
info(slug)
    the documentation of one,
reproduce(slug)
    runs the paper's claims again and judges them,
sweep(slug), Sweep(slug)
    runs a task at many values of its parameters, in one call or point by point,
read_table(path)
    reads a table from CSV, Parquet or NumPy files,
read_trials(folder), export_mlflow(folder), export_tensorboard(folder, logdir)
    hand on all that was run.
"""

import importlib
import os

from . import _core
from ._core import Model, __version__
from ._frames import warn
from ._results import Claims, Findings, SweepResult, Table
from ._sweeps import Sweep, sweep
from ._tracking import export_mlflow, export_tensorboard

FAMILIES = tuple(dict.fromkeys(card["family"] for card in _core.registry()))

__all__ = [
    "Claims",
    "Findings",
    "Model",
    "Sweep",
    "SweepResult",
    "Table",
    "__version__",
    "export_mlflow",
    "export_tensorboard",
    "info",
    "methods",
    "read_table",
    "read_trials",
    "reproduce",
    "sweep",
    *FAMILIES,
]


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


def reproduce(
    slug,
    scale="quick",
    *,
    folder=None,
    report=None,
    shard=None,
    n_jobs=None,
    device=None,
    retry_failed=False,
    executor=None,
    address=None,
    time_limit=None,
    verbose=False,
):
    """Runs the trials behind a paper's claims and judges the claims.

    Every trial is stored when it ends; what was run before is not run again, so that this may be interrupted at any time.

    Parameters
    ----------
    slug : str
        Name of the method.
    scale : {"tiny", "quick", "hour", "paper"}, default="quick"
        How much of the paper's protocol is run: seconds, minutes, an hour (where the whole takes days), or all of it.
    folder : path-like, default=None
        Where the evidence is kept; ``elinvar-evidence`` where None.
    report : path-like, default=None
        Folder for ``index.html``, ``report.json`` and the figures; none are written where None.
    shard : str, default=None
        Share of the trials to run, such as ``"3/20"``; all of them where None.
    n_jobs : int, default=None
        Threads; None and -1 use all cores.
    device : str, default=None
        Where networks run, such as ``"vulkan"``; the processor where None.
    retry_failed : bool, default=False
        Whether trials that ended in an error are run again.
    executor : {None, "ray"}, default=None
        Where trials run: in this process, or each as a task of Ray. This process alone writes the evidence.
    address : str, default=None
        Address of a cluster of Ray; a local one is started where None. The process stays connected.
    time_limit : float, default=None
        Seconds after which no further trial is run.
    verbose : bool or callable, default=False
        Whether to report progress on stderr; a callable gets ``(step, of, figures)``.

    Returns
    -------
    claims : Claims
        The judged claims, shown as a table.
    """
    from ._base import printer, threads_of
    from ._executors import run_trials

    settings = dict(slug=slug, scale=scale)
    study = _core.Study.claims(**settings)
    folder = os.fspath("elinvar-evidence" if folder is None else folder)
    store = _core.Store(folder)
    ran = run_trials(
        study,
        store,
        recipe=("claims", settings),
        executor=executor,
        address=address,
        shard=shard,
        retry_failed=retry_failed,
        threads=threads_of(n_jobs),
        time_limit=time_limit,
        device=device,
        progress=printer(f"{slug}, trials") if verbose is True else verbose or None,
    )
    found = study.report(store, page=None if report is None else os.fspath(report))
    for text in store.warnings():
        warn(text, UserWarning)
    return Claims(slug, scale, ran=ran, folder=folder, **found)


def read_trials(folder, name=None):
    """All trials of a folder of evidence as one table.

    Parameters
    ----------
    folder : path-like
        Folder of a reproduction or a sweep.
    name : str, default=None
        Only this method and its sweeps.

    Returns
    -------
    table : Table
        One row a trial: what it is, what it measured, how it failed, where and when it ran.
    """
    return _core.Store(os.fspath(folder)).trials(name)


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
