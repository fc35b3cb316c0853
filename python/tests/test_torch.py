"""Anchors inside PyTorch networks; PyTorch is optional."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from elinvar.symmetry import polyphase_anchor, restore  # noqa: E402
from elinvar.torch import PolyOrder, strided_layers, wrap  # noqa: E402


def network():
    torch.manual_seed(0)
    patches = torch.nn.Conv2d(3, 8, 4, stride=4)
    circular = torch.nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")
    return torch.nn.Sequential(patches, circular, torch.nn.GELU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 5))


def images(seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(6, 3, 16, 24)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_wrapped_network_is_invariant(dtype):
    x, plain = images().to(dtype), network().to(dtype)
    moved = torch.roll(x, (3, 5), (2, 3))
    assert not torch.allclose(plain(x), plain(moved), rtol=1e-2)
    wrapped = wrap(network().to(dtype))
    tolerance = 1e-2 if dtype == torch.bfloat16 else 1e-5
    assert torch.allclose(wrapped(x), wrapped(moved), rtol=tolerance, atol=tolerance)


def test_it_rolls_as_the_function_does_and_its_gradient_rolls_back():
    x = images().requires_grad_()
    order = PolyOrder(4, full=True)
    y = order(x)
    anchored, offset = polyphase_anchor(x.detach().numpy(), stride=4, full=True)
    assert np.array_equal(y.detach().numpy(), anchored) and np.array_equal(order.offset_.numpy(), offset)
    weights = images(1)
    (y * weights).sum().backward()
    assert np.array_equal(x.grad.numpy(), restore(weights.numpy(), offset))


def test_strided_layers_are_found_and_named():
    model = network()
    assert strided_layers(model) == {"0": 4}
    with pytest.raises(ValueError, match="no layer 'patch_embed'; its strided layers are: 0"):
        wrap(model, {"patch_embed": 4})
    with pytest.raises(ValueError, match="no strided layer"):
        wrap(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="not divisible by stride 16"):
        wrap(network(), {"0": 16})(images())
