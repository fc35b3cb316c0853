"""Training steps of elinvar-nn against PyTorch: forward, half squared error, backward, Adam.

On one thread also against `torch.compile`, but for recurrent modules, which it leaves as they are. Shares are of the operations a second of a
large matrix product, and count products and convolutions alone.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import timm
import torch

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from harness import write


class Recurrent(torch.nn.Module):
    def __init__(self, cell, units):
        super().__init__()
        self.cell = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](3, units, batch_first=True)
        self.readout = torch.nn.Linear(units, 3)

    def forward(self, x):
        return self.readout(self.cell(x)[0])


def dense(widths, activation):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(a, b), activation()]
    return torch.nn.Sequential(*layers[:-1])


def convolutions(channels):
    layers = []
    for a, b in zip(channels, channels[1:]):
        layers += [torch.nn.Conv2d(a, b, 3, padding=1), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(channels[-1], 10))


def network(name):
    """The network of a case, its batch and the shape of a row."""
    words = name.split()
    if words[0] == "mlp":
        widths = [int(w) for w in words[2].split("-")]
        activation = {"relu": torch.nn.ReLU, "gelu": lambda: torch.nn.GELU(approximate="tanh")}[words[1]]
        return dense(widths, activation), int(words[4]), (widths[0],)
    if words[0] == "selu":
        return dense([64, *[256] * 32, 10], torch.nn.SELU), int(words[5]), (64,)
    if words[0] == "vit":
        dim, depth, batch, size = (int(words[k]) for k in (1, 3, 5, 7))
        net = timm.models.VisionTransformer(size, 4, 3, 10, embed_dim=dim, depth=depth, num_heads=4)
        return net, batch, (3, size, size)
    if words[0] == "conv":
        if words[1] == "stack":
            depth, width = map(int, words[2].split("x"))
            channels = [3, *[width] * depth]
        else:
            channels = [int(w) for w in words[1].split("-")]
        return convolutions(channels), int(words[-3]), (channels[0], int(words[-1]), int(words[-1]))
    return Recurrent(words[0], int(words[1])), int(words[3]), (int(words[5]), 3)


def rows_of(count, shape):
    size = torch.Size(shape).numel()
    return torch.sin(torch.arange(count * size, dtype=torch.float32) * 0.37).reshape(count, *shape)


def step(net, optimiser, chosen):
    optimiser.zero_grad()
    (0.5 * (net(chosen) - 0.5).square().sum() / len(chosen)).backward()
    optimiser.step()


def milliseconds(work, steps):
    work()
    times = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(steps):
            work()
        times.append((time.perf_counter() - start) * 1e3 / steps)
    return statistics.median(times)


def steps_of(net, batch, shape):
    """One step of training, to be repeated."""
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = rows_of(4 * batch, shape)
    return lambda: step(net, optimiser, x[torch.randint(0, len(x), (batch,))])


def sweep_step():
    """One step of each of a hundred networks."""
    steps = [steps_of(Recurrent("rnn", 64), 64, (40, 3)) for _ in range(100)]
    return lambda: [work() for work in steps]


def operations(name):
    """Multiplications and additions of the products of a step."""
    if name.startswith("sweep"):
        return 100 * operations("rnn 64 batch 64 length 40")
    net, batch, shape = network(name)
    if isinstance(net, Recurrent):
        gates, units = {"rnn": 1, "gru": 3, "lstm": 4}[name.split()[0]], net.readout.in_features
        forward = 2 * batch * shape[0] * units * (gates * (shape[1] + units) + 3)
        # No gradient of the inputs is asked for.
        return 3 * forward - 2 * batch * shape[0] * units * gates * shape[1]
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        (0.5 * (net(rows_of(batch, shape)) - 0.5).square().sum()).backward()
    return counter.get_total_flops()


def peak():
    """Operations a second of the product of two square matrices."""
    a = torch.randn(2048, 2048)
    return 2 * 2048**3 / (milliseconds(lambda: a @ a, 3) / 1e3)


def theirs(name, ours):
    """Milliseconds a step of PyTorch."""
    if name.startswith("sweep"):
        return milliseconds(sweep_step(), 1)
    return milliseconds(steps_of(*network(name)), max(1, int(200 / max(ours, 0.2))))


def compiled(name, ours):
    """The same of a network that PyTorch has compiled."""
    net, batch, shape = network(name)
    torch._dynamo.reset()
    return milliseconds(steps_of(torch.compile(net), batch, shape), max(1, int(200 / max(ours, 0.2))))


if __name__ == "__main__":
    rows = []
    command = ["cargo", "run", "--release", "--quiet", "-p", "elinvar-nn", "--example", "step_time", "--"]
    for threads in [1, 2]:
        found = subprocess.run([*command, str(threads)], check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
        torch.set_num_threads(threads)
        fastest = peak()
        for line in found.stdout.splitlines():
            name, ours = line.rsplit(": ", 1)
            ours, peer = float(ours), theirs(name, float(ours))
            share = operations(name) / fastest * 1e3
            row = {"workload": f"{name}, {threads} thread(s)", "elinvar_ms": ours, "torch_ms": peer, "wall_ratio": peer / ours}
            row |= {"elinvar_share_of_peak": share / ours, "torch_share_of_peak": share / peer, "peak_gflops": fastest / 1e9}
            if threads == 1 and name.split()[0] not in ("rnn", "gru", "lstm", "sweep"):
                row["torch_compiled_ms"] = compiled(name, ours)
                row["compiled_ratio"] = row["torch_compiled_ms"] / ours
            rows.append(row)
            print(row, file=sys.stderr)
    write("networks", rows, ["torch", "timm"])
