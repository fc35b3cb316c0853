"""q-Gaussian mixed model against the Gaussian one of `statsmodels`: random intercept and slope, ten fixed effects; and 200,000 rows."""

import os
import warnings

import numpy as np
import statsmodels.api as sm

from elinvar.dependence import TsallisMixedModel
from harness import peak_memory_mb, timed, write


def clinics(groups, rows, outlying=0.05, seed=0):
    """Ten predictors, a random slope of the first, and a share of groups ten times as wild."""
    rng = np.random.default_rng(seed)
    n = groups * rows
    code = np.repeat(np.arange(groups), rows)
    X = rng.normal(size=(n, 10))
    beta = np.linspace(1.0, -0.8, 10)
    factor = np.where(np.arange(groups) < outlying * groups, 10.0, 1.0)[code]
    b = rng.normal(size=(groups, 2)) * [1.0, 0.5]
    y = 1 + X @ beta + factor * (b[code, 0] + b[code, 1] * X[:, 0] + rng.normal(size=n))
    return X, y, code, beta


def ours(X, y, code, **settings):
    return TsallisMixedModel(n_jobs=1, **settings).fit(X, y, groups=code, Z=X[:, :1])


def against_statsmodels(groups, rows):
    X, y, code, beta = clinics(groups, rows)
    robust, robust_time = timed(lambda: ours(X, y, code), repeat=5)
    gaussian, gaussian_time = timed(lambda: ours(X, y, code, nu="inf"), repeat=5)
    Xc = sm.add_constant(X)
    def peer():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return sm.MixedLM(y, Xc, code, exog_re=Xc[:, :2]).fit(reml=False)
    theirs, their_time = timed(peer, repeat=1, warmup=0)
    return {
        "workload": f"{groups} groups of {rows} rows, random intercept and slope, 10 fixed effects, one core",
        "elinvar": robust_time, "elinvar_gaussian": gaussian_time, "statsmodels_gaussian": their_time,
        "cpu_ratio": their_time["cpu_s"] / robust_time["cpu_s"], "cpu_ratio_gaussian": their_time["cpu_s"] / gaussian_time["cpu_s"],
        "loglik_gaussian_difference": gaussian.loglik_ - float(theirs.llf),
        "largest_difference_of_gaussian_effects": float(np.abs(gaussian.coef_ - theirs.fe_params[1:]).max()),
        "squared_error": float(((robust.coef_ - beta) ** 2).sum()), "squared_error_statsmodels": float(((theirs.fe_params[1:] - beta) ** 2).sum()),
        "nu": robust.nu_, "converged": robust.converged_,
    }


def large(groups, rows):
    X, y, code, beta = clinics(groups, rows)
    before = peak_memory_mb()
    model, time = timed(lambda: TsallisMixedModel(n_jobs=2).fit(X, y, groups=code, Z=X[:, :1]), repeat=3, warmup=1)
    return {
        "workload": f"{groups} groups of {rows} rows, random intercept and slope, 10 fixed effects, two cores", "elinvar": time,
        "extra_memory_mb": peak_memory_mb() - before, "squared_error": float(((model.coef_ - beta) ** 2).sum()), "converged": model.converged_,
    }


if __name__ == "__main__":
    # Memory is a high-water mark: our own large workload comes first.
    rows = [large(40_000, 5), against_statsmodels(5_000, 6)]
    # A build other than the released one says so.
    rows = [row | {"build": os.environ.get("ELINVAR_BUILD", "release")} for row in rows]
    write("tsallis-mixed", rows, ["statsmodels"])
