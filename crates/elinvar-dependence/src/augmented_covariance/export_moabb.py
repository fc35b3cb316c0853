"""Exports motor-imagery epochs of MOABB data sets to NPZ for `elinvar reproduce augmented-covariance --scale paper`.

    python export_moabb.py FOLDER [NAME ...]

writes FOLDER/eeg/NAME.npz with X (n, channels, samples; 8-35 Hz), y, session, subject, sfreq. MOABB downloads hundreds of MB.
"""
import os
import sys

import moabb.datasets
import numpy as np
from moabb.paradigms import MotorImagery

EVENTS = {
    "BNCI2014001": ("BNCI2014_001", ["left_hand", "right_hand", "feet"]),
    "BNCI2014004": ("BNCI2014_004", ["left_hand", "right_hand"]),
    "BNCI2014002": ("BNCI2014_002", ["right_hand", "feet"]),
    "BNCI2015001": ("BNCI2015_001", ["right_hand", "feet"]),
    "Zhou2016": ("Zhou2016", ["left_hand", "right_hand", "feet"]),
}


def export(folder, name):
    class_name, events = EVENTS[name]
    dataset = getattr(moabb.datasets, class_name)()
    if name == "Zhou2016":
        # The paper's table has three of the four subjects.
        dataset.subject_list = dataset.subject_list[:3]
    paradigm = MotorImagery(events=events, n_classes=len(events), fmin=8, fmax=35)
    X, y, meta = paradigm.get_data(dataset)
    sfreq = {"BNCI2014002": 512.0, "BNCI2015001": 512.0}.get(name, 250.0)
    path = os.path.join(folder, "eeg", f"{name}.npz")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    np.savez(path, X=X.astype(np.float32), y=np.asarray(y, dtype="U"), session=meta.session.to_numpy(dtype="U"),
             subject=meta.subject.to_numpy(dtype=np.int64), sfreq=np.array(sfreq))
    print(path, X.shape)


if __name__ == "__main__":
    for name in sys.argv[2:] or EVENTS:
        export(sys.argv[1], name)
