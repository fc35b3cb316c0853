"""Sweeps: one task of a method at many values of its parameters, every trial stored."""

import json
import os

import numpy as np

from . import _core
from ._frames import warn
from ._results import SweepResult

FOLDER = "elinvar-sweep"


class Sweep:
    """A task of a method at many values of its parameters, driven point by point.

    Whoever proposes the points, each is run, or read where it was run before, by :meth:`measure`, and stored when it ends.
    :func:`elinvar.sweep` runs a whole design in one call.

    Parameters
    ----------
    slug : str
        Name of the method.
    task : str, default="fit"
        Name of the task, as on the command line.
    space : dict
        Parameters that vary: a list of values, ``{"low": 1e-4, "high": 1e-1, "log": True}`` (``log`` is that of the method's own schema
        where it is left out), or None for all values that the schema knows.
    params : dict, default=None
        Other parameters, where they differ from the defaults.
    n_points : int, default=None
        Points that :meth:`ask` proposes; all combinations of lists where None.
    sampler : {"random", "sobol"}, default="random"
        How they are drawn.
    cv : int, default=None
        Folds of a cross-validation. Where None a trial measures the numbers among the results of the task.
    maximize, minimize : str, default=None
        The metric that a good point has much, or little, of; the accuracy, r2 or score is maximized where both are None.
    random_state : int, default=0
        Seed of the points, the folds and every trial.
    model : elinvar.Model, default=None
        The model of a task that applies one.
    folder : path-like, default=None
        Where the trials are kept; ``elinvar-sweep`` where None.
    n_jobs : int, default=None
        Threads of a trial; None and -1 use all cores.
    device : str, default=None
        Where networks run.
    **inputs : object
        Inputs of the task, such as ``X`` and ``y``.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import elinvar
    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> sweep = elinvar.Sweep("nonconvex-sparse", space={"lam": [0.01, 1.0]}, cv=3, folder=tempfile.mkdtemp(), X=X, y=X[:, 0])
    >>> while (point := sweep.ask()) is not None:
    ...     numbers = sweep.measure(point)
    >>> sweep.report().best
    {'lam': 0.01}
    """

    def __init__(
        self,
        slug,
        task="fit",
        *,
        space,
        params=None,
        n_points=None,
        sampler=None,
        cv=None,
        maximize=None,
        minimize=None,
        random_state=0,
        model=None,
        folder=None,
        n_jobs=None,
        device=None,
        **inputs,
    ):
        from ._base import threads_of

        if maximize is not None and minimize is not None:
            raise ValueError("give 'maximize' or 'minimize', not both")
        if n_points is None and sampler is not None:
            raise ValueError(f"the sampler '{sampler}' needs n_points")
        self._recipe = dict(
            slug=slug,
            task=task,
            space=dict(space),
            fixed=dict(params or {}),
            inputs=inputs,
            design="grid" if n_points is None else sampler or "random",
            n_points=n_points,
            seed=0 if random_state is None else int(random_state),
            folds=cv,
            model=model,
        )
        self._goal = (maximize, True) if maximize is not None else (minimize, False) if minimize is not None else None
        self.slug, self.task, self.space = slug, task, dict(space)
        self.folder = os.fspath(FOLDER if folder is None else folder)
        self._threads, self._device = threads_of(n_jobs), device
        self._study = _core.Study.sweep(**self._recipe)
        self._store = _core.Store(self.folder)
        self._asked = 0

    def ask(self):
        """The next point of the design that nobody has measured.

        Returns
        -------
        point : dict or None
            Values of the parameters; None where the design is at its end.
        """
        while self._asked < self._study.n_points:
            point = self._study.point(self._asked)
            self._asked += 1
            if any(self._study.stored(self._store, trial) is None for trial in self._study.trials_of(point)):
                return point
        return None

    def measure(self, point):
        """Runs the trials of a point, or reads those that were run before.

        Parameters
        ----------
        point : dict
            Values of the parameters.

        Returns
        -------
        numbers : dict
            Mean of every number over the trials of the point.

        Raises
        ------
        ValueError
            Where a trial of the point failed; it is stored with its error.
        """
        records = []
        for trial in self._study.trials_of(point):
            record = self._study.stored(self._store, trial)
            if record is None:
                record = self._study.measure(trial, threads=self._threads, device=self._device)
                self._store.save(record)
            records.append(json.loads(record)["outcome"])
        for outcome in records:
            if "error" in outcome:
                raise ValueError(outcome["error"])
        numbers = [outcome["metrics"]["numbers"] for outcome in records]
        return {name: float(np.mean([found[name] for found in numbers])) for name in numbers[0] if all(name in found for found in numbers)}

    def tell(self, point, numbers=None, *, error=None):
        """Stores what was measured elsewhere.

        Parameters
        ----------
        point : dict
            Values of the parameters.
        numbers : dict, default=None
            What was measured.
        error : str, default=None
            How it failed.
        """
        trials = self._study.trials_of(point)
        if len(trials) != 1:
            raise ValueError(f"a point of this sweep has {len(trials)} trials, one a fold; use measure(point), or a sweep without cv")
        if (numbers is None) == (error is None):
            raise ValueError("tell what was measured, or the error")
        self._store.save(self._study.told(trials[0], dict(numbers or {}), error=error))

    def suggest(self, trial):
        """A point proposed by a trial of Optuna.

        Parameters
        ----------
        trial : optuna.Trial
            Whose ``suggest_float``, ``suggest_int`` and ``suggest_categorical`` are asked.

        Returns
        -------
        point : dict
            Values of the parameters.
        """
        point = {}
        for name, values in self._study.space().items():
            if isinstance(values, list):
                # Optuna keeps plain values only.
                words = [json.dumps(value) for value in values]
                point[name] = json.loads(trial.suggest_categorical(name, words))
            elif values["whole"]:
                point[name] = trial.suggest_int(name, int(values["low"]), int(values["high"]), log=values["log"])
            else:
                point[name] = trial.suggest_float(name, values["low"], values["high"], log=values["log"])
        return point

    def report(self, page=None):
        """What all points in the folder say.

        Parameters
        ----------
        page : path-like, default=None
            Folder for ``index.html``, ``report.json`` and the figures; none are written where None.

        Returns
        -------
        result : SweepResult
        """
        return self._result(page, every=True)

    def _result(self, page, *, every):
        page = None if page is None else os.fspath(page)
        found = self._study.report(self._store, page=page, goal=self._goal, all=every)
        for text in self._store.warnings():
            warn(text, UserWarning)
        return SweepResult(found, self.folder)


