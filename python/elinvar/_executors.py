"""Where trials run: in this process, or each as a task of Ray. The driver alone writes evidence."""

import time

from . import _core
from ._frames import warn

IN_FLIGHT = 4
"""Tasks that wait at each worker's door: enough to keep it busy, few enough to end soon after an interrupt."""


def run_trials(study, store, *, recipe, executor, address, shard, retry_failed, threads, time_limit, device, progress):
    """Runs the trials of a study that a store lacks, and returns their number."""
    if executor is None:
        if address is not None:
            raise ValueError("an address is that of a cluster of Ray: give executor='ray'")
        return study.run(
            store, shard=shard, retry_failed=retry_failed, threads=threads, time_limit=time_limit, device=device, progress=progress
        )
    if executor != "ray":
        raise ValueError(f"parameter 'executor' must be None or 'ray', got {executor!r}")
    return _run_on_ray(study, store, recipe, address, shard, retry_failed, time_limit, device, progress)


def study_of(recipe):
    """The study that a recipe describes; a worker makes it once."""
    kind, settings = recipe
    return _core.Study.claims(**settings) if kind == "claims" else _core.Study.sweep(**settings)


_studies = {}


def measure(identity, recipe, trial, threads, device):
    """Runs one trial in a worker and returns its record. The identity of a recipe is never given to another one."""
    if identity not in _studies:
        _studies.clear()
        _studies[identity] = study_of(recipe)
    return _studies[identity].measure(trial, threads=threads, device=device)


def _ray():
    try:
        import ray
    except ImportError as error:
        raise ImportError("executor='ray' needs Ray: pip install 'elinvar[ray]'") from error
    return ray


def _run_on_ray(study, store, recipe, address, shard, retry_failed, time_limit, device, progress):
    ray = _ray()
    # It stays connected, as Ray's own libraries do: to leave and join again in one process loses the owner of what workers wait for.
    if not ray.is_initialized():
        ray.init(address=address, include_dashboard=False, log_to_driver=False)
    return _drive(ray, study, store, recipe, shard, retry_failed, time_limit, device, progress)


def _drive(ray, study, store, recipe, shard, retry_failed, time_limit, device, progress):
    open_trials = study.open(store, shard=shard, retry_failed=retry_failed)
    needs = study.needs()
    gpus = needs["gpus"] if device in (None, "cpu") else max(1, needs["gpus"])
    # A node that dies takes its trials with it; they are run again elsewhere.
    task = ray.remote(measure).options(num_cpus=needs["cores"], num_gpus=gpus, memory=int(needs["memory"]), max_retries=-1)
    kept = ray.put(recipe)
    most = IN_FLIGHT * max(1, int(ray.cluster_resources().get("CPU", 1)) // needs["cores"])
    deadline = None if time_limit is None else time.monotonic() + time_limit
    waiting, under_way, done, failed = iter(open_trials), {}, 0, 0

    def submit():
        for index in waiting:
            under_way[task.remote(kept.hex(), kept, study.trial(index), needs["cores"], device)] = index
            if len(under_way) >= most:
                return

    try:
        submit()
        while under_way:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=left)
            if not ready:
                raise TimeoutError("the time limit passed; finished trials are kept, the same call goes on from there")
            for reference in ready:
                index = under_way.pop(reference)
                try:
                    record = ray.get(reference)
                except OSError as error:
                    # A data file that is not there is no result: the trial stays open, its claims "not run".
                    if "ELINVAR_DATA" not in str(error):
                        raise
                    warn(f"skipped {study.trial(index)}: {error}", UserWarning)
                    continue
                store.save(record)
                done += 1
                failed += '"outcome":{"error"' in record
                if progress is not None:
                    progress(done, len(open_trials), {"failed": failed} if failed else {})
            submit()
    except BaseException:
        for reference in under_way:
            ray.cancel(reference, force=True)
        raise
    return done
