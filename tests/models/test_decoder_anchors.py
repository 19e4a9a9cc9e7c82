"""The decoder hears anchors: they move the picture where they lie, and what they carry reaches its finest levels."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.face_anchors import FACE_PART, NUM_ANCHORS, NUM_TRACKED, Anchors, anchors_at
from models.frame_decoder import FlowHead
from models.motion_autoencoder import MotionAutoencoder
from tests.export.tiny_avatar import anchor_inputs

SIDE_PX = 128
HEARING = AutoencoderConfig(
    channels=(8, 8, 8, 8, 8, 4),
    latent_dim=8,
    num_motion_directions=3,
    num_blended_levels=2,
    composites=True,
    flow_template_px=8,
    reads_apart=True,
    num_anchor_features=4,
)
DEAF = replace(HEARING, num_anchor_features=0)


def all_over_the_face(right_px: float = 0.0, down_px: float = 0.0) -> Anchors:
    """Anchors in a grid, all so far from the same spot of the portrait."""
    rows, columns = torch.meshgrid(torch.arange(19), torch.arange(16), indexing="ij")
    places = torch.stack([FACE_PART.left + 2.9 * columns, FACE_PART.top + 2.5 * rows], -1).reshape(-1, 2)
    # In any order, so that those that are tracked lie everywhere.
    here = (places[torch.randperm(len(places), generator=torch.Generator().manual_seed(0))] / 64)[None, :NUM_ANCHORS]
    return anchors_at(here, here + torch.tensor([right_px, down_px]) / SIDE_PX, SIDE_PX)


def showing_the_portrait(config: AutoencoderConfig = HEARING) -> MotionAutoencoder:
    """A decoder whose own flows are nothing and whose mask is open."""
    torch.manual_seed(0)
    model = MotionAutoencoder(config, with_reader=False).eval()
    with torch.no_grad():
        for level, head in enumerate(model.dec.to_flows):
            assert isinstance(head, FlowHead)
            head.conv.weight.zero_()
            # Enlarging takes what lies outside for zero: open enough for the edges, too.
            head.bias[:, 2] = 500.0 if level == 0 else 0.0
    return model


def smooth_picture() -> Tensor:
    """[1, 3, SIDE_PX, SIDE_PX], so smooth that it can be compared between pixels."""
    y, x = torch.meshgrid(*[torch.linspace(0, 6, SIDE_PX)] * 2, indexing="ij")
    return torch.stack([torch.sin(x + 2 * y), torch.cos(2 * x), torch.sin(y - x)])[None]


def appearance(model: MotionAutoencoder, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The identity latent and feature maps of somebody of the usual shape."""
    identity, features = model.enc.appearance(picture, torch.zeros(len(picture), 480))
    return identity, features