def sweep(
    slug,
    task="fit",
    *,
    space,
    report=None,
    shard=None,
    retry_failed=False,
    executor=None,
    address=None,
    time_limit=None,
    verbose=False,
    **settings,
):
    """Runs a task of a method at many values of its parameters.

    Every trial is stored when it ends; what was run before is not run again, so that this may be interrupted at any time.

    Parameters
    ----------
    slug : str
        Name of the method.
    task : str, default="fit"
        Name of the task, as on the command line.
    space : dict
        Parameters that vary, as in :class:`elinvar.Sweep`.
    report : path-like, default=None
        Folder for ``index.html``, ``report.json`` and the figures; none are written where None.
    shard : str, default=None
        Share of the trials to run, such as ``"3/20"``; all of them where None.
    retry_failed : bool, default=False
        Whether trials that ended in an error are run again.
    executor : {None, "ray"}, default=None
        Where trials run: in this process, or each as a task of Ray.
    address : str, default=None
        Address of a cluster of Ray; a local one is started where None. The process stays connected.
    time_limit : float, default=None
        Seconds after which no further trial is run.
    verbose : bool or callable, default=False
        Whether to report progress on stderr; a callable gets ``(step, of, figures)``.
    **settings : object
        All other parameters of :class:`elinvar.Sweep`, and the inputs of the task.

    Returns
    -------
    result : SweepResult
        The points, the best first.
    """
    from ._base import printer
    from ._executors import run_trials

    swept = Sweep(slug, task, space=space, **settings)
    if swept._goal is not None:
        swept._study.check_metric(swept._goal[0])
    progress = printer(f"{slug} {task}, trials") if verbose is True else verbose or None
    run_trials(
        swept._study,
        swept._store,
        recipe=("sweep", swept._recipe),
        executor=executor,
        address=address,
        shard=shard,
        retry_failed=retry_failed,
        threads=swept._threads,
        time_limit=time_limit,
        device=swept._device,
        progress=progress,
    )
    return swept._result(report, every=False)
