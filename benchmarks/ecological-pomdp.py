"""The POMDP solver on the 100-point fishery model: time to the gap that the published runs reached.

The R package `sarsop` needs CRAN, which is not a registry that this benchmark can count on; its times are the published ones of the
official log for the same model and are marked as such.
"""

from elinvar.decision import FisheryModel, SarsopSolver
from harness import timed, write

PUBLISHED = {"lower": 3.33955, "gap": 0.0172, "initialisation_s": 1649.0, "total_s": 15195.0, "source": "published log of the official repository"}


def fishery(points=100, precision=0.0172):
    """sigma_g = 0.15, sigma_m = 0.1, `points` values on [0, 2], uniform prior."""
    model = FisheryModel(sigma_g=0.15, sigma_m=0.1, grid=(0, 2, points))
    solver = SarsopSolver(precision=precision, max_time=600, n_jobs=2)
    policy, time = timed(lambda: solver.solve(model), repeat=1, warmup=0)
    return {
        "workload": f"{points}-point fishery, time to gap {precision}, two cores", "elinvar": time, "peer (published)": PUBLISHED,
        "lower": float(policy.lower_), "upper": float(policy.upper_), "gap": float(policy.gap_), "vectors": int(len(policy.actions_)),
        "wall_ratio_to_published": PUBLISHED["total_s"] / time["wall_s"],
    }


if __name__ == "__main__":
    write("ecological-pomdp", [fishery()], [])
