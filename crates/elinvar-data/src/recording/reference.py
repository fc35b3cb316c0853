"""Tiny EDF+, BDF+, EDF and GDF files, and what pyedflib and MNE read from them. Writes reference.json.

EDF+ and BDF+ are written by pyedflib; plain EDF with two sampling rates, discontinuous EDF+ and GDF byte by byte from their
specifications.
"""
import json
import os
import struct
import tempfile
from datetime import date, datetime

import mne
import numpy as np
import pyedflib

HERE = os.path.dirname(os.path.abspath(__file__))
mne.set_log_level("ERROR")


def by_pyedflib(kind, suffix):
    rng = np.random.default_rng(1)
    path = os.path.join(tempfile.mkdtemp(), "a" + suffix)
    writer = pyedflib.EdfWriter(path, 2, file_type=kind)
    top = 8388607 if suffix == ".bdf" else 32767
    for i, label in enumerate(["C3", "C4"]):
        writer.setSignalHeader(i, {"label": label, "dimension": "uV", "sample_frequency": 16, "physical_max": 100.0 + i,
                                   "physical_min": -100.0, "digital_max": top, "digital_min": -top - 1, "transducer": "", "prefilter": ""})
    writer.setStartdatetime(datetime(2020, 1, 2, 3, 4, 5))
    writer.writeSamples([rng.uniform(-90, 90, 48) for _ in range(2)])
    writer.writeAnnotation(0.5, -1, "left")
    writer.writeAnnotation(1.25, 0.5, "right hand")
    writer.close()
    return path


def padded(text, width):
    return str(text).ljust(width).encode("ascii")


def edf(records, duration, channels, reserved=""):
    """channels: (label, unit, physical range, digital range, samples a record); records: list of lists of bytes."""
    n = len(channels)
    head = padded("0", 8) + padded("X X X X", 80) + padded("Startdate X X X X", 80) + b"02.01.2003.04.05" + padded(256 * (n + 1), 8)
    head += padded(reserved, 44) + padded(len(records), 8) + padded(duration, 8) + padded(n, 4)
    for width, of in [(16, lambda c: c[0]), (80, lambda c: ""), (8, lambda c: c[1]), (8, lambda c: c[2][0]), (8, lambda c: c[2][1]),
                      (8, lambda c: c[3][0]), (8, lambda c: c[3][1]), (80, lambda c: ""), (8, lambda c: c[4]), (32, lambda c: "")]:
        head += b"".join(padded(of(c), width) for c in channels)
    return head + b"".join(b"".join(record) for record in records)


def shorts(values):
    return struct.pack(f"<{len(values)}h", *values)


def two_rates():
    rng = np.random.default_rng(2)
    channels = [("Fz", "uV", (-50, 50), (-2048, 2047), 8), ("Cz", "uV", (-50, 50), (-2048, 2047), 8), ("Temp", "C", (0, 40), (0, 1000), 2)]
    records = [[shorts(rng.integers(-2000, 2000, 8)), shorts(rng.integers(-2000, 2000, 8)), shorts([300, 301])] for _ in range(3)]
    return edf(records, 1, channels)


def discontinuous():
    rng = np.random.default_rng(3)
    channels = [("Oz", "uV", (-10, 10), (-100, 100), 4), ("EDF Annotations", "", (-1, 1), (-32768, 32767), 16)]
    stamps = [b"+0\x14\x14\x00", b"+1\x14\x14\x00+1.5\x14go\x14\x00", b"+5\x14\x14\x00+5.25\x150.5\x14stop\x14now\x14\x00"]
    return edf([[shorts(rng.integers(-100, 100, 4)), stamp.ljust(32, b"\0")] for stamp in stamps], 1, channels, "EDF+D")


