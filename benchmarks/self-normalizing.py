"""SELU with alpha dropout and training against PyTorch, the moment map against SciPy's error functions."""

import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
from scipy import special

from elinvar.learning import SnnClassifier, moment_map
from harness import timed, write

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def fused(threads):
    """Forward and backward of SELU and alpha dropout on 4096 x 1024 numbers."""
    command = ["cargo", "run", "--release", "--quiet", "-p", "elinvar-nn", "--example", "selu_dropout", "--", str(threads)]
    ours = float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent).stdout)
    torch.set_num_threads(threads)
    x = torch.sin(torch.arange(4096 * 1024, dtype=torch.float32) * 0.37).reshape(4096, 1024)
    gradient, times = x.clone(), []
    for _ in range(30):
        leaf = x.clone().requires_grad_()
        start = time.perf_counter()
        torch.nn.functional.alpha_dropout(torch.nn.functional.selu(leaf), 0.05, training=True).backward(gradient)
        times.append(time.perf_counter() - start)
    theirs = statistics.median(times)
    return {
        "workload": f"SELU and alpha dropout, forward and backward, 4096 x 1024, {threads} thread(s)",
        "elinvar": {"wall_s": ours}, "torch": {"wall_s": theirs}, "wall_ratio": theirs / ours,
    }


def table(n=20_000, d=54, classes=7):
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, n)
    return (rng.normal(size=(classes, d))[y] + 1.5 * rng.normal(size=(n, d))).astype(np.float32), y


def training(depth, units, threads, epochs=3):
    """An SNN on a table of 20,000 rows, batch 128."""
    X, y = table()
    X = (X - X.mean(0)) / X.std(0)
    model = SnnClassifier(
        hidden_layers=depth, units=units, max_epochs=epochs, early_stopping=False, batch_size=128, n_jobs=threads, random_state=0
    )
    ours, our_time = timed(lambda: model.fit(X, y), repeat=3)

    def theirs():
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        widths = [X.shape[1]] + [units] * depth
        layers = []
        for a, b in zip(widths, widths[1:]):
            layers += [torch.nn.Linear(a, b), torch.nn.SELU(), torch.nn.AlphaDropout(0.05)]
        network = torch.nn.Sequential(*layers, torch.nn.Linear(units, 7))
        for layer in network:
            if isinstance(layer, torch.nn.Linear):
                torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
                torch.nn.init.zeros_(layer.bias)
        optimiser, loss = torch.optim.SGD(network.parameters(), lr=0.01), torch.nn.CrossEntropyLoss()
        inputs, labels = torch.from_numpy(X), torch.from_numpy(y)
        for _ in range(epochs):
            order = torch.randperm(len(inputs))
            for rows in order.split(128):
                optimiser.zero_grad()
                loss(network(inputs[rows]), labels[rows]).backward()
                optimiser.step()
        network.eval()
        with torch.no_grad():
            return float((network(inputs).argmax(1) == labels).float().mean())

    accuracy, their_time = timed(theirs, repeat=3)
    return {
        "workload": f"training of {depth} x {units} units, 20,000 x 54, {epochs} epochs, batch 128, {threads} thread(s)",
        "elinvar": our_time, "torch": their_time, "wall_ratio": their_time["wall_s"] / our_time["wall_s"],
        "accuracy": float(ours.score(X, y)), "torch_accuracy": accuracy,
    }


def by_scipy(mu, omega, nu, tau):
    m, v = mu * omega, nu * tau
    root, gauss = np.sqrt(2 * v), np.exp(-(m**2) / (2 * v))
    once, twice = special.erfcx((m + v) / root) * gauss, special.erfcx((m + 2 * v) / root) * gauss
    tail = special.erfc(m / root)
    mean = SCALE / 2 * (m * (2 - tail) + ALPHA * (once - tail) + root / np.sqrt(np.pi) * gauss)
    second = (m**2 + v) * (2 - tail) + ALPHA**2 * (twice - 2 * once + tail) + np.sqrt(2 / np.pi) * m * np.sqrt(v) * gauss
    return mean, SCALE**2 / 2 * second - mean**2


def moments(threads, n=10_000_000):
    rng = np.random.default_rng(0)
    points = [rng.uniform(*ends, n) for ends in [(-0.1, 0.1), (-0.1, 0.1), (0.8, 1.5), (0.95, 1.1)]]
    ours, our_time = timed(lambda: moment_map(*points, n_jobs=threads), repeat=5)
    theirs, their_time = timed(lambda: by_scipy(*points), repeat=3)
    return {
        "workload": f"moment map at {n:,} points, {threads} thread(s)",
        "elinvar": our_time, "scipy": their_time, "wall_ratio": their_time["wall_s"] / our_time["wall_s"],
        "largest_difference": float(max(np.abs(a - b).max() for a, b in zip(ours, theirs))),
    }


if __name__ == "__main__":
    rows = [fused(1), fused(2), training(16, 256, 1), training(16, 256, 2), training(4, 1024, 2), moments(1), moments(2)]
    write("self-normalizing", rows, ["torch", "scipy"])
