"""Built-in networks fit every size, and are what the published tables describe."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from entropae.nn import pair
from entropae.nn.convolutions import ConvDecoder, ConvEncoder
from entropae.nn.mlp import Clip, MLPDecoder, MLPEncoder
from entropae.nn.residual import Cells


@pytest.mark.parametrize("channels", [2, 4, 12])
def test_convolutions_take_any_number_of_channels(channels):
    """Multispectral images, spectrograms of several microphones."""
    shape = (channels, 12, 16)
    encoder, decoder = pair("conv", shape, 6, 5, width=2, output="linear")
    assert encoder(torch.randn(3, *shape)).shape == (3, 6)
    assert decoder(torch.randn(3, 5)).shape == (3, *shape)


@pytest.mark.parametrize("size", [8, 9, 14, 16, 28, 31, 32, 64, 65, 128, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_convolutions_fit_every_size(size, channels):
    shape = (channels, size, size)
    encoder, decoder = pair("conv", shape, 6, 5, width=2)
    assert encoder(torch.rand(2, *shape)).shape == (2, 6)
    out = decoder(torch.randn(2, 5))
    assert out.shape == (2, *shape)
    assert (out > 0).all()
    assert (out < 1).all()


def test_images_need_not_be_square():
    encoder, decoder = pair("conv", (3, 24, 40), 4, 4, width=2)
    assert encoder(torch.rand(2, 3, 24, 40)).shape == (2, 4)
    assert decoder(torch.randn(2, 4)).shape == (2, 3, 24, 40)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("i", [0, 1], ids=["encoder", "decoder"])
def test_convolutions_have_channels_last(i, channels):
    """In memory, all the way: it is faster, and the values are those of channels first."""
    network = pair("conv", (channels, 16, 16), 6, 6, width=2)[i]
    x = [torch.rand(5, channels, 16, 16), torch.rand(5, 6)][i]
    seen = []
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            part.register_forward_hook(lambda *passed: seen.append(passed[-1]))
    found = network(x)
    assert all(out.is_contiguous(memory_format=torch.channels_last) for out in seen)
    seen.clear()
    other = network.to(memory_format=torch.contiguous_format)(x)
    assert not any(out.is_contiguous(memory_format=torch.channels_last) for out in seen[:2])
    assert torch.allclose(found, other, atol=1e-5)


def test_published_architecture_at_32_pixels():
    """Latent 128, width 128: convolutions to 128, 256, 512, 1024; from 8·8·1024 to 512, 256."""
    encoder, decoder = ConvEncoder((3, 32, 32), 128), ConvDecoder((3, 32, 32), 128)
    down = [m.out_channels for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    up = [m.out_channels for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert down == [128, 256, 512, 1024]
    assert up == [512, 256]
    linear = next(m for m in decoder.modules() if isinstance(m, nn.Linear))
    assert linear.out_features == 8 * 8 * 1024


def test_published_decoder_at_64_pixels_has_one_more_stage():
    decoder = ConvDecoder((3, 64, 64), 64)
    up = [m.out_channels for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert up == [512, 256, 128]


def test_every_pixel_of_the_input_counts():
    for size in (8, 28, 31):
        encoder = ConvEncoder((1, size, size), 3, width=16).eval()
        x = torch.rand(1, 1, size, size, requires_grad=True)
        encoder(x).sum().backward()
        assert (x.grad != 0).float().mean() > 0.9
        assert x.grad[0, 0, -1].abs().sum() > 0


def test_mlp_takes_any_shape_and_both_outputs():
    encoder = MLPEncoder((2, 7), 4, hidden=(9, 8))
    decoder = MLPDecoder((2, 7), 3, hidden=(9, 8), output="linear")
    assert encoder(torch.randn(5, 2, 7)).shape == (5, 4)
    assert decoder(torch.randn(5, 3)).shape == (5, 2, 7)
    assert decoder(100 * torch.randn(50, 3)).min() < 0
    widths = [m.out_features for m in decoder.modules() if isinstance(m, nn.Linear)]
    assert widths == [8, 9, 14]


def test_values_beyond_a_bound_are_pulled_back_only_where_the_data_are_within() -> None:
    x = torch.tensor([-0.5, -0.5, 0.3, 1.5, 1.5], requires_grad=True)
    target = torch.tensor([0.0, 0.2, 0.0, 1.0, 0.9])
    clip = Clip()
    ((clip(x) - target) ** 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([0, -0.4, 0.6, 0, 0.2])
    # Whatever the error asks for, nothing is driven away from the bound that it has passed.
    x.grad = None
    (2 * clip(x)).sum().backward()
    assert x.grad.tolist() == [0, 0, 2, 2, 2]
    assert clip.eval()(x).tolist() == pytest.approx([0, 0, 0.3, 1, 1])


@pytest.mark.parametrize("shape", [(784,), (0, 28, 28), (1, 4, 28), (1, 300, 300)])
def test_convolutions_refuse_other_shapes(shape):
    with pytest.raises(ValueError, match="got"):
        ConvEncoder(shape, 4)


def test_auto_chooses_by_size():
    assert isinstance(pair("auto", (1, 8, 8), 2, 2)[0], MLPEncoder)
    assert isinstance(pair("auto", (3, 32, 32), 2, 2)[0], ConvEncoder)
    assert isinstance(pair("auto", (1, 28, 28), 2, 2)[0], MLPEncoder)
    assert isinstance(pair("auto", (100,), 2, 2)[0], MLPEncoder)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 20, 33), (1, 28, 28), (3, 64, 48), (2, 16, 16)])
@pytest.mark.parametrize("linear", [False, True])
def test_residual_networks_fit_every_size(shape: tuple[int, ...], linear: bool) -> None:
    networks = pair("residual", shape, 6, 5, width=2, output="clip", linear=linear, hidden=(8,))
    encoder, decoder = networks
    assert encoder(torch.rand(3, *shape)).shape == (3, 6)
    out = decoder.eval()(torch.randn(3, 5))
    assert out.shape == (3, *shape)
    assert out.min() >= 0
    assert out.max() <= 1


def test_cells_joined_are_the_image() -> None:
    x = torch.rand(2, 3, 20, 33)
    cells = Cells((3, 20, 33))
    torch.testing.assert_close(cells.joined(cells.cut(x)), 2 * x - 1)


def test_principal_components_of_a_residual_network_are_not_trained() -> None:
    """Adam's steps are of one size: thousands of pixels would move the code by whole units."""
    networks = pair("residual", (1, 16, 16), 4, 4, linear=True, hidden=(8,))
    fixed = [name for n in networks for name, w in n.named_parameters() if not w.requires_grad]
    assert fixed == ["direct.weight", "direct.bias"] * 2
