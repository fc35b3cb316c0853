"""Training steps of elinvar-nn against PyTorch: forward, half squared error, backward, Adam."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import timm
import torch

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


def theirs(name, ours):
    if name.startswith("sweep"):
        nets = [Recurrent("rnn", 64) for _ in range(100)]
        optimisers = [torch.optim.Adam(net.parameters(), lr=1e-3) for net in nets]
        x = rows_of(256, (40, 3))

        def all_of_them():
            for net, optimiser in zip(nets, optimisers):
                step(net, optimiser, x[torch.randint(0, len(x), (64,))])

        return milliseconds(all_of_them, 1)
    net, batch, shape = network(name)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = rows_of(4 * batch, shape)
    return milliseconds(lambda: step(net, optimiser, x[torch.randint(0, len(x), (batch,))]), max(1, int(200 / max(ours, 0.2))))


if __name__ == "__main__":
    rows = []
    command = ["cargo", "run", "--release", "--quiet", "-p", "elinvar-nn", "--example", "step_time", "--"]
    for threads in [1, 2]:
        found = subprocess.run([*command, str(threads)], check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
        torch.set_num_threads(threads)
        for line in found.stdout.splitlines():
            name, ours = line.rsplit(": ", 1)
            peer = theirs(name, float(ours))
            rows.append({"workload": f"{name}, {threads} thread(s)", "elinvar_ms": float(ours), "torch_ms": peer, "wall_ratio": peer / float(ours)})
            print(rows[-1], file=sys.stderr)
    write("networks", rows, ["torch", "timm"])
