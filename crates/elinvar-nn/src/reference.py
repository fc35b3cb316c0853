"""Writes reference.json: values of PyTorch's autograd for the networks of this crate.

Run with PyTorch and NumPy installed: python reference.py > reference.json
"""
import json
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def numbers(count, rate, phase, scale):
    return scale * torch.sin(rate * torch.arange(count, dtype=torch.float64) + phase)


def split(flat, shapes):
    parts, start = [], 0
    for shape in shapes:
        size = int(torch.tensor(shape).prod())
        parts.append(flat[start : start + size].reshape(shape))
        start += size
    return parts


ACTIVATIONS = {
    "relu": F.relu,
    "leaky_relu": lambda a: F.leaky_relu(a, 0.01),
    "elu": F.elu,
    "gelu": lambda a: F.gelu(a, approximate="tanh"),
    "silu": F.silu,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "tanh": torch.tanh,
}


def mlp(activation, norm, residual, outputs):
    """Loss sum(u * net(x)) for 3 -> 5 -> 4 -> outputs, its gradient by parameters and by inputs."""
    widths = [3, 5, 4, outputs]
    shapes = []
    for layer in range(3):
        shapes += [(widths[layer + 1], widths[layer]), (widths[layer + 1],)]
        if norm and layer < 2:
            shapes += [(widths[layer + 1],), (widths[layer + 1],)]
    flat = numbers(sum(int(torch.tensor(s).prod()) for s in shapes), 1.3, 0.7, 0.5).requires_grad_()
    x = numbers(6 * 3, 0.9, 0.2, 1.5).reshape(6, 3).requires_grad_()
    u = numbers(6 * outputs, 2.1, 0.4, 1.0).reshape(6, outputs)
    parts = iter(split(flat, shapes))
    h = x
    for layer in range(3):
        h = h @ next(parts).T + next(parts)
        if layer < 2:
            h = ACTIVATIONS[activation](h)
            if norm:
                h = F.batch_norm(h, None, None, next(parts), next(parts), training=True, eps=1e-5)
    out = h + x if residual else h
    gradient, by_input = torch.autograd.grad((u * out).sum(), [flat, x])
    return {"outputs": out.flatten().tolist(), "gradient": gradient.tolist(), "input_gradient": by_input.flatten().tolist()}


def conservativity(activation):
    """mean_i ||J v - J^T v||^2 and its gradient for 3 -> 5 -> 4 -> 3, by double backward."""
    shapes = [(5, 3), (5,), (4, 5), (4,), (3, 4), (3,)]
    flat = numbers(15 + 5 + 20 + 4 + 12 + 3, 1.3, 0.7, 0.5).requires_grad_()
    x = numbers(18, 0.9, 0.2, 1.5).reshape(6, 3)
    v = numbers(18, 2.1, 0.4, 1.0).reshape(6, 3)
    parts = split(flat, shapes)

    def net(row):
        h = row
        for layer in range(3):
            h = h @ parts[2 * layer].T + parts[2 * layer + 1]
            if layer < 2:
                h = ACTIVATIONS[activation](h)
        return h

    total = 0.0
    for row, tangent in zip(x, v):
        jacobian = torch.autograd.functional.jacobian(net, row, create_graph=True)
        total = total + ((jacobian - jacobian.T) @ tangent).square().sum()
    value = total / 6
    (gradient,) = torch.autograd.grad(value, [flat])
    return {"value": value.item(), "gradient": gradient.tolist()}


def icnn(activation):
    """Potential, map, and both gradients for inputs 3, hidden [5, 4]."""
    shapes = [(3, 3), (5, 3), (5,), (4, 3), (4,), (4, 5), (1, 3), (1,), (1, 4)]
    flat = numbers(sum(int(torch.tensor(s).prod()) for s in shapes), 1.3, 0.7, 0.5).requires_grad_()
    center = torch.tensor([0.3, -0.2, 0.1])
    x = numbers(18, 0.9, 0.2, 1.5).reshape(6, 3).requires_grad_()
    u = numbers(18, 2.1, 0.4, 1.0).reshape(6, 3)
    w = numbers(6, 1.7, 0.1, 1.0)
    g, a0, b0, a1, b1, w1, a2, b2, w2 = split(flat, shapes)
    act = ACTIVATIONS[activation]
    z = act(x @ a0.T + b0)
    z = act(z @ w1.T + x @ a1.T + b1)
    f = (z @ w2.T + x @ a2.T + b2)[:, 0] + 0.5 * ((x - center) @ g.T).square().sum(1)
    (by_weights,) = torch.autograd.grad((w * f).sum(), [flat], retain_graph=True)
    (moved,) = torch.autograd.grad(f.sum(), [x], create_graph=True)
    (by_map,) = torch.autograd.grad((u * moved).sum(), [flat])
    return {
        "potential": f.tolist(),
        "map": moved.flatten().tolist(),
        "potential_gradient": by_weights.tolist(),
        "map_gradient": by_map.tolist(),
    }


def recurrent(cell):
    """Results of five sequences of six steps of two numbers, and the gradient of sum(u * result): weights, biases, readout."""
    module = {"tanh": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](2, 4, batch_first=True)
    readout = torch.nn.Linear(4, 3)
    parameters = [*module.parameters(), *readout.parameters()]
    flat = numbers(sum(p.numel() for p in parameters), 1.3, 0.7, 0.5)
    for parameter, values in zip(parameters, split(flat, [tuple(p.shape) for p in parameters])):
        parameter.data.copy_(values)
    x = numbers(5 * 12, 0.9, 0.2, 1.5).reshape(5, 6, 2)
    u = numbers(5 * 18, 2.1, 0.4, 1.0).reshape(5, 6, 3)
    result = readout(module(x)[0])
    gradients = torch.autograd.grad((u * result).sum(), parameters)
    return {"outputs": result.flatten().tolist(), "gradient": torch.cat([g.flatten() for g in gradients]).tolist()}


def optimiser(make):
    """Six parameters after 10 steps on gradients that are a formula of step and parameter."""
    x = numbers(6, 1.3, 0.7, 0.5).requires_grad_()
    steps = make([x])
    for step in range(10):
        x.grad = (x.detach() * torch.arange(1, 7) + 0.1 * torch.sin(torch.arange(6) + step)).clone()
        steps.step()
    return x.detach().tolist()


print(
    json.dumps(
        {
            "script": "reference.py",
            "versions": {"python": sys.version.split()[0], "torch": torch.__version__},
            "date": "2026-11-27",
            "mlp": [
                {"activation": a, "batch_norm": n, "residual": r, "outputs": o, **mlp(a, n, r, o)}
                for a in ACTIVATIONS
                for n, r, o in [(False, False, 2), (True, True, 3)]
            ],
            "conservativity": [{"activation": a, **conservativity(a)} for a in ["tanh", "gelu", "softplus", "silu"]],
            "icnn": [{"activation": a, **icnn(a)} for a in ["softplus", "elu", "leaky_relu"]],
            "recurrent": {cell: recurrent(cell) for cell in ["tanh", "gru", "lstm"]},
            "sgd": optimiser(lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
            "adam": optimiser(lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-6)),
            "adamw": optimiser(lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)),
        },
        indent=1,
    )
)
