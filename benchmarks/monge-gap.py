"""The Monge gap against `ott-jax` on the same cores: value and gradient of the gap, and a whole fit of a map."""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ott.geometry import costs
from ott.neural.methods import monge_gap as ott_gap
from ott.tools import sinkhorn_divergence

from elinvar.transport import MongeGapMap, monge_gap_gradient
from harness import timed, write


def gap_and_gradient(what, n=1024, d=50):
    """Workload A: value and gradient of the entropic gap, squared Euclidean cost, epsilon = 0.01 mean cost, threshold 1e-3.

    `turned` maps every point far from where it should go; `settled` is a map that is optimal already, where both solvers stop at their
    first look at the error and every gradient is 0.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)).astype(np.float32)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    turned, settled = np.tanh(x @ rotation), x + 0.3 * rng.normal(size=(n, d)) + 0.2 * np.tanh(x[:, ::-1])
    y = (turned if what == "turned" else settled).astype(np.float32)
    epsilon = 0.01 * float(((x[:, None, :] - y[None, :, :]) ** 2).sum(-1).mean())

    def theirs(samples):
        return ott_gap.monge_gap_from_samples(jnp.asarray(x), samples, cost_fn=costs.SqEuclidean(), epsilon=epsilon, threshold=1e-3, max_iterations=2000)

    compiled = jax.jit(jax.value_and_grad(theirs))
    target = jnp.asarray(y)
    (value, gradient), their_time = timed(lambda: jax.block_until_ready(compiled(target)), repeat=7, warmup=2)
    ours, our_time = timed(lambda: monge_gap_gradient(x, y, epsilon=epsilon, sinkhorn_threshold=1e-3), repeat=7, warmup=2)
    difference = float(np.abs(np.asarray(ours.gradient) - np.asarray(gradient)).max())
    return {
        "workload": f"A: value and gradient of the entropic gap of a {what} map, n = {n}, d = {d}", "elinvar": our_time, "ott-jax": their_time,
        "wall_ratio": their_time["wall_s"] / our_time["wall_s"], "value": {"elinvar": float(ours.value), "ott-jax": float(value)},
        "gradient_difference": difference, "largest_gradient": float(jnp.abs(gradient).max()),
    }


def pair(n, seed):
    """Moons to s-curve, the tutorial's pair of point clouds."""
    rng = np.random.default_rng(seed)
    turn = lambda points, angle: points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    t = np.linspace(0, np.pi, n)
    source = turn(np.column_stack([np.cos(t), np.sin(t)]) + 0.05 * rng.normal(size=(n, 2)), np.pi / 6) + [0, -0.5]
    u = 3 * np.pi * (rng.uniform(size=n) - 0.5)
    target = np.column_stack([np.sign(u) * (np.cos(u) - 1), np.sin(u)]) + 0.05 * rng.normal(size=(n, 2))
    return source.astype(np.float32), (0.6 * turn(target, np.pi / 2) + [1, -2]).astype(np.float32)


def tutorial_fit(steps=5000, peer_steps=500, batch=256):
    """Workload B: hidden layers 32, 64, 32, batch 256, Adam 1e-3; the peer's steps are timed on fewer and scaled up."""
    source, target = pair(2048, 0)
    model = MongeGapMap(cost="euclidean", lambda_mg=2.0, hidden=[32, 64, 32], batch_size=batch, num_iters=steps, n_jobs=2, random_state=0)
    _, our_time = timed(lambda: model.fit(source, target), repeat=1, warmup=0)
    per_step = ott_step_seconds(source, target, batch, peer_steps)
    return {
        "workload": f"B: fit of a map, d = 2, batch {batch}, {steps} steps, gap weight 2, Euclidean cost", "elinvar": our_time,
        "ott-jax": {"wall_s": per_step * steps, "note": f"measured on {peer_steps} jitted steps after warm-up and scaled to {steps}"},
        "wall_ratio": per_step * steps / our_time["wall_s"],
    }


def ott_step_seconds(source, target, batch, steps):
    """Seconds of one jitted training step built from the peer's own gap and divergence."""
    rng = np.random.default_rng(0)
    sizes = [2, 32, 64, 32, 2]
    params = [(jnp.asarray(rng.normal(size=(a, b)) / np.sqrt(a), jnp.float32), jnp.zeros(b)) for a, b in zip(sizes, sizes[1:])]
    distances = lambda a, b: ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1)
    eps_fit = 0.1 * float(distances(target[:batch], target[:batch]).mean())
    eps_reg = 0.01 * float(np.sqrt(distances(source[:batch], target[:batch])).mean())

    def network(params, x):
        hidden = x
        for weight, bias in params[:-1]:
            hidden = jax.nn.gelu(hidden @ weight + bias)
        weight, bias = params[-1]
        return x + hidden @ weight + bias

    def loss(params, x, y):
        mapped = network(params, x)
        fit = sinkhorn_divergence.sinkdiv(mapped, y, epsilon=eps_fit, static_b=True)[0]
        gap = ott_gap.monge_gap_from_samples(x, mapped, cost_fn=costs.Euclidean(), epsilon=eps_reg)
        return fit + 2.0 * gap

    optimiser = optax.adam(1e-3)

    @jax.jit
    def step(params, state, x, y):
        gradient = jax.grad(loss)(params, x, y)
        updates, state = optimiser.update(gradient, state)
        return optax.apply_updates(params, updates), state

    state = optimiser.init(params)

    def many(count):
        nonlocal params, state
        for _ in range(count):
            x, y = source[rng.integers(0, len(source), batch)], target[rng.integers(0, len(target), batch)]
            params, state = step(params, state, jnp.asarray(x), jnp.asarray(y))
        jax.block_until_ready(params)

    many(20)
    _, time = timed(lambda: many(steps), repeat=1, warmup=0)
    return time["wall_s"] / steps


if __name__ == "__main__":
    write("monge-gap", [gap_and_gradient("turned"), gap_and_gradient("settled"), tutorial_fit()], ["ott-jax", "jax"])
