"""Writes reference.json: outputs and gradients of the convolutional networks of tests.rs by PyTorch's autograd.

Run with PyTorch installed: python reference.py > reference.json
"""
import json
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

IMAGES, CHANNELS, HEIGHT, WIDTH, OUTPUTS = 3, 4, 7, 6, 6


def numbers(count, rate, phase, scale):
    return scale * torch.sin(rate * torch.arange(count, dtype=torch.float64) + phase)


def convolution(kernel, stride, padding, border, groups):
    shape = (OUTPUTS, CHANNELS // groups, *kernel)
    size = int(torch.tensor(shape).prod())
    flat = numbers(size + OUTPUTS, 1.3, 0.7, 0.5).requires_grad_()
    weight, bias = flat[:size].reshape(shape), flat[size:]
    images = numbers(IMAGES * CHANNELS * HEIGHT * WIDTH, 0.9, 0.2, 1.5).reshape(IMAGES, CHANNELS, HEIGHT, WIDTH).requires_grad_()
    (top, side), mode = padding, {"zeros": "constant", "circular": "circular"}[border]
    outputs = torch.tanh(F.conv2d(F.pad(images, (side, side, top, top), mode=mode), weight, bias, stride=stride, groups=groups))
    weights = numbers(outputs.numel(), 2.1, 0.4, 1.0).reshape(outputs.shape)
    gradient, by_images = torch.autograd.grad((weights * outputs).sum(), [flat, images])
    settings = {"kernel": kernel, "stride": stride, "padding": padding, "border": border, "groups": groups}
    results = {"outputs": outputs.flatten().tolist(), "gradient": gradient.tolist(), "image_gradient": by_images.flatten().tolist()}
    return {**settings, **results}


CASES = [
    ((3, 3), (1, 1), (1, 1), "zeros", 1),
    ((3, 3), (1, 1), (1, 1), "circular", 1),
    ((3, 2), (2, 1), (2, 1), "circular", 2),
    ((2, 5), (1, 3), (0, 4), "zeros", 1),
    ((1, 1), (2, 2), (0, 0), "zeros", 2),
]

versions = {"python": sys.version.split()[0], "torch": torch.__version__}
cases = [convolution(*case) for case in CASES]
print(json.dumps({"script": "reference.py", "versions": versions, "date": "2026-11-29", "cases": cases}))
