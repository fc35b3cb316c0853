"""Independent reference values for the method ecological-pomdp: plain loops over the definitions, NumPy and SciPy only.

Run: python reference.py > reference.json
"""
import json
import platform

import numpy as np
import scipy
from scipy.stats import norm

GAMMA = 0.95


def prob(grid, mu, sigma):
    if sigma == 0:
        p = np.zeros(len(grid))
        p[np.argmin(np.abs(grid - mu))] = 1
        return p
    p = norm.pdf(grid, mu, sigma)
    p[0] += norm.pdf(-grid[1:], mu, sigma).sum()
    below = norm.cdf(grid[-1], mu, sigma)
    if p.sum() == 0:
        p[0] = 1
        return p
    p = p * below / p.sum()
    p[-1] += 1 - below
    return p


def growth(x, h, r=0.75, k=1.0):
    e = max(x - h, 0)
    return e + r * e * (1 - e / k)


def model(n, sigma_g, sigma_m):
    grid = np.linspace(0, 2, n)
    t = np.zeros((n, n, n))
    for a in range(n):
        for s in range(n):
            f = growth(grid[s], grid[a])
            if f <= 1e-14:
                t[a, s, 0] = 1
            else:
                t[a, s] = prob(grid, f, sigma_g)
    o = np.array([prob(grid, g, sigma_m) for g in grid])
    o[0] = 0
    o[0, 0] = 1
    r = np.minimum(grid[:, None], grid[None, :])
    return grid, t, o, r


def value_iteration(t, r):
    v = np.zeros(len(r))
    while True:
        q = r.T + GAMMA * t @ v
        new = q.max(0)
        if np.abs(new - v).max() < 1e-13:
            return q.max(0), q
        v = new


def fib(t, o, r, tolerance):
    n = len(r)
    alpha = np.full((n, n), r.max() / (1 - GAMMA))
    t0 = t[0]
    while True:
        g = np.zeros(n)
        for z in range(n):
            g += ((t0 * o[:, z]) @ alpha.T).max(1)
        new = np.array([[r[s, a] + GAMMA * g[max(s - a, 0)] for s in range(n)] for a in range(n)])
        change = np.abs(new - alpha).max()
        alpha = new
        if change < tolerance:
            return alpha


def nearest(grid, x):
    d = np.abs(grid - x)
    return int(np.flatnonzero(d <= d.min() + 1e-12)[0])


def rules(grid):
    s_star = (1 + 0.75 - 1 / GAMMA) / (2 * 0.75)
    b = growth(s_star, 0)
    f_msy = (b - s_star) / b
    return {
        "CE": [nearest(grid, max(y - s_star, 0)) for y in grid],
        "TAC": [nearest(grid, 0.8 * f_msy * y) for y in grid],
        "MSY": [nearest(grid, f_msy * y) for y in grid],
    }


def evaluate(grid, t, o, r, rule, start):
    n = len(grid)
    p = np.zeros((n, n))
    reward = np.zeros(n)
    for s in range(n):
        for z in range(n):
            p[s] += o[s, z] * t[rule[z], s]
            reward[s] += o[s, z] * r[s, rule[z]]
    v = np.linalg.solve(np.eye(n) - GAMMA * p, reward)
    d = np.zeros(n)
    d[start] = 1
    npv, late, dist = 0, [], [d]
    for k in range(1, 100):
        npv += GAMMA**k * (d @ reward)
        d = d @ p
        dist.append(d)
    late = np.mean([x @ grid for x in dist[49:99]])  # t = 50..99 of 1..99
    return {"value": v[start], "npv_99": npv, "extinction": dist[98][0], "late": late}


def main():
    out = {"made_by": "reference.py", "date": "2026-11-24", "numpy": np.__version__, "scipy": scipy.__version__,
           "python": platform.python_version(), "cases": []}
    for n, sigma_g, sigma_m in [(41, 0.15, 0.0), (41, 0.15, 0.15), (41, 0.15, 0.1), (100, 0.15, 0.1), (100, 0.02, 0.15), (100, 0.1, 0.0), (100, 0.15, 0.0), (100, 0.02, 0.0)]:
        grid, t, o, r = model(n, sigma_g, sigma_m)
        v, q = value_iteration(t, r)
        b = np.full(n, 1 / n)
        start = nearest(grid, 1 / 6)
        case = {"n": n, "sigma_g": sigma_g, "sigma_m": sigma_m, "start": start, "mdp_mean": v.mean(), "mdp_start": v[start],
                "one_step": max(b @ q[a] for a in range(n)),
                "rules": {k: evaluate(grid, t, o, r, rule, start) for k, rule in rules(grid).items()}}
        if sigma_m > 0:
            alpha = fib(t, o, r, 1e-7 if n == 41 else 1e-5)
            case["fib_max"] = (alpha @ b).max()
            case["fib_corner"] = alpha.max(0) @ b
            loose = fib(t, o, r, 1e-4)
            case["fib_max_1e-4"] = (loose @ b).max()
            case["fib_corner_1e-4"] = loose.max(0) @ b
        out["cases"].append(case)
    grid, t, o, r = model(41, 0.15, 0.1)
    out["t_row"] = list(t[3, 17, :8])
    out["o_row"] = list(o[2, :8])
    print(json.dumps(out, indent=1))


main()