def gdf(version):
    rng = np.random.default_rng(4)
    new = version >= 2
    name = padded(f"GDF {version:.2f}", 8)
    if new:
        head = name + padded("X X", 66) + bytes(10 + 4) + padded("", 64) + bytes(16 + 8 + 8) + struct.pack("<H", 3) + bytes(6 + 8 + 6 + 6 + 12 + 12)
    else:
        head = name + padded("X X", 80) + padded("", 80) + b"2020010203040500" + struct.pack("<q", 768) + bytes(8 + 8 + 8 + 20)
    head += struct.pack("<q", 4) + struct.pack("<II", 1, 2) + (struct.pack("<H", 2) + bytes(2) if new else struct.pack("<I", 2))
    assert len(head) == 256, len(head)
    types = (16, 16) if new else (3, 3)
    digital = [(-1000.0, 1000.0), (-1.0, 1.0)] if new else [(-1000, 1000), (-500, 500)]
    head += padded("C3", 16) + padded("C4", 16) + bytes(160)
    head += (padded("uV", 6) * 2 + struct.pack("<HH", 4275, 4275)) if new else padded("uV", 8) * 2
    head += struct.pack("<2d", -200.0, -100.0) + struct.pack("<2d", 200.0, 100.0)
    code = "d" if new else "q"
    head += struct.pack(f"<2{code}", digital[0][0], digital[1][0]) + struct.pack(f"<2{code}", digital[0][1], digital[1][1])
    head += bytes(2 * 80)
    head += struct.pack("<2I", 4, 4) + struct.pack("<2I", *types) + bytes(2 * 32)
    assert len(head) == 768, len(head)
    body = b""
    for _ in range(4):
        body += struct.pack("<4f", *rng.uniform(-900, 900, 4)) if new else shorts(rng.integers(-900, 900, 4))
        body += struct.pack("<4f", *rng.uniform(-1, 1, 4)) if new else shorts(rng.integers(-400, 400, 4))
    positions, codes = [1, 6, 11], [769, 770, 769]
    table = bytes([1]) + (struct.pack("<I", 3)[:3] + struct.pack("<f", 8.0) if version >= 1.94 else struct.pack("<I", 8)[:3] + struct.pack("<I", 3))
    return head + body + table + struct.pack("<3I", *positions) + struct.pack("<3H", *codes)


def read(name, data):
    path = os.path.join(tempfile.mkdtemp(), name)
    with open(path, "wb") as file:
        file.write(data)
    reader = {".edf": mne.io.read_raw_edf, ".bdf": mne.io.read_raw_bdf, ".gdf": mne.io.read_raw_gdf}[os.path.splitext(name)[1]]
    raw = reader(path, preload=True, **({} if name.endswith("gdf") else {"include": [c for c in ["C3", "C4", "Fz", "Cz", "Oz"] if c.encode() in data[256:600]]}))
    # MNE keeps volts; the files hold microvolts.
    case = {"name": name, "bytes": data.hex(), "channels": raw.ch_names, "sfreq": raw.info["sfreq"], "mne": (raw.get_data() * 1e6).tolist(),
            "events": [[float(a["onset"]), float(a["duration"]), str(a["description"])] for a in raw.annotations]}
    if name.endswith("df") and "gdf" not in name:
        with pyedflib.EdfReader(path) as other:
            case["pyedflib"] = [other.readSignal(i).tolist() for i in range(len(raw.ch_names))]
    return case


if __name__ == "__main__":
    cases = []
    for name, kind, suffix in [("plus.edf", pyedflib.FILETYPE_EDFPLUS, ".edf"), ("plus.bdf", pyedflib.FILETYPE_BDFPLUS, ".bdf")]:
        with open(by_pyedflib(kind, suffix), "rb") as file:
            cases.append(read(name, file.read()))
    cases.append(read("two-rates.edf", two_rates()))
    cases += [read("one.gdf", gdf(1.25)), read("two.gdf", gdf(2.10))]
    record = {"script": "reference.py", "date": date.today().isoformat(), "versions": {"mne": mne.__version__, "pyedflib": pyedflib.__version__},
              "cases": cases, "discontinuous": discontinuous().hex()}
    with open(os.path.join(HERE, "reference.json"), "w") as file:
        json.dump(record, file, separators=(",", ":"))
        file.write("\n")
