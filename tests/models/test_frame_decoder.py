"""The decoder at a small configuration."""

from dataclasses import replace

import pytest
import torch

from models.autoencoder_config import AutoencoderConfig
from models.frame_decoder import CompositeHead, FlowHead
from models.layers import fir_kernel, fir_upsample
from models.motion_autoencoder import MotionAutoencoder

SMALL = AutoencoderConfig(channels=(8, 8, 8, 8), latent_dim=8, num_motion_directions=3, num_blended_levels=2)


@pytest.fixture
def autoencoder():
    torch.manual_seed(0)
    return MotionAutoencoder(SMALL).eval()


@torch.inference_mode()
def test_levels_double_and_the_last_is_the_frame(autoencoder):
    identity, coefficients, motion, features = autoencoder.encode(torch.rand(2, 3, 32, 32))
    assert coefficients.shape == (2, 3) and motion.shape == (2, 8)
    levels = list(autoencoder.dec.levels(identity + motion, features))
    images = [level.image for level in levels]
    assert [level.grid.shape for level in levels] == [(2, 8, 8, 2), (2, 16, 16, 2), (2, 32, 32, 2)]
    assert [image.shape[-1] for image in images] == [8, 16, 32]
    assert torch.equal(images[-1], autoencoder.dec(identity, motion, features))


def test_basis_is_orthonormal_and_baking_keeps_it(autoencoder):
    basis = autoencoder.dec.direction.orthonormal()
    assert torch.allclose(basis.T @ basis, torch.eye(3), atol=1e-6)
    autoencoder.dec.direction.bake()
    assert torch.equal(autoencoder.dec.direction.orthonormal(), basis)
    coefficients = torch.tensor([[1.0, -2.0, 0.5]])
    assert torch.allclose(autoencoder.dec.direction(coefficients) @ basis, coefficients, atol=1e-6)


@torch.inference_mode()
def test_blended_levels_show_what_the_decoder_paints(autoencoder):
    """Where the mask shuts the portrait out, a blended level still shows the decoder's own features."""
    for head in autoencoder.dec.to_flows:
        head.bias[:, 2] = -50.0
    identity, _, motion, features = autoencoder.encode(torch.rand(1, 3, 32, 32))
    blended = autoencoder.dec(identity, motion, features)
    warped_only = MotionAutoencoder(replace(SMALL, num_blended_levels=0)).eval()
    warped_only.load_state_dict(autoencoder.state_dict())
    assert blended.std() > 1e-2 and warped_only.dec(identity, motion, features).std() < 1e-3


@torch.inference_mode()
def test_a_composite_shows_the_portrait_where_the_mask_is_open(autoencoder):
    composing = MotionAutoencoder(replace(SMALL, composites=True)).eval()
    names = {name for name, _ in composing.named_parameters()}
    assert {name for name in names if name.startswith("dec.to_rgbs.2.")} == {"dec.to_rgbs.2.detail.weight"}
    composite = composing.dec.to_rgbs[-1]
    assert isinstance(composite, CompositeHead)
    composite.detail.weight.zero_()
    finest = composing.dec.to_flows[-1]
    assert isinstance(finest, FlowHead)
    for head in composing.dec.to_flows:
        assert isinstance(head, FlowHead)
        head.conv.weight.zero_()
        head.bias.zero_()
    image = torch.rand(1, 3, 32, 32)
    identity, _, motion, features = composing.encode(image)
    assert torch.equal(features[-1], image)
    *_, painted, _ = composing.dec.levels(identity + motion, features)
    finest.bias[:, 2] = 50.0
    shown = composing.dec(identity, motion, features)
    # A base grid of linspace(-1, 1) is half a pixel off at the edges, so only the middle is the picture itself.
    assert (shown - image)[..., 15:17, 15:17].abs().max() < 0.1
    finest.bias[:, 2] = -50.0
    expected = fir_upsample(painted.image, fir_kernel(4.0))
    assert torch.allclose(composing.dec(identity, motion, features), expected, atol=1e-5)


def test_a_composite_paints_detail_only_where_the_portrait_does_not_show():
    head = CompositeHead(4)
    generator = torch.Generator().manual_seed(0)
    x, sampled = torch.randn(1, 4, 16, 16, generator=generator), torch.randn(1, 3, 16, 16, generator=generator)
    painted = torch.zeros(1, 3, 8, 8)
    assert torch.equal(head(x, sampled, torch.ones(1, 1, 16, 16), painted), sampled)
    shut = head(x, sampled, torch.zeros(1, 1, 16, 16), painted)
    assert torch.equal(shut, head.detail(x)) and float(shut.detach().abs().max()) > 0
