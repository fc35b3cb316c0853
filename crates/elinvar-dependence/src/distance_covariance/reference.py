"""Reference values for distance covariance, from dcor, SciPy and plain NumPy written from the definitions. Writes reference.json."""
import json
import os

import dcor
import numpy as np
import scipy
import scipy.optimize
import scipy.stats

HERE = os.path.dirname(os.path.abspath(__file__))


def distances(block):
    block = np.asarray(block, float).reshape(len(block), -1)
    return np.sqrt(((block[:, None, :] - block[None, :, :]) ** 2).sum(-1))


def u_centred(a):
    """Minus the U-centred matrix, as the joint measure needs it."""
    n = len(a)
    r, t = a.sum(1), a.sum()
    u = (r[:, None] + r[None, :]) / (n - 2) - a - t / ((n - 1) * (n - 2))
    np.fill_diagonal(u, 0.0)
    return u


def ccdcov(y, blocks):
    n = len(y)
    return (u_centred(distances(y)) * u_centred(distances(np.column_stack(blocks)))).sum() / (n * (n - 3))


def marginal_sum(y, blocks):
    return sum(ccdcov(y, [b]) for b in blocks)


def jdcov(y, blocks, c=1.0):
    n = len(y)
    factors = [u_centred(distances(x)) + c for x in [y, *blocks]]
    return np.prod(factors, axis=0).sum() / (n * (n - 3)) - c ** len(factors) * n / (n - 3)


def central_differences(f, y, h=1e-6):
    return [(f(y + h * e) - f(y - h * e)) / (2 * h) for e in np.eye(len(y))]


def dcor_cases():
    cases = []
    for seed, (n, p, exponent) in enumerate([(12, 1, 1.0), (25, 3, 1.0), (40, 2, 1.0), (15, 2, 0.6), (18, 1, 1.5)]):
        rng = np.random.default_rng(seed)
        s = rng.normal(size=(n, p))
        y = np.sin(2 * s[:, 0]) + 0.5 * rng.normal(size=n)
        if seed == 2:
            s = np.column_stack([rng.integers(0, 2, n), rng.integers(0, 3, n)]).astype(float)
        names = ["u_distance_covariance_sqr", "distance_covariance_sqr", "u_distance_correlation_sqr"]
        values = {name: float(getattr(dcor, name)(y[:, None], s, exponent=exponent)) for name in names}
        cases.append({"y": y.tolist(), "columns": s.T.tolist(), "exponent": exponent, **values})
    return cases


def attributes(rng, n):
    """A coin, four levels and a number."""
    coin = (rng.random(n) < 0.4).astype(float)
    level = np.eye(4)[rng.integers(0, 4, n)]
    return coin, level, rng.random(n)


def joint_cases():
    cases = []
    for seed, (n, use, c) in enumerate([(14, 2, 1.0), (20, 3, 0.5), (30, 3, 2.0)]):
        rng = np.random.default_rng(100 + seed)
        blocks = list(attributes(rng, n)[:use])
        y = rng.normal(size=n) + blocks[0]
        case = {"y": y.tolist(), "blocks": [np.asarray(b).reshape(n, -1).T.tolist() for b in blocks], "c": c}
        for name, f in [("ccdcov", ccdcov), ("sum", marginal_sum), ("jdcov", lambda y, b: jdcov(y, b, c))]:
            case[name] = {"value": float(f(y, blocks)), "gradient": central_differences(lambda y: f(y, blocks), y)}
        cases.append(case)
    return cases


