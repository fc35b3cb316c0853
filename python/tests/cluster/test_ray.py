"""Trials as tasks of Ray: the same report as here, also when a node dies and when the driver does.

Not among the other tests, because they start clusters: `cargo xtask ray` runs them.
"""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import elinvar

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

SLUG = "distance-covariance"
DRIVER = """
import sys
import elinvar
elinvar.reproduce({slug!r}, "tiny", folder=sys.argv[1], executor="ray", address=sys.argv[2])
"""


@pytest.fixture
def cluster():
    """A head without cores and two nodes of one core."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    yield cluster, nodes
    ray.shutdown()
    cluster.shutdown()


def judged(claims):
    """What a report says, without clocks."""
    return claims.claims, [(row["key"], row["numbers"]) for row in claims.trials]


def data(n=200):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return {"X": X, "y": X @ [1.0, -2.0, 0.5]}


def test_a_node_that_dies_costs_nothing(cluster, tmp_path):
    cluster, nodes = cluster
    here = elinvar.reproduce(SLUG, "tiny", folder=tmp_path / "here")
    killed = []

    def kill(step, of, _):
        if not killed and step >= of // 3:
            killed.append(step)
            cluster.remove_node(nodes[1], allow_graceful=False)

    there = elinvar.reproduce(SLUG, "tiny", folder=tmp_path / "there", executor="ray", address=cluster.address, verbose=kill)
    assert killed and there.ran == here.ran == there.planned
    assert judged(there) == judged(here)


def test_a_driver_that_dies_goes_on_where_it_stopped(cluster, tmp_path):
    cluster, _ = cluster
    here = elinvar.reproduce(SLUG, "tiny", folder=tmp_path / "here")
    folder = tmp_path / "there"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER.format(slug=SLUG), str(folder), cluster.address])

    def stored():
        return len(list((folder / SLUG).glob("*/*/*.json")))

    start = time.monotonic()
    while stored() < 2:
        assert driver.poll() is None and time.monotonic() - start < 120, "the driver ended too early"
        time.sleep(0.01)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    before = stored()
    assert 0 < before < here.planned
    there = elinvar.reproduce(SLUG, "tiny", folder=folder, executor="ray", address=cluster.address)
    assert there.ran == here.planned - before
    assert judged(there) == judged(here)


def test_sweeps_too(cluster, tmp_path):
    cluster, _ = cluster
    settings = dict(space={"lam": {"low": 0.001, "high": 1.0}}, n_points=20, cv=2, **data())
    here = elinvar.sweep("nonconvex-sparse", folder=tmp_path / "here", **settings)
    there = elinvar.sweep("nonconvex-sparse", folder=tmp_path / "there", executor="ray", address=cluster.address, **settings)
    assert there.points == here.points
    # Workers that have run one sweep run the next on its own data.
    other = {**settings, **data(150)}
    here = elinvar.sweep("nonconvex-sparse", folder=tmp_path / "here", **other)
    assert elinvar.sweep("nonconvex-sparse", folder=tmp_path / "there", executor="ray", **other).points == here.points


def test_the_time_limit_holds(cluster, tmp_path):
    cluster, _ = cluster
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="the same call goes on from there"):
        elinvar.reproduce("monge-gap", "quick", folder=tmp_path, executor="ray", address=cluster.address, time_limit=5.0)
    assert time.monotonic() - start < 30


def test_ray_is_named_where_it_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'elinvar\[ray\]'"):
        elinvar.reproduce(SLUG, "tiny", folder=tmp_path, executor="ray")
