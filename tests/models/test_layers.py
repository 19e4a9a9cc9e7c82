"""Building blocks against their definitions."""

import numpy as np
import torch
import torch.nn.functional as F

from models.layers import ModulatedConv2d, StyledConv, fir_filter, fir_kernel, fir_upsample, scaled_leaky_relu


def test_fir_upsample_is_zeros_padding_and_blur():
    x = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    spread = torch.zeros(2, 3, 10, 14)
    spread[:, :, ::2, ::2] = x
    expected = fir_filter(spread, fir_kernel(4.0), (2, 1))
    assert torch.allclose(fir_upsample(x, fir_kernel(4.0)), expected, atol=1e-6)
    # Gain 4 keeps a constant where the edge is far.
    assert torch.allclose(fir_upsample(torch.ones(1, 1, 8, 8), fir_kernel(4.0))[..., 4:-4, 4:-4], torch.ones(1))


def test_modulation_equals_a_weight_of_each_sample():
    torch.manual_seed(1)
    layer = StyledConv(6, 5, 8)
    torch.nn.init.normal_(layer.activate.bias)
    x, latent = torch.randn(3, 6, 9, 9), torch.randn(3, 8)
    style = F.linear(latent, layer.conv.modulation.weight / np.sqrt(8), layer.conv.modulation.bias)
    for index in range(3):
        weight = layer.conv.weight[0] / np.sqrt(6 * 9) * style[index, None, :, None, None]
        weight = weight * torch.rsqrt(weight.square().sum((1, 2, 3), keepdim=True) + 1e-8)
        expected = scaled_leaky_relu(F.conv2d(x[index : index + 1], weight, padding=1) + layer.activate.bias)
        assert torch.allclose(layer(x, latent)[index : index + 1], expected, atol=1e-5)


def test_folded_up_sampling_is_the_same_convolution():
    torch.manual_seed(2)
    plain = ModulatedConv2d(4, 6, 3, 8, up_sample=True)
    folded = ModulatedConv2d(4, 6, 3, 8, up_sample=True, folded=True)
    folded.load_state_dict(plain.state_dict())
    x, style = torch.randn(2, 4, 7, 5), torch.randn(2, 4)
    assert plain(x, style).shape == (2, 6, 14, 10)
    assert torch.allclose(plain(x, style), folded(x, style), atol=1e-5)
