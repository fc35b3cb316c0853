"""Times a training step (forward, half squared error, backward, Adam) of PyTorch eager beside ours, one thread each.

Run from the workspace with PyTorch installed: python crates/elinvar-nn/examples/step_time.py
"""
import re
import subprocess
import time

import torch

torch.set_num_threads(1)
ACTIVATIONS = {"Relu": torch.nn.ReLU, "Tanh": torch.nn.Tanh, "Gelu": lambda: torch.nn.GELU(approximate="tanh")}


def milliseconds(inputs, hidden, outputs, activation, batch, steps):
    widths = [inputs, *hidden, outputs]
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(a, b), ACTIVATIONS[activation]()]
    net = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.sin(torch.arange(4 * batch * inputs, dtype=torch.float32) * 0.37).reshape(-1, inputs)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(steps):
            chosen = x[torch.randint(0, len(x), (batch,))]
            optimiser.zero_grad()
            loss = 0.5 * (net(chosen) - 0.5).square().sum() / batch
            loss.backward()
            optimiser.step()
        best = min(best, (time.perf_counter() - start) * 1e3 / steps)
    return best


ours = subprocess.run(
    ["cargo", "run", "--release", "--quiet", "-p", "elinvar-nn", "--example", "step_time"], check=True, capture_output=True, text=True
).stdout
for line in ours.splitlines():
    found = re.match(r"(\d+)-\[(.*)\]-(\d+) (\w+) batch (\d+): ([\d.]+) ms", line)
    inputs, outputs, batch = (int(found[i]) for i in (1, 3, 5))
    hidden = [int(width) for width in found[2].split(",")]
    theirs = milliseconds(inputs, hidden, outputs, found[4], batch, 40 if max(hidden) > 300 else 1000)
    print(f"{line}, PyTorch {torch.__version__} {theirs:.4f} ms, ratio {theirs / float(found[6]):.2f}")
