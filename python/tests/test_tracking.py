"""Trials in MLflow and TensorBoard, read back with those packages."""

import numpy as np
import pytest

import elinvar
from elinvar import _tracking


def swept(folder):
    X = np.random.default_rng(0).normal(size=(40, 2))
    return elinvar.sweep("nonconvex-sparse", space={"lam": [0.01, 1.0], "penalty": ["mcp"]}, folder=folder, cv=2, X=X, y=X @ [1.0, 2.0])


def test_crc_is_castagnoli():
    # The check value of CRC-32C, masked as TFRecord does.
    crc = 0xE3069283
    assert _tracking._masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_tensorboard_reads_numbers_and_curves(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    result = swept(tmp_path / "trials")
    assert elinvar.export_tensorboard(tmp_path / "trials", tmp_path / "logs") == 4
    records = {record["key"]: record for record in elinvar._core.Store(str(tmp_path / "trials")).records()}
    assert len(records) == len(result.trials) == 4
    for key, record in records.items():
        events = accumulator.EventAccumulator(str(tmp_path / "logs" / "nonconvex-sparse.fit" / key[:12]), size_guidance={"scalars": 0}).Reload()
        metrics = record["outcome"]["metrics"]
        curves = {f"series/{name}" for name in metrics["series"]}
        assert curves and set(events.Tags()["scalars"]) == set(metrics["numbers"]) | curves
        assert events.Scalars("rmse")[0].value == pytest.approx(metrics["numbers"]["rmse"], rel=1e-6)
        for name, curve in metrics["series"].items():
            found = events.Scalars(f"series/{name}")
            assert [event.step for event in found] == list(range(len(curve)))
            np.testing.assert_allclose([event.value for event in found], curve, rtol=1e-6)


def test_mlflow_has_every_trial_once(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    swept(tmp_path / "trials")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert elinvar.export_mlflow(tmp_path / "trials", tracking_uri=uri, experiment="toys") == 4
    assert elinvar.export_mlflow(tmp_path / "trials", tracking_uri=uri, experiment="toys") == 0, "they are there already"
    client = mlflow.MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("toys").experiment_id])
    records = {record["key"]: record for record in elinvar._core.Store(str(tmp_path / "trials")).records()}
    assert {run.data.tags["elinvar.key"] for run in runs} == set(records)
    for run in runs:
        record = records[run.data.tags["elinvar.key"]]
        assert run.data.params["lam"] == str(record["trial"]["lam"]) and run.info.status == "FINISHED"
        assert run.data.metrics["rmse"] == record["outcome"]["metrics"]["numbers"]["rmse"]
        name, curve = next(iter(record["outcome"]["metrics"]["series"].items()))
        assert [m.value for m in client.get_metric_history(run.info.run_id, f"series/{name}")] == curve
