"""The polyphase anchor against the authors' PolyOrder, and PolyViT-S/16 against ViT-S/16 of timm.

The authors' code is no package: set POLY_UTILS to the path of `models/poly_utils.py` of the repository
willding123/Shift-Equivariant-Vision-Transformers. Its imports of old versions of timm are stood in for; the operation itself needs none.
"""

import os
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import save_file

from elinvar.symmetry import TimmClassifier, polyphase_anchor
from harness import timed, write


def poly_order():
    """The authors' operation."""
    for name, members in {"timm.models.layers": ["DropPath", "to_2tuple", "trunc_normal_"], "timm.models.twins": ["LocallyGroupedAttn"]}.items():
        stand_in = types.ModuleType(name)
        for member in members:
            setattr(stand_in, member, object)
        sys.modules[name] = stand_in
    module = types.ModuleType("poly_utils")
    exec(Path(os.environ["POLY_UTILS"]).read_text(), module.__dict__)  # noqa: S102
    return module.PolyOrder


def anchor(peer, shape, stride, threads, full=False):
    """One batch of images anchored and rolled."""
    torch.set_num_threads(threads)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    tensor = torch.from_numpy(x)
    (anchored, _), ours = timed(lambda: polyphase_anchor(x, stride=stride, full=full, n_jobs=threads), repeat=9)
    rolled, theirs = timed(lambda: peer.apply(tensor, (stride, stride), 2, full, False), repeat=9)
    same = float(np.mean([np.array_equal(a, b) for a, b in zip(anchored, rolled.numpy())]))
    return {
        "workload": f"anchor of {shape[0]} x {shape[1]} x {shape[2]} x {shape[3]}, stride {stride}{', full' if full else ''}, {threads} thread(s)",
        "elinvar": ours, "poly_order": theirs, "wall_ratio": theirs["wall_s"] / ours["wall_s"], "same_images": same,
    }


def forward(name, threads, batch=8):
    """Probabilities of a batch of images by a network with timm's random weights."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    network = timm.create_model(name, pretrained=False, num_classes=1000).eval()
    x = np.random.default_rng(0).normal(size=(batch, 3, 224, 224)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.safetensors")
        save_file(network.state_dict(), path)
        models = {kind: TimmClassifier(mean=[0.0], std=[1.0], anchor=kind == "anchored", n_jobs=threads).fit(path) for kind in ("plain", "anchored")}
    with torch.inference_mode():
        expected, theirs = timed(lambda: torch.softmax(network(torch.from_numpy(x)), 1).numpy(), repeat=5)
    found, ours = timed(lambda: models["plain"].predict_proba(x), repeat=5)
    _, anchored = timed(lambda: models["anchored"].predict_proba(x), repeat=5)
    return {
        "workload": f"forward pass of {name}, {batch} images of 224 x 224, {threads} thread(s)",
        "elinvar": ours, "anchored": anchored, "timm": theirs, "wall_ratio": theirs["wall_s"] / ours["wall_s"],
        "anchor_ratio": anchored["wall_s"] / ours["wall_s"], "largest_difference": float(np.abs(found - expected).max()),
    }


if __name__ == "__main__":
    rows = [forward(name, threads) for name in ("vit_small_patch16_224", "twins_svt_small") for threads in (1, 2)]
    peer = poly_order()
    rows += [anchor(peer, (64, 3, 224, 224), 16, threads) for threads in (1, 2)]
    rows += [anchor(peer, (64, 3, 224, 224), 4, 2), anchor(peer, (64, 96, 56, 56), 7, 2), anchor(peer, (16, 3, 224, 224), 16, 2, full=True)]
    write("polyphase-vit", rows, ["timm", "torch", "torchvision"])
