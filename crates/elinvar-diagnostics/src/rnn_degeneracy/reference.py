"""Reference values of rnn-degeneracy from dsa-metric and SciPy."""
import json, typing, numpy as np, torch
typing.Final = typing.Any  # dsa-metric 2.0.1 writes ClassVar[Final], which Python below 3.13 refuses
from importlib.metadata import version
from DSA import DSA
from DSA.dmd import DMD
from scipy.optimize import quadratic_assignment
torch.manual_seed(0)

def states(k, trials=5, steps=40, n=6):
    t = np.arange(steps)[None, :, None]; i = np.arange(n)[None, None, :]; r = np.arange(trials)[:, None, None]
    x = np.sin(0.21 * (k + 1) * t / (1 + 0.3 * i) + 0.9 * r * (i + 1)) + 0.3 * np.cos(0.05 * t * (i + 1 + k) + r)
    return np.tanh(x)

out = {"versions": {name: version(name) for name in ("dsa-metric", "scipy", "torch")}, "operators": [], "distances": [], "matchings": []}
for n_delays, rank in [(1, 5), (2, 7)]:
    for k in range(3):
        dmd = DMD(states(k), n_delays=n_delays, rank=rank, lamb=1e-8)
        dmd.fit()
        values = np.linalg.eigvals(dmd.A_v.cpu().numpy())
        out["operators"].append({"k": k, "n_delays": n_delays, "rank": rank, "real": sorted(values.real.tolist()), "moduli": sorted(np.abs(values).tolist())})
    X = [states(k) for k in range(3)]
    dsa = DSA(X, n_delays=n_delays, rank=rank, score_method="euclidean", iters=10000, lr=1e-2)
    out["distances"].append({"n_delays": n_delays, "rank": rank, "matrix": np.asarray(dsa.fit_score()).tolist()})
def wave(n, phase):
    i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    return np.sin(((i * n + j) ** 2 * 0.37 + phase) % 1000)
for n in (6, 20, 40):
    a, b = wave(n, 0.0), wave(n, 5.0)
    best = max((quadratic_assignment(a, b, method="faq", options={"maximize": True, "rng": s, "P0": "barycenter" if s == 0 else "randomized"}).fun for s in range(10)))
    out["matchings"].append({"n": n, "value": float(best)})
print(json.dumps(out))
