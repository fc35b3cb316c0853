"""Stored trials for other tools: MLflow, and the event files of TensorBoard."""

import os
import struct
import time

from . import _core

_MOST_IN_BATCH = 1000


def _records(folder, name):
    """Every record of a folder, with its numbers and series."""
    for record in _core.Store(os.fspath(folder)).records(name):
        metrics = record["outcome"].get("metrics", {})
        yield record, metrics.get("numbers", {}), metrics.get("series", {})


def export_mlflow(folder, *, name=None, tracking_uri=None, experiment=None):
    """Writes stored trials to MLflow, each as a run; trials that are there already are left alone.

    Parameters
    ----------
    folder : path-like
        Folder of a reproduction or a sweep.
    name : str, default=None
        Only this method and its sweeps.
    tracking_uri : str, default=None
        Where MLflow keeps runs, such as ``sqlite:///mlflow.db``; its own default where None.
    experiment : str, default=None
        Name of the experiment; ``elinvar`` where None.

    Returns
    -------
    count : int
        Number of runs that were written.
    """
    try:
        import mlflow
    except ImportError as error:
        raise ImportError("export_mlflow needs MLflow: pip install 'elinvar[mlflow]'") from error
    client = mlflow.MlflowClient(tracking_uri=tracking_uri)
    experiment = experiment or "elinvar"
    known = client.get_experiment_by_name(experiment)
    identifier = known.experiment_id if known else client.create_experiment(experiment)
    present = _present(client, identifier)
    count = 0
    for record, numbers, series in _records(folder, name):
        if record["key"] not in present:
            _run(client, identifier, record, numbers, series)
            count += 1
    return count


def _present(client, experiment):
    """Keys of the trials that an experiment has."""
    keys, token = set(), None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        keys.update(run.data.tags.get("elinvar.key") for run in page)
        token = page.token
        if not token:
            return keys


def _run(client, experiment, record, numbers, series):
    from mlflow.entities import Metric, Param

    error = record["outcome"].get("error")
    tags = {"elinvar.method": record["method"], "elinvar.key": record["key"], "elinvar.code": str(record["code"])}
    tags |= {f"elinvar.{field}": value for field, value in record["environment"].items()}
    if error:
        tags["elinvar.error"] = error
    run = client.create_run(experiment, tags=tags, run_name=f"{record['method']} {record['key'][:8]}").info.run_id
    now = int(time.time() * 1000)
    parameters = [Param(_safe(field), str(value)) for field, value in record["trial"].items()]
    metrics = [Metric(_safe(field), value, now, 0) for field, value in {**numbers, "seconds": record["seconds"]}.items()]
    metrics += [Metric(_safe(f"series/{field}"), value, now, step) for field, values in series.items() for step, value in enumerate(values)]
    client.log_batch(run, params=parameters)
    for start in range(0, len(metrics), _MOST_IN_BATCH):
        client.log_batch(run, metrics=metrics[start : start + _MOST_IN_BATCH])
    client.set_terminated(run, "FAILED" if error else "FINISHED")


def _safe(name):
    """A name with the characters that MLflow takes."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)


def export_tensorboard(folder, logdir, *, name=None):
    """Writes stored trials as event files of TensorBoard, each trial in a folder of its own under its method's.

    Numbers are scalars at step 0, series such as training curves scalars at every step. Nothing but NumPy is needed.

    Parameters
    ----------
    folder : path-like
        Folder of a reproduction or a sweep.
    logdir : path-like
        Folder that ``tensorboard --logdir`` is given.
    name : str, default=None
        Only this method and its sweeps.

    Returns
    -------
    count : int
        Number of trials that were written.
    """
    count = 0
    for record, numbers, series in _records(folder, name):
        own = os.path.join(os.fspath(logdir), record["method"], record["key"][:12])
        os.makedirs(own, exist_ok=True)
        events = [_record(_event(0, version=b"brain.Event:2"))]
        events += [_record(_event(0, tag=field, value=value)) for field, value in numbers.items()]
        events += [
            _record(_event(step, tag=f"series/{field}", value=value)) for field, values in series.items() for step, value in enumerate(values)
        ]
        path = os.path.join(own, f"events.out.tfevents.0.{record['key'][:12]}")
        with open(path + ".partial", "wb") as file:
            file.write(b"".join(events))
        os.replace(path + ".partial", path)
        count += 1
    return count


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def _field(number, kind, payload):
    """A field of a protocol buffer: 0 whole number, 1 double, 2 bytes, 5 float."""
    tag = _varint(number << 3 | kind)
    if kind == 0:
        return tag + _varint(payload)
    if kind == 2:
        return tag + _varint(len(payload)) + payload
    return tag + struct.pack("<d" if kind == 1 else "<f", payload)


def _event(step, *, version=None, tag=None, value=None):
    """tensorflow.Event: wall_time = 1, step = 2, file_version = 3, summary = 5 of values with tag = 1 and simple_value = 2."""
    event = _field(1, 1, time.time()) + _field(2, 0, step)
    if version is not None:
        return event + _field(3, 2, version)
    return event + _field(5, 2, _field(1, 2, _field(1, 2, tag.encode()) + _field(2, 5, value)))


def _record(data):
    """TFRecord: length and data, each with its masked CRC-32C."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", _masked_crc(length)) + data + struct.pack("<I", _masked_crc(data))


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _table()


def _masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