def glm_cases():
    """Penalised linear models, minimised by SciPy from several starts with exact penalties of O(n^2)."""
    cases = []
    for seed, (loss, penalty, lam) in enumerate([("poisson", "none", 0.0), ("poisson", "ccdcov", 5.0), ("gaussian", "jdcov", 2.0), ("bernoulli", "sum", 3.0), ("gamma", "ccdcov", 0.5)]):
        rng = np.random.default_rng(200 + seed)
        n = 80
        coin, level, _ = attributes(rng, n)
        x = np.column_stack([rng.normal(size=n) + coin, 3.0 * rng.normal(size=n)])
        exposure = rng.uniform(0.2, 1.0, n) if loss == "poisson" else np.ones(n)
        f0 = 0.3 + 0.5 * x[:, 0] - 0.1 * x[:, 1]
        y = {
            "poisson": lambda: rng.poisson(exposure * np.exp(f0)).astype(float),
            "gaussian": lambda: f0 + 0.5 * rng.normal(size=n),
            "bernoulli": lambda: (rng.random(n) < 1 / (1 + np.exp(-f0))).astype(float),
            "gamma": lambda: rng.gamma(2.0, np.exp(f0) / 2.0),
        }[loss]()
        measure = {"none": lambda m: 0.0, "ccdcov": lambda m: ccdcov(m, [coin, level]), "jdcov": lambda m: jdcov(m, [coin, level]), "sum": lambda m: marginal_sum(m, [coin, level])}[penalty]

        def objective(theta):
            f = x @ theta[:2] + theta[2]
            if loss == "poisson":
                m = exposure * np.exp(f)
                value = np.mean(m - y * np.log(m + 1e-8))
            elif loss == "gaussian":
                m, value = f, np.mean((f - y) ** 2)
            elif loss == "bernoulli":
                m, value = 1 / (1 + np.exp(-f)), np.mean(np.logaddexp(0, f) - y * f)
            else:
                m = np.exp(f)
                value = np.mean(y / m + np.log(m))
            return value + lam * measure(m)

        tight = {"xatol": 1e-11, "fatol": 1e-15, "maxiter": 20000, "maxfev": 20000}
        start = scipy.optimize.minimize(objective, np.zeros(3), method="BFGS").x
        # Nelder-Mead needs no gradient, so that the penalty's kinks do no harm.
        best = scipy.optimize.minimize(objective, start, method="Nelder-Mead", options=tight)
        best = scipy.optimize.minimize(objective, best.x, method="Nelder-Mead", options=tight)
        blocks = [np.asarray(b).reshape(n, -1).T.tolist() for b in (coin, level)]
        cases.append({
            "loss": loss, "penalty": penalty, "lam": lam, "x": x.T.tolist(), "y": y.tolist(), "exposure": exposure.tolist(), "blocks": blocks,
            "value": float(best.fun), "coefficients": best.x[:2].tolist(), "intercept": float(best.x[2]),
        })
    return cases


def metric_case():
    rng = np.random.default_rng(300)
    n = 60
    group = rng.integers(0, 3, n)
    mean = rng.uniform(0.02, 2.5, n) + 0.2 * group
    y = rng.poisson(mean).astype(float)
    grid = np.linspace(mean.min(), mean.max(), 1000)
    shares = np.bincount(group) / n

    def jsd(width):
        p = []
        for g in range(3):
            values = mean[group == g]
            kde = np.exp(-0.5 * ((grid[:, None] - values[None, :]) / width(values)) ** 2).sum(1)
            p.append(np.clip(kde / kde.sum(), 1e-10, None))
        entropy = lambda p: -(p * np.log2(p)).sum()
        return float(entropy(np.clip(shares @ np.array(p), 1e-10, None)) - sum(s * entropy(q) for s, q in zip(shares, p)))

    k = np.arange(11)
    rps = np.mean(((scipy.stats.poisson.cdf(k[None, :], mean[:, None]) - (k[None, :] >= y[:, None])) ** 2).sum(1))
    deviance = np.mean(2 * (scipy.special.xlogy(y, y / mean) - y + mean))
    means = [mean[group == g].mean() for g in range(3)]
    return {
        "mean": mean.tolist(), "y": y.tolist(), "group": group.tolist(), "rps": float(rps), "poisson_deviance": float(deviance),
        "uf": float(np.var(means, ddof=1) / np.var(mean, ddof=1)),
        "jsd_fixed": jsd(lambda v: 0.15), "jsd_silverman": jsd(lambda v: 1.06 * v.std(ddof=1) * len(v) ** -0.2),
    }


if __name__ == "__main__":
    reference = {
        "script": "reference.py", "date": "2026-11-24",
        "versions": {"dcor": dcor.__version__, "numpy": np.__version__, "scipy": scipy.__version__},
        "cases": dcor_cases(), "joint": joint_cases(), "linear": glm_cases(), "metrics": metric_case(),
    }
    with open(os.path.join(HERE, "reference.json"), "w") as file:
        json.dump(reference, file, indent=None, separators=(",", ":"))
        file.write("\n")
