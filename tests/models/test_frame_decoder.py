"""The decoder at a small configuration."""

import math
from dataclasses import replace

import pytest
import torch

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.flow_template import FlowTemplate
from models.frame_decoder import CompositeHead, FlowHead
from models.layers import fir_kernel, fir_upsample
from models.motion_autoencoder import MotionAutoencoder
from tests.export.tiny_avatar import last_template_layer

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
    assert {name for name in names if name.startswith("dec.to_rgbs.2.")} == {
        "dec.to_rgbs.2.detail.weight",
        "dec.to_rgbs.2.shade.weight",
    }
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


@torch.inference_mode()
def test_a_composite_paints_detail_where_the_portrait_does_not_show_and_shades_all_of_it():
    head = CompositeHead(4)
    assert not head.shade.weight.any(), "an untrained decoder shows the portrait as it is"
    torch.nn.init.normal_(head.shade.weight)
    generator = torch.Generator().manual_seed(0)
    x, sampled = torch.randn(1, 4, 16, 16, generator=generator), torch.randn(1, 3, 16, 16, generator=generator)
    painted = torch.zeros(1, 3, 8, 8)
    shown, hidden = torch.ones(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
    detail, shade = head.detail(x), head.shade(x)
    assert detail.abs().max() > 0.1 and shade.abs().max() > 0.1
    assert torch.allclose(head(x, sampled, shown, painted), sampled + shade)
    assert torch.allclose(head(x, sampled, hidden, painted), detail + shade)


def test_float_has_no_template_and_the_embedded_avatar_has():
    assert AutoencoderConfig().flow_template_px == 0 and EMBEDDED_AUTOENCODER.flow_template_px > 0
    with_one, without = (MotionAutoencoder(replace(SMALL, flow_template_px=size)) for size in (8, 0))
    names, usual = ({name for name, _ in model.named_parameters()} for model in (with_one, without))
    assert without.dec.template is None and not any("template" in name for name in usual)
    assert usual < names and all(name.startswith("dec.template.") for name in names - usual)


def showing_the_portrait(flow_template_px: int) -> MotionAutoencoder:
    """A decoder whose own flows are nothing and whose mask is open."""
    torch.manual_seed(0)
    model = MotionAutoencoder(replace(SMALL, composites=True, flow_template_px=flow_template_px)).eval()
    with torch.no_grad():
        for level, head in enumerate(model.dec.to_flows):
            assert isinstance(head, FlowHead)
            head.conv.weight.zero_()
            head.bias.zero_()
            # Levels add to what those before have said.
            head.bias[:, 2] = 50.0 if level == 0 else 0.0
    return model


@torch.inference_mode()
def test_a_decoder_with_a_template_begins_with_exactly_the_portrait():
    image = torch.rand(2, 3, 32, 32)
    for flow_template_px, is_exact in ((8, True), (32, True), (0, False)):
        model = showing_the_portrait(flow_template_px)
        identity, _, motion, features = model.encode(image)
        frame = model.dec(identity, motion, features)
        assert ((frame - image).abs().max() < 1e-5) == is_exact
        if model.dec.template is not None:
            assert not model.dec.template(identity + motion).any()


@torch.inference_mode()
def test_levels_below_a_templates_side_take_its_average_and_those_above_a_smooth_enlargement():
    template = FlowTemplate(8, 16).eval()
    last = template.layers[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight.normal_()
    latent = torch.randn(2, 8)
    whole = template(latent)
    assert whole.shape == (2, 3, 16, 16) and whole[:, :2].std() > 0.1 and not whole[:, 2].any()
    assert not torch.allclose(whole[0], whole[1])
    coarse, same, fine, finer = template.levels(latent, 4)
    assert torch.equal(same, whole)
    assert torch.allclose(coarse, whole.reshape(2, 3, 8, 2, 8, 2).mean((3, 5)), atol=1e-6)
    assert torch.equal(fine, fir_upsample(whole, fir_kernel(4.0)))
    assert torch.equal(finer, fir_upsample(fine, fir_kernel(4.0)))


@torch.inference_mode()
@pytest.mark.parametrize("flow_template_px", [8, 16, 32])
def test_a_template_moves_the_picture_by_what_it_says_at_every_level(flow_template_px: int):
    """Once, not once a level: the levels' own flows add to one another, the template does not."""
    model = showing_the_portrait(flow_template_px)
    last = last_template_layer(model)
    right_px, down_px, side_px = 4, -2, 32
    num_cells = flow_template_px**2
    last.bias[:num_cells], last.bias[num_cells:] = (math.atanh(2 * px / side_px) for px in (right_px, down_px))
    image = torch.rand(1, 3, side_px, side_px)
    identity, _, motion, features = model.encode(image)
    levels = list(model.dec.levels(identity + motion, features))
    for level, head in zip(levels, model.dec.to_flows, strict=True):
        assert isinstance(head, FlowHead)
        # Enlarging takes what lies outside for zero, so the edge is drawn towards it.
        inner = slice(level.grid.shape[1] // 8, -level.grid.shape[1] // 8)
        moved = (level.grid[0] - head.base)[inner, inner]
        expected = torch.tensor([2 * right_px / side_px, 2 * down_px / side_px])
        assert torch.allclose(moved, expected.expand_as(moved), atol=1e-5)
    inner = slice(6, 26)
    from_rows, from_columns = (slice(6 + away, 26 + away) for away in (down_px, right_px))
    assert torch.allclose(levels[-1].image[..., inner, inner], image[..., from_rows, from_columns], atol=1e-4)
