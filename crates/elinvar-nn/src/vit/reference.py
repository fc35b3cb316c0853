"""Writes reference.json: outputs and parameter gradients of the vision transformers of tests.rs by PyTorch's autograd.

Run with PyTorch installed: python reference.py > reference.json
"""
import json
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

CHANNELS, HEIGHT, WIDTH, PATCH, DIM, DEPTH, HIDDEN, OUTPUTS, IMAGES = 2, 6, 4, 2, 6, 2, 9, 3, 3
TOKENS = (HEIGHT // PATCH) * (WIDTH // PATCH)


def numbers(count, rate, phase, scale):
    return scale * torch.sin(rate * torch.arange(count, dtype=torch.float64) + phase)


def shapes(position, pool, patch_norm):
    """Names and shapes in timm's order."""
    found = {}
    if pool == "token":
        found["cls_token"] = (1, 1, DIM)
    if position == "absolute":
        found["pos_embed"] = (1, TOKENS + (pool == "token"), DIM)
    found |= {"patch_embed.proj.weight": (DIM, CHANNELS, PATCH, PATCH), "patch_embed.proj.bias": (DIM,)}
    if patch_norm:
        found |= {"patch_embed.norm.weight": (DIM,), "patch_embed.norm.bias": (DIM,)}
    if position == "circular_convolution":
        found |= {"pos_conv.weight": (DIM, 1, 3, 3), "pos_conv.bias": (DIM,)}
    for i in range(DEPTH):
        block = {"norm1.weight": (DIM,), "norm1.bias": (DIM,), "attn.qkv.weight": (3 * DIM, DIM), "attn.qkv.bias": (3 * DIM,)}
        block |= {"attn.proj.weight": (DIM, DIM), "attn.proj.bias": (DIM,), "norm2.weight": (DIM,), "norm2.bias": (DIM,)}
        block |= {"mlp.fc1.weight": (HIDDEN, DIM), "mlp.fc1.bias": (HIDDEN,), "mlp.fc2.weight": (DIM, HIDDEN), "mlp.fc2.bias": (DIM,)}
        found |= {f"blocks.{i}.{name}": shape for name, shape in block.items()}
    return found | {"norm.weight": (DIM,), "norm.bias": (DIM,), "head.weight": (OUTPUTS, DIM), "head.bias": (OUTPUTS,)}


def transformer(position, pool, heads, patch_norm):
    named = shapes(position, pool, patch_norm)
    sizes = [int(torch.tensor(shape).prod()) for shape in named.values()]
    flat = numbers(sum(sizes), 1.3, 0.7, 0.5).requires_grad_()
    p = {name: part.reshape(shape) for (name, shape), part in zip(named.items(), flat.split(sizes))}

    def linear(x, name):
        return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])

    def norm(x, name):
        return F.layer_norm(x, (DIM,), p[f"{name}.weight"], p[f"{name}.bias"], eps=1e-6)

    def attention(x, name):
        n, t, _ = x.shape
        q, k, v = linear(x, f"{name}.qkv").reshape(n, t, 3, heads, DIM // heads).permute(2, 0, 3, 1, 4)
        return linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, DIM), f"{name}.proj")

    images = numbers(IMAGES * CHANNELS * HEIGHT * WIDTH, 0.9, 0.2, 1.5).reshape(IMAGES, CHANNELS, HEIGHT, WIDTH)
    x = F.conv2d(images, p["patch_embed.proj.weight"], p["patch_embed.proj.bias"], stride=PATCH)
    if patch_norm:
        x = norm(x.permute(0, 2, 3, 1), "patch_embed.norm").permute(0, 3, 1, 2)
    if position == "circular_convolution":
        x = x + F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), p["pos_conv.weight"], p["pos_conv.bias"], groups=DIM)
    x = x.flatten(2).transpose(1, 2)
    if pool == "token":
        x = torch.cat([p["cls_token"].expand(IMAGES, -1, -1), x], dim=1)
    if position == "absolute":
        x = x + p["pos_embed"]
    for i in range(DEPTH):
        x = x + attention(norm(x, f"blocks.{i}.norm1"), f"blocks.{i}.attn")
        hidden = F.gelu(linear(norm(x, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1"))
        x = x + linear(hidden, f"blocks.{i}.mlp.fc2")
    x = norm(x, "norm")
    outputs = linear(x[:, 0] if pool == "token" else x.mean(1), "head")
    weights = numbers(outputs.numel(), 2.1, 0.4, 1.0).reshape(outputs.shape)
    (gradient,) = torch.autograd.grad((weights * outputs).sum(), [flat])
    settings = {"position": position, "pool": pool, "heads": heads, "patch_norm": patch_norm}
    return {**settings, "outputs": outputs.flatten().tolist(), "gradient": gradient.tolist()}


CASES = [
    ("absolute", "token", 2, False),
    ("absolute", "mean", 3, True),
    ("circular_convolution", "token", 3, True),
    ("circular_convolution", "mean", 2, False),
    ("none", "token", 2, False),
    ("none", "mean", 3, True),
]

versions = {"python": sys.version.split()[0], "torch": torch.__version__}
cases = [transformer(*case) for case in CASES]
print(json.dumps({"script": "reference.py", "versions": versions, "date": "2026-11-28", "cases": cases}))
