"""Polyphase anchors in front of the layers of a PyTorch network (Ding et al. 2023, arXiv:2306.07470).

Strided convolutions and attention in windows see another grid when an image moves by a pixel. Behind an anchor of their stride they see
the same one, so that a network of shift-equivariant layers stays equivariant to circular shifts. PyTorch is not needed for the rest of
Elinvar, and is not installed with it.
"""

import numpy as np
import torch

from .symmetry import polyphase_anchor

__all__ = ["PolyOrder", "strided_layers", "wrap"]


class PolyOrder(torch.nn.Module):
    """Rolls each map of a batch (n, channels, height, width) so that its strongest polyphase component comes first.

    Offsets are constants to the tape: the gradient is rolled back by them. Their search runs on the CPU.

    Parameters
    ----------
    stride : int
        Rows and columns from one pixel of a component to the next; it must divide those of the maps.
    full : bool, default=False
        Whether the strongest pixel of the component comes first, so that shifted maps become equal.
    norm : {"l2", "l1", "linf"}, default="l2"
        Norm by which components are compared.
    tie_break : {"keys", "none"}, default="keys"
        What decides between components of equal norm.

    Attributes
    ----------
    offset_ : Tensor of shape (n, 2)
        Rows and columns by which the last batch was rolled, for :func:`elinvar.symmetry.restore`.
    """

    def __init__(self, stride, *, full=False, norm="l2", tie_break="keys"):
        super().__init__()
        self.settings = {"stride": stride, "full": full, "norm": norm, "tie_break": tie_break}

    def forward(self, x):
        """Rolls the maps.

        Parameters
        ----------
        x : Tensor of shape (n, channels, height, width)
            Maps.

        Returns
        -------
        Tensor of shape (n, channels, height, width)
        """
        maps = x.detach().to("cpu", torch.float32 if x.dtype != torch.float64 else torch.float64).numpy()
        offset = np.asarray(polyphase_anchor(maps, **self.settings)[1]).astype(np.int64)
        self.offset_ = torch.from_numpy(offset).to(x.device)
        n, channels, height, width = x.shape
        rows = (torch.arange(height, device=x.device) + self.offset_[:, :1]) % height
        columns = (torch.arange(width, device=x.device) + self.offset_[:, 1:]) % width
        which = torch.arange(n, device=x.device)[:, None, None, None]
        channel = torch.arange(channels, device=x.device)[:, None, None]
        return x[which, channel, rows[:, None, :, None], columns[:, None, None, :]]

    def extra_repr(self):
        """The settings, for `print`."""
        return ", ".join(f"{name}={value!r}" for name, value in self.settings.items())


def strided_layers(model):
    """Names and strides of the layers of a network that see a grid: convolutions and pooling with a stride above 1.

    Parameters
    ----------
    model : torch.nn.Module
        Network.

    Returns
    -------
    dict of str to int
    """
    kinds = (torch.nn.Conv2d, torch.nn.MaxPool2d, torch.nn.AvgPool2d)
    strides = {name: _stride(layer) for name, layer in model.named_modules() if isinstance(layer, kinds)}
    return {name: stride for name, stride in strides.items() if stride > 1}


def _stride(layer):
    stride = layer.stride if isinstance(layer.stride, tuple) else (layer.stride, layer.stride)
    if stride[0] != stride[1]:
        raise ValueError(f"an anchor needs one stride for rows and columns, got {stride}")
    return stride[0]


def wrap(model, strides=None, **settings):
    """Puts an anchor in front of layers of a network, in place.

    A layer inside a residual branch moves against its skip: name the block whose input both share in its stead. Zero padding and absolute
    positions break equivariance whatever comes before; pad in a circle.

    Parameters
    ----------
    model : torch.nn.Module
        Network, such as a vision transformer of timm.
    strides : dict of str to int, default=None
        Names of layers or blocks that take maps (n, channels, height, width), and the stride of the anchor of each. None anchors the first
        strided layer, with the product of the strides of all.
    **settings
        `full`, `norm` and `tie_break` of :class:`PolyOrder`.

    Returns
    -------
    torch.nn.Module
        The same network.
    """
    found = strided_layers(model)
    if strides is None:
        if not found:
            raise ValueError("the network has no strided layer: name the layers to anchor in strides")
        strides = {next(iter(found)): int(np.prod(list(found.values())))}
    layers = dict(model.named_modules())
    for name, stride in strides.items():
        if name not in layers:
            raise ValueError(f"the network has no layer {name!r}; its strided layers are: {', '.join(found) or 'none'}")
        order = PolyOrder(stride, **settings)
        layers[name].register_forward_pre_hook(lambda layer, inputs, order=order: (order(inputs[0]), *inputs[1:]))
    return model
