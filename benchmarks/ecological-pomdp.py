"""The POMDP solver against APPL, the C++ reference implementation of SARSOP: seconds until the bounds are as near as asked.

APPL is no package of a registry: where the environment variable ELINVAR_APPL names its program `pomdpsol`, it solves the same models in this
run, from the files that `convert` writes (its time includes reading them, which is how it is used). Without it only our times are taken,
and the published times of the R package stand beside them, marked as such.
"""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from elinvar.decision import FisheryModel, SarsopSolver, convert
from harness import timed, write

PUBLISHED = {"lower": 3.33955, "gap": 0.0172, "initialisation_s": 1649.0, "total_s": 15195.0, "source": "published log of the R package"}
APPL = os.environ.get("ELINVAR_APPL")


def compare(workload, model, precision, limit=120):
    """Seconds of both solvers to the gap `precision`; the peer is ended after `limit` seconds, its first bounds included."""
    solver = SarsopSolver(precision=precision, max_time=limit, n_jobs=2)
    policy, ours = timed(lambda: solver.solve(model), repeat=1, warmup=0)
    row = {"workload": workload, "elinvar": ours | bounds(policy.lower_, policy.upper_) | {"vectors": len(policy.actions_)}}
    if APPL:
        peer = appl(model, precision, limit)
        row["appl"] = peer
        if policy.gap_ > precision:
            return row | {"wall_ratio_note": "none: we had not reached the gap in the time given"}
        row["wall_ratio"] = peer["wall_s"] / ours["wall_s"]
        if not peer["reached"]:
            row["wall_ratio_note"] = "at least: the peer had not reached the gap when it was ended"
    return row


def bounds(lower, upper):
    return {"lower": float(lower), "upper": float(upper), "gap": float(upper - lower)}


def appl(model, precision, limit):
    """One run of `pomdpsol` on the model's .pomdpx file; its last line of progress holds the bounds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pomdpx"
        path.write_text(convert(model, format="pomdpx"))
        start = time.perf_counter()
        command = [APPL, "--precision", str(precision), "--timeout", str(limit), "--output", str(Path(folder) / "out.policy"), str(path)]
        try:
            output = subprocess.run(command, capture_output=True, text=True, timeout=limit).stdout
        except subprocess.TimeoutExpired as expired:
            output = (expired.stdout or b"").decode()
        seconds = time.perf_counter() - start
        rows = re.findall(r"^\s*([\d.]+)\s+\d+\s+\d+\s+(\S+)\s+(\S+)\s+(\S+)\s+\d+\s+\d+", output, flags=re.MULTILINE)
        found = bounds(float(rows[-1][1]), float(rows[-1][2])) if rows else {}
        reached = bool(found) and found["gap"] <= precision
        return {"wall_s": seconds, "file_mb": path.stat().st_size / 1e6, "reached": reached} | found


if __name__ == "__main__":
    fishery = compare("100-point fishery, sigma_g 0.15, sigma_m 0.1, gap 0.0172, two cores", FisheryModel(sigma_g=0.15, sigma_m=0.1), 0.0172)
    fishery |= {"R package (published)": PUBLISHED, "wall_ratio_to_published": PUBLISHED["total_s"] / fishery["elinvar"]["wall_s"]}
    coarse = compare("41-point fishery, sigma_g 0.15, sigma_m 0.1, gap 0.02, two cores", FisheryModel(sigma_g=0.15, sigma_m=0.1, grid=(0, 2, 41)), 0.02)
    literature = [
        compare("RockSample[4,4], gap 0.1, two cores", {"problem": "rock_sample_4_4"}, 0.1),
        compare("RockSample[5,5], gap 0.1, two cores", {"problem": "rock_sample_5_5"}, 0.1),
        compare("Tag, gap 1, two cores", {"problem": "tag"}, 1.0),
    ]
    write("ecological-pomdp", [fishery, coarse, *literature], [])
