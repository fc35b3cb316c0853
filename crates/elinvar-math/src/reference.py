"""Reference values for the shared numerics, from pyRiemann, scikit-learn, SciPy and NumPy. Writes reference.json."""
import json
import os
from datetime import date

import numpy as np
import pyriemann
import scipy
import sklearn
from pyriemann.geometry.ajd import ajd_pham
from pyriemann.geometry.base import expm, invsqrtm, logm, sqrtm
from pyriemann.geometry.distance import distance_logeuclid, distance_riemann
from pyriemann.geometry.mean import mean_logeuclid, mean_riemann
from pyriemann.geometry.tangentspace import tangent_space, upper
from scipy.signal import butter, sosfiltfilt
from scipy.stats import combine_pvalues, permutation_test, wilcoxon
from sklearn.covariance import ledoit_wolf, oas
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

HERE = os.path.dirname(os.path.abspath(__file__))


def spd(rng, n, size, samples):
    x = rng.normal(size=(n, size, samples)) * rng.uniform(0.3, 2.0, (n, size, 1))
    return x @ x.transpose(0, 2, 1) / samples


def spd_cases():
    for seed, (n, size, samples) in enumerate([(6, 2, 5), (8, 4, 12), (10, 6, 20)]):
        c = spd(np.random.default_rng(seed), n, size, samples)
        mean = mean_riemann(c, tol=1e-11, maxiter=300)
        yield {
            "matrices": c, "distance_riemann": distance_riemann(c[0], c[1]), "distance_logeuclid": distance_logeuclid(c[0], c[1]),
            "mean_riemann": mean, "mean_logeuclid": mean_logeuclid(c), "tangent_riemann": tangent_space(c, mean, metric="riemann"),
            # pyRiemann's own tangent vectors of this metric are pushed through the derivative of exp; ours keep distances.
            "tangent_logeuclid": upper(logm(c) - logm(mean)), "log": logm(c[0]), "exp": expm(c[0]), "sqrt": sqrtm(c[0]),
            "inverse_sqrt": invsqrtm(c[0]), "distances_to_mean": [distance_riemann(m, mean) for m in c],
        }


def covariance_cases():
    for seed, (p, n) in enumerate([(2, 7), (5, 40), (8, 6)]):
        rng = np.random.default_rng(10 + seed)
        x = rng.normal(size=(p, p)) @ rng.normal(size=(p, n)) + rng.normal(size=(p, 1))
        yield {"x": x, "cov": np.cov(x), "scm": np.cov(x, bias=True), "lwf": ledoit_wolf(x.T)[0], "oas": oas(x.T)[0]}


def svm_cases():
    for seed, (k, c) in enumerate([(2, 1.0), (2, 0.05), (3, 1.0), (4, 0.5)]):
        rng = np.random.default_rng(20 + seed)
        y = np.arange(48) % k
        x = rng.normal(size=(48, 6)) + 0.9 * rng.normal(size=(k, 6))[y]
        t = rng.normal(size=(15, 6))
        kernel, test = x @ x.T, t @ x.T
        if seed % 2:
            gamma = 1 / (6 * x.var())
            kernel = np.exp(-gamma * ((x[:, None] - x[None]) ** 2).sum(-1))
            test = np.exp(-gamma * ((t[:, None] - x[None]) ** 2).sum(-1))
        model = SVC(C=c, kernel="precomputed", tol=1e-10, decision_function_shape="ovo").fit(kernel, y)
        decisions = model.decision_function(test)
        scores = None
        if k > 2:
            scores = SVC(C=c, kernel="precomputed", tol=1e-10, decision_function_shape="ovr").fit(kernel, y).decision_function(test)
        yield {"kernel": kernel, "test_kernel": test, "y": y, "c": c, "decisions": decisions.reshape(15, -1), "class_scores": scores,
               "predicted": model.predict(test)}


def bandpass_cases():
    for seed, (order, low, high, sfreq) in enumerate([(4, 8.0, 35.0, 250.0), (3, 1.0, 12.0, 128.0), (5, 8.0, 30.0, 512.0)]):
        signal = np.random.default_rng(30 + seed).normal(size=120) + 3.0
        sections = butter(order, [low, high], btype="bandpass", fs=sfreq, output="sos")
        yield {"order": order, "low": low, "high": high, "sfreq": sfreq, "signal": signal,
               "filtered": sosfiltfilt(sections, signal, padlen=3 * (2 * order + 1))}


def paired_cases():
    for seed, n in enumerate([5, 9, 12]):
        d = np.random.default_rng(40 + seed).normal(size=n) + 0.4
        if seed == 2:
            d = np.round(d, 1)
        flips = permutation_test((d,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", vectorized=True,
                                 alternative="greater", n_resamples=np.inf)
        yield {"differences": d, "wilcoxon": wilcoxon(d, alternative="greater", correction=False, method="asymptotic").pvalue,
               "permutation": flips.pvalue}


def discriminant_cases():
    for seed, (k, d) in enumerate([(2, 4), (3, 6), (2, 30)]):
        rng = np.random.default_rng(50 + seed)
        y = np.arange(30) % k
        x = rng.normal(size=(30, d)) * rng.uniform(0.5, 3, d) + rng.normal(size=(k, d))[y]
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x, y)
        yield {"x": x, "y": y, "coef": model.coef_, "decisions": model.decision_function(x).reshape(30, -1)}


def logistic_cases():
    for seed, (k, ratio) in enumerate([(2, 0.15), (2, 0.75), (3, 0.45)]):
        rng = np.random.default_rng(60 + seed)
        y = np.arange(60) % k
        x = rng.normal(size=(60, 8)) + 0.8 * rng.normal(size=(k, 8))[y]
        model = LogisticRegression(l1_ratio=ratio, C=1.0, solver="saga", tol=1e-10, max_iter=200_000).fit(x, y)
        yield {"x": x, "y": y, "l1_ratio": ratio, "coef": model.coef_, "decisions": model.decision_function(x).reshape(60, -1)}


def joint():
    c = spd(np.random.default_rng(70), 3, 5, 15)
    weights = np.array([1.0, 2.0, 0.5])
    return {"matrices": c, "weights": weights, "filters": ajd_pham(c, sample_weight=weights, eps=1e-12, n_iter_max=300)[0]}


def stouffer():
    p, weights = [0.01, 0.2, 0.6], np.sqrt([9, 12, 3])
    return {"p": p, "weights": weights, "combined": combine_pvalues(p, method="stouffer", weights=weights).pvalue}


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


if __name__ == "__main__":
    values = {
        "script": "reference.py", "date": date.today().isoformat(),
        "versions": {"pyriemann": pyriemann.__version__, "scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
        "spd": list(spd_cases()), "covariance": list(covariance_cases()), "svm": list(svm_cases()), "bandpass": list(bandpass_cases()),
        "paired": list(paired_cases()), "discriminant": list(discriminant_cases()), "logistic": list(logistic_cases()), "joint": joint(),
        "stouffer": stouffer(),
    }
    with open(os.path.join(HERE, "reference.json"), "w") as file:
        json.dump(plain(values), file, separators=(",", ":"))
        file.write("\n")