@torch.inference_mode()
def test_the_picture_moves_as_its_anchors_do() -> None:
    model, picture = showing_the_portrait(), smooth_picture()
    identity, features = appearance(model, picture)
    still, moved = (
        list(model.dec.levels(identity, features, anchors=all_over_the_face(*move)))
        for move in ((0.0, 0.0), (6.0, -4.0))
    )
    assert (still[-1].image - picture).abs().max() < 1e-4
    inner = slice(40, 100)
    expected = picture[..., 36:96, 46:106]
    assert (picture[..., inner, inner] - expected).abs().mean() > 0.2
    assert (moved[-1].image[..., inner, inner] - expected).abs().mean() < 0.03
    # The two finest levels follow, those before know nothing of anchors.
    for level, (before, after) in enumerate(zip(still, moved, strict=True)):
        if level < 3:
            assert torch.equal(before.grid, after.grid)
            continue
        side = before.grid.shape[1]
        middle = slice(5 * side // 16, 12 * side // 16)
        way = (after.grid - before.grid)[0, middle, middle] * SIDE_PX / 2
        # What is left lies between anchors, where some are not tracked.
        assert torch.allclose(way.mean((0, 1)), torch.tensor([6.0, -4.0]), rtol=0.06)
        assert (way - torch.tensor([6.0, -4.0])).abs().max() < 1
        assert torch.equal(before.mask, after.mask)
    # Hair and room stay.
    assert torch.allclose(moved[-1].image[..., :20, :], picture[..., :20, :], atol=1e-3)


@torch.inference_mode()
def test_a_wrong_flow_of_the_decoders_own_is_set_right() -> None:
    model, picture = showing_the_portrait(), smooth_picture()
    identity, features = appearance(model, picture)
    head = model.dec.to_flows[1]
    assert isinstance(head, FlowHead)
    head.bias[:, 0] = 0.1
    inner = slice(40, 100)
    wrong, right = (
        list(model.dec.levels(identity, features, anchors=anchors))
        for anchors in (all_over_the_face(6.4), all_over_the_face())
    )
    # What says the same as the flow leaves it, and what says that all stands still brings it back.
    moved = (wrong[-1].image - picture)[..., inner, inner].abs().mean()
    head = model.dec.to_flows[2]
    assert isinstance(head, FlowHead)
    assert (wrong[2].grid - head.base).abs().max() > 0.09
    assert moved > 0.2
    assert (right[-1].image - picture)[..., inner, inner].abs().mean() < 0.1 * moved


@torch.inference_mode()
def test_anchors_go_to_a_decoder_that_hears_them_and_to_no_other() -> None:
    picture = smooth_picture()
    for config, anchors in ((HEARING, None), (DEAF, all_over_the_face())):
        model = showing_the_portrait(config)
        identity, features = appearance(model, picture)
        with pytest.raises(AssertionError, match="anchors go to a decoder that hears them"):
            next(model.dec.levels(identity, features, anchors=anchors))
    told = MotionAutoencoder(HEARING).eval()
    identity, features = appearance(told, picture)
    with pytest.raises(AssertionError, match="anchors are told from what was read of a face"):
        told.dec(identity, torch.zeros(1, 8), features)


@torch.inference_mode()
def test_what_anchors_carry_changes_nothing_until_it_is_learned() -> None:
    model, picture = showing_the_portrait(), smooth_picture()
    identity, features = appearance(model, picture)
    anchors = all_over_the_face()
    assert model.dec.anchor_field is not None
    carried = model.dec.anchor_field.features

    def frame() -> Tensor:
        *_, last = model.dec.levels(identity, features, anchors=anchors)
        return last.image

    first = frame()
    carried.zero_()
    assert torch.equal(frame(), first)
    for layer in anchor_inputs(model):
        assert not layer.conv.weight.any()
        layer.conv.weight.normal_()
    assert torch.equal(frame(), first), "nothing is carried"
    carried.normal_()
    changed = (frame() - first).abs().amax((0, 1))
    # Where the portrait shows, its shade is nothing yet: let what is painted be seen.
    assert changed.max() < 1e-4
    head = model.dec.to_flows[0]
    assert isinstance(head, FlowHead)
    head.bias[:, 2] = -50.0
    painted = frame()
    carried.zero_()
    changed = (painted - frame()).abs().amax((0, 1))
    face = changed[2 * FACE_PART.top : 2 * FACE_PART.bottom, 2 * FACE_PART.left : 2 * FACE_PART.right]
    assert face.median() > 0.05
    # Two convolutions and an enlargement away from the face nothing has changed.
    assert not changed[:12].any() and not changed[:, :4].any()


def test_only_a_decoder_that_hears_anchors_has_parameters_for_them() -> None:
    assert AutoencoderConfig().num_anchor_features == 0 and EMBEDDED_AUTOENCODER.num_anchor_features > 0
    hearing, deaf, apart = (
        {name: parameter.shape for name, parameter in model.named_parameters()}
        for model in (
            MotionAutoencoder(HEARING),
            MotionAutoencoder(DEAF),
            MotionAutoencoder(HEARING, with_reader=False),
        )
    )
    assert not any("anchor" in name for name in deaf)
    assert deaf.keys() < hearing.keys() and all(hearing[name] == shape for name, shape in deaf.items())
    more = hearing.keys() - deaf.keys()
    assert {name.split(".")[1] for name in more} == {"anchor_field", "anchor_motion", "from_anchors"}
    assert all(name.startswith("dec.") for name in more)
    assert hearing["dec.anchor_field.features"] == (NUM_ANCHORS, 4)
    assert [hearing[f"dec.from_anchors.{level}.conv.weight"] for level in (0, 1)] == [(8, 4, 1, 1), (4, 4, 1, 1)]
    # What is trained apart, reader and what tells anchors, is left out together.
    assert {name.split(".")[1] for name in hearing.keys() - apart.keys()} == {"reader", "anchor_motion"}


@torch.inference_mode()
def test_a_frame_is_painted_by_what_is_told_of_the_face_and_the_motion() -> None:
    torch.manual_seed(0)
    model = MotionAutoencoder(HEARING).eval()
    told = model.dec.anchor_motion
    assert told is not None and model.enc.reader is not None
    told.usual.uniform_(0.25, 0.9)
    picture = torch.cat([smooth_picture(), smooth_picture().flip(3)])
    identity, features = appearance(model, picture)
    coefficients, face = torch.randn(2, 3), torch.randn(2, 483)
    motion = model.dec.direction(coefficients)
    frame = model.dec(identity, motion, features, face)
    *_, last = model.dec.levels(identity + motion, features, anchors=told(face, coefficients))
    assert torch.allclose(frame, last.image, atol=1e-4)
    other = model.dec(identity, motion, features, face.roll(1, 0))
    assert (other - frame).abs().max() > 1e-2
    # A portrait in a motion takes the face from its own reading.
    read = model.enc.reader(picture)
    assert torch.equal(read.face, torch.cat([read.shape, read.motion], 1)) and read.face.shape == (2, 483)
    identity, _, _, features = model.encode(picture)
    assert torch.equal(model(picture, motion), model.dec(identity, motion, features, read.face))


@torch.inference_mode()
def test_each_of_a_batch_has_anchors_of_its_own() -> None:
    model, picture = showing_the_portrait(), smooth_picture()
    first, second = all_over_the_face(), all_over_the_face(5.0, 5.0)
    both = Anchors(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
    assert both.back.shape == (2, NUM_TRACKED, 2)
    identity, features = appearance(model, picture.expand(2, -1, -1, -1))
    *_, together = model.dec.levels(identity, features, anchors=both)
    identity, features = appearance(model, picture)
    for number, anchors in enumerate((first, second)):
        *_, alone = model.dec.levels(identity, features, anchors=anchors)
        assert torch.allclose(together.image[number : number + 1], alone.image, atol=1e-4)
    assert F.l1_loss(together.image[0], together.image[1]) > 0.05


def test_anchors_ask_for_pictures_of_128_px() -> None:
    replace(HEARING, channels=HEARING.channels[-6:])
    with pytest.raises(AssertionError, match="of pictures of 64 px, expected 0 below 128 px"):
        replace(HEARING, channels=HEARING.channels[-5:])
