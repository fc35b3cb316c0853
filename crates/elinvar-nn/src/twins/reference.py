"""Writes reference.json: outputs and parameter gradients of the networks of tests.rs by timm's Twins and PyTorch's autograd.

The anchored networks are timm's with circular padding, whose maps are rolled here before each step, by the definition of the anchor.

Run with PyTorch and timm installed: python reference.py > reference.json
"""
import json
import sys

import timm
import torch
from timm.models.twins import Twins

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

CHANNELS, OUTPUTS, IMAGES, PATCH = 2, 3, 3, 2


def numbers(count, rate, phase, scale):
    return scale * torch.sin(rate * torch.arange(count, dtype=torch.float64) + phase)


def anchored(maps, stride):
    """Maps (n, C, H, W), each rolled so that its component of the largest sum of squares comes first."""
    phases = [(row, column) for row in range(stride) for column in range(stride)]

    def of_map(one):
        row, column = max(phases, key=lambda at: one[:, at[0] :: stride, at[1] :: stride].square().sum().item())
        return torch.roll(one, (-row, -column), dims=(1, 2))

    return torch.stack([of_map(one) for one in maps])


def anchored_tokens(tokens, size, stride):
    n, _, dim = tokens.shape
    maps = tokens.transpose(1, 2).reshape(n, dim, *size)
    return anchored(maps, stride).flatten(2).transpose(1, 2)


def anchored_features(network, window, reductions, x):
    """As timm's forward_features. Stages are such that the last anchor of one serves the patches of the next."""
    x = anchored(x, PATCH)
    for i, (embed, blocks, position) in enumerate(zip(network.patch_embeds, network.blocks, network.pos_block)):
        x, size = embed(x)
        for j, block in enumerate(blocks):
            stride = window if j % 2 == 0 else reductions[i]
            x = block(anchored_tokens(x, size, stride), size)
            if j == 0:
                x = position(x, size)
        if i < len(network.blocks) - 1:
            x = x.reshape(len(x), *size, -1).permute(0, 3, 1, 2)
    return network.norm(x)


def twins(anchor, height, width, dims, heads, depths, reductions, window, mlp_ratio):
    settings = dict(height=height, width=width, dims=dims, heads=heads, depths=depths, reductions=reductions, window=window)
    stages = len(dims)
    network = Twins(
        img_size=(height, width),
        patch_size=PATCH,
        in_chans=CHANNELS,
        num_classes=OUTPUTS,
        embed_dims=dims,
        num_heads=heads,
        mlp_ratios=[mlp_ratio] * stages,
        depths=depths,
        sr_ratios=reductions,
        wss=[window] * stages,
    ).eval()
    parameters = list(network.parameters())
    flat = numbers(sum(p.numel() for p in parameters), 1.3, 0.7, 0.5)
    with torch.no_grad():
        for p, part in zip(parameters, flat.split([p.numel() for p in parameters])):
            p.copy_(part.reshape(p.shape))
    pixels = IMAGES * CHANNELS * height * width
    images = (numbers(pixels, 0.9, 0.2, 1.5) * numbers(pixels, 0.037, 0.1, 1.0)).reshape(IMAGES, CHANNELS, height, width)
    if anchor:
        for position in network.pos_block:
            position.proj[0].padding_mode = "circular"
            position.proj[0]._reversed_padding_repeated_twice = [1, 1, 1, 1]
        outputs = network.forward_head(anchored_features(network, window, reductions, images))
    else:
        outputs = network(images)
    weights = numbers(outputs.numel(), 2.1, 0.4, 1.0).reshape(outputs.shape)
    gradients = torch.autograd.grad((weights * outputs).sum(), parameters)
    gradient = torch.cat([g.flatten() for g in gradients])
    names = [name for name, _ in network.named_parameters()]
    shapes = [list(p.shape) for p in parameters]
    settings |= {"anchor": anchor, "mlp_ratio": mlp_ratio}
    return {
        **settings,
        "names": names,
        "shapes": shapes,
        "outputs": outputs.flatten().tolist(),
        "gradient": gradient.tolist(),
    }


CASES = [
    (False, 8, 16, [4, 6], [2, 3], [2, 3], [2, 1], 2, 1.6),
    (True, 8, 16, [4, 6], [2, 3], [2, 3], [2, 1], 2, 1.6),
]

versions = {"python": sys.version.split()[0], "torch": torch.__version__, "timm": timm.__version__}
cases = [twins(*case) for case in CASES]
print(json.dumps({"script": "reference.py", "versions": versions, "date": "2026-11-28", "cases": cases}))
