"""Anchors are told to a fraction of a pixel, carry features to what is near, and set a flow right where they lie."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.face_anchors import (
    FACE_PART,
    NUM_ANCHORS,
    NUM_TRACKED,
    AnchorField,
    AnchorInput,
    AnchorMotion,
    Anchors,
    HeardAnchors,
    anchors_at,
    counted,
    num_face_values,
)
from models.face_reader import NUM_SHAPE_POINTS
from models.picture_window import Window

SIDES_PX = (128, 256)
NUM_DIRECTIONS = 3
# Middle points of the upper and the lower lid of each eye, as the painter's landmarks number them.
LIDS = ((96, 103), (129, 136))
FAR = -8.0
CELL_PX = 2


def lone(places: dict[int, tuple[float, float]], side_px: int = 128) -> Anchors:
    """Anchors far outside the picture but for some, in pixels; the same spots of the portrait."""
    here = torch.full((1, NUM_ANCHORS, 2), FAR)
    for number, place in places.items():
        here[0, number] = torch.tensor(place) / side_px
    return anchors_at(here, here, side_px)


def face_full_of_anchors(side_px: int, seed: int = 0) -> Tensor:
    """Places all over the face's part of the picture, one a cell of a grid that is a little shaken: 0 to 1."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(18), torch.arange(17), indexing="ij")
    grid = torch.stack([(columns + 0.5) / 17, (rows + 0.5) / 18], -1).reshape(-1, 2)
    grid = grid + 0.02 * (torch.rand(grid.shape, generator=generator) - 0.5)
    low, size = torch.tensor([FACE_PART.left, FACE_PART.top]), torch.tensor([46, 48])
    # In any order, so that those that are tracked lie everywhere.
    order = torch.randperm(len(grid), generator=generator)[:NUM_ANCHORS]
    return ((low + grid * size) / 64)[order][None]


def open_eyes(here: Tensor, side_px: int) -> Tensor:
    """The same places with lids ten pixels apart, so that irises count."""
    here = here.clone()
    for upper, lower in LIDS:
        here[:, lower] = here[:, upper] + torch.tensor([0.0, 10 / side_px])
    return here


def waves(places: Tensor, size: float) -> Tensor:
    """A smooth field [..., 2] over places [..., 2] of a picture, 0 to 1; no more than `size` long along an axis."""
    x, y = places.unbind(-1)
    return size * torch.stack([torch.sin(5 * y + 1), torch.cos(4 * x + 3 * y)], -1)


def pixels(side: int) -> Tensor:
    """The middle of each pixel of a map, 0 to 1: [side, side, 2], x and y."""
    axis = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y], -1)


def at(flow: Tensor, places: Tensor) -> Tensor:
    """A map [B, 2, S, S] at places [B, N, 2], 0 to 1: [B, N, 2]."""
    return F.grid_sample(flow, 2 * places[:, :, None] - 1, align_corners=False)[..., 0].mT


def heard_by(anchors: Anchors, side_px: int, num_features: int = 5, part: Window | None = None) -> HeardAnchors:
    """What pixels hear of anchors that carry something by chance, the same at every call."""
    torch.manual_seed(1)
    heard: HeardAnchors = AnchorField(side_px, num_features)(anchors, part)
    return heard


def test_a_place_is_its_whole_pixels_and_what_is_left() -> None:
    generator = torch.Generator().manual_seed(0)
    here, there = 1.4 * torch.rand(2, 3, NUM_ANCHORS, 2, generator=generator) - 0.2
    found = anchors_at(here, there, 128)
    assert torch.equal(found.whole, found.whole.round())
    assert (found.rest >= 0).all() and (found.rest < 1).all() and found.rest.std() > 0.2
    assert found.whole.min() < 0, "some lie outside of the picture"
    assert torch.equal(found.place, found.whole + found.rest)
    assert torch.allclose(found.place, here * 128, atol=1e-4)
    assert found.back.shape == (3, NUM_TRACKED, 2) and NUM_TRACKED == NUM_SHAPE_POINTS + 2
    assert torch.allclose(found.place[:, :NUM_TRACKED] + found.back, there[:, :NUM_TRACKED] * 128, atol=1e-4)


@pytest.mark.parametrize(("gap_px", "expected"), [(-1.0, 0.0), (2.0, 0.0), (4.0, 0.5), (6.0, 1.0), (30.0, 1.0)])
def test_irises_count_as_far_as_lids_are_open_and_everything_else_counts(gap_px: float, expected: float) -> None:
    shut, other = LIDS
    places = {shut[0]: (40.0, 50.0), shut[1]: (41.0, 50.0 + gap_px), other[0]: (90.0, 50.0), other[1]: (91.0, 60.0)}
    counts = counted(lone(places))
    assert counts.shape == (1, NUM_TRACKED)
    assert (counts[:, :NUM_SHAPE_POINTS] == 1).all()
    left, right = counts[0, NUM_SHAPE_POINTS:].tolist()
    assert left == pytest.approx(expected, abs=1e-4) and right == 1
    # The other eye alike.
    mirrored = {other[0]: places[shut[0]], other[1]: places[shut[1]], shut[0]: (9.0, 9.0), shut[1]: (9.0, 19.0)}
    left, right = counted(lone(mirrored))[0, NUM_SHAPE_POINTS:].tolist()
    assert left == 1 and right == pytest.approx(expected, abs=1e-4)


def told_by_chance(side_px: int = 128) -> AnchorMotion:
    """Tells of anchors by random weights, from places all over the face."""
    torch.manual_seed(0)
    model = AnchorMotion(NUM_DIRECTIONS, side_px)
    model.usual.copy_(face_full_of_anchors(side_px)[0])
    return model.eval()


def a_face(num_faces: int, seed: int = 2) -> tuple[Tensor, Tensor]:
    """What was read of so many faces, and a motion for each."""
    generator = torch.Generator().manual_seed(seed)
    face = torch.randn(num_faces, num_face_values(NUM_DIRECTIONS), generator=generator)
    return face, torch.randn(num_faces, NUM_DIRECTIONS, generator=generator)


@torch.inference_mode()
def test_without_weights_anchors_lie_where_they_usually_do() -> None:
    model = told_by_chance()
    for parameter in model.parameters():
        parameter.zero_()
    found = model(*a_face(3))
    assert found.whole.shape == found.rest.shape == (3, NUM_ANCHORS, 2) and found.back.shape == (3, NUM_TRACKED, 2)
    assert torch.allclose(found.place, (model.usual * 128).expand(3, -1, -1), atol=1e-4)
    assert not found.back.any()


@torch.inference_mode()
def test_the_face_and_the_motion_tell_where_anchors_lie() -> None:
    model = told_by_chance()
    assert num_face_values(NUM_DIRECTIONS) == 480 + NUM_DIRECTIONS
    face, motion = a_face(3)
    found = model(face, motion)
    assert torch.equal(found.whole, found.whole.round())
    assert found.rest.min() > -1e-4 and found.rest.max() < 1 + 1e-4 and found.rest.std() > 0.2
    moved, back = model.moves(face, motion)
    assert torch.allclose(found.place, moved + model.usual * 128, atol=1e-4) and torch.equal(found.back, back)
    assert moved.abs().mean() > 0.1
    # Each of a batch as if it were alone.
    alone = model(face[1:2], motion[1:2])
    assert torch.allclose(found.place[1:2], alone.place, atol=1e-4)
    assert torch.allclose(found.back[1:2], alone.back, atol=1e-4)
    for changed in (model(face.roll(1, 0), motion), model(face, motion.roll(1, 0))):
        assert (changed.place - found.place).abs().max() > 0.05 and (changed.back - found.back).abs().max() > 0.05


@pytest.mark.parametrize("side_px", SIDES_PX)
@torch.inference_mode()
def test_beside_an_anchor_that_stands_alone_pixels_hear_what_it_carries_and_far_from_all_nothing(side_px: int) -> None:
    cell = 33 * side_px // 128
    number = 250  # of those that are not tracked, too
    middle_px = (cell + 0.5) * CELL_PX
    field = AnchorField(side_px, 5)
    heard = field(lone({number: (middle_px, middle_px)}, side_px))
    assert heard.features.shape == (1, 5, 48 * side_px // 128, 46 * side_px // 128)
    x, y = (cell - low * side_px // 128 for low in (FACE_PART.left, FACE_PART.top))
    own = field.features[number]
    assert torch.allclose(heard.features[0, :, y, x], own / 1.05, atol=1e-4)
    assert (heard.features[0, :, y, x + 1] - own).abs().max() < 0.2 * own.abs().max()
    reach = 20  # cells, 40 px
    far = heard.features.clone()
    far[..., max(0, y - reach) : y + reach, max(0, x - reach) : x + reach] = 0
    assert far.abs().max() < 0.005 * own.abs().max()
    # Where no anchor is at all there is nothing, not a mean of nothing.
    assert field(lone({}, side_px)).features.abs().max() < 1e-4


@torch.inference_mode()
def test_what_a_pixel_hears_is_the_mean_of_what_is_near_by_its_distance() -> None:
    side_px = 128
    here = torch.cat([face_full_of_anchors(side_px, seed) for seed in (0, 1)])
    heard = heard_by(anchors_at(here, here, side_px), side_px)
    torch.manual_seed(1)
    carried = AnchorField(side_px, 5).features.numpy().astype(np.float64)
    places = here.numpy().astype(np.float64) * side_px
    for row, column in ((0, 0), (11, 40), (30, 22), (47, 45)):
        pixel = (np.array([FACE_PART.left + column, FACE_PART.top + row]) + 0.5) * CELL_PX
        say = (1 + ((places - pixel) ** 2).sum(-1) / 16) ** -2
        expected = say @ carried / (say.sum(1, keepdims=True) + 0.05)
        np.testing.assert_allclose(heard.features[:, :, row, column].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("side_px", SIDES_PX)
@torch.inference_mode()
def test_a_smooth_flow_that_is_wrong_is_right_at_anchors_after_its_correction(side_px: int) -> None:
    here = open_eyes(face_full_of_anchors(side_px), side_px)
    there = here + waves(here, 0.04)
    anchors = anchors_at(here, there, side_px)
    # Right somewhere, wrong elsewhere, as a decoder's own flow is.
    places = pixels(side_px // 2)
    flow = (2 * waves(places.flip(-1), 0.03)).permute(2, 0, 1)[None]
    heard = heard_by(anchors, side_px)
    correction = heard.correction(flow)
    assert correction.shape == (1, 3, side_px // 2, side_px // 2)
    wanted = 2 * anchors.back / side_px
    tracked = here[:, :NUM_TRACKED]
    before = (at(flow, tracked) - wanted).abs().mean()
    after = (at(flow + correction[:, :2], tracked) - wanted).abs().mean()
    assert before * side_px / 2 > 1.5, "pixels"
    assert after < before / 5
    # A flow that is right already is left as it is.
    right = (2 * waves(places, 0.04)).permute(2, 0, 1)[None]
    assert heard.correction(right).abs().max() < 0.05 * correction.abs().max()


@torch.inference_mode()
def test_a_correction_stays_in_the_faces_part_and_leaves_the_mask() -> None:
    side_px = 128
    here = open_eyes(face_full_of_anchors(side_px), side_px)
    anchors = anchors_at(here, here + 0.05, side_px)
    correction = heard_by(anchors, side_px).correction(torch.zeros(1, 2, 64, 64))
    assert not correction[:, 2].any()
    inside = torch.zeros(64, 64, dtype=torch.bool)
    inside[FACE_PART.top : FACE_PART.bottom, FACE_PART.left : FACE_PART.right] = True
    assert not correction[..., ~inside].any()
    assert (correction[:, :2][..., inside] > 0.08).float().mean() > 0.95
    # Those that have no counterpart in a portrait say nothing of the flow.
    others = here.clone()
    others[:, NUM_TRACKED:] = FAR
    alike = heard_by(anchors_at(others, others + 0.05, side_px), side_px).correction(torch.zeros(1, 2, 64, 64))
    assert torch.allclose(alike, correction, atol=1e-5)


@torch.inference_mode()
def test_an_iris_behind_shut_lids_says_nothing_of_the_flow() -> None:
    side_px = 128
    iris, (upper, lower) = NUM_SHAPE_POINTS, LIDS[0]
    shut = lone({iris: (60.0, 70.0), upper: (60.0, 70.0), lower: (60.0, 70.5)}, side_px)
    seen = lone({iris: (60.0, 70.0), upper: (60.0, 62.0), lower: (60.0, 78.0)}, side_px)
    found = []
    for anchors in (shut, seen):
        back = torch.zeros_like(anchors.back)
        back[0, iris] = torch.tensor([12.8, -6.4])
        correction = heard_by(anchors._replace(back=back), side_px).correction(torch.zeros(1, 2, 64, 64))
        found.append(correction[0, :2, 35, 30])
    assert not found[0].any()
    assert found[1][0] > 0.15 and found[1][1] < -0.075


@pytest.mark.parametrize("part", [Window(18, 14, 60, 50), Window(2, 20, 40, 64), Window(0, 0, 64, 64)])
@torch.inference_mode()
def test_a_window_hears_what_the_whole_picture_hears_there(part: Window) -> None:
    side_px, half = 256, 128
    here = open_eyes(face_full_of_anchors(side_px), side_px)
    anchors = anchors_at(here, here + waves(here, 0.03), side_px)
    whole, heard = heard_by(anchors, side_px), heard_by(anchors, side_px, part=part)
    x = torch.zeros(1, 5, half, half)
    everywhere, there = whole.in_place(whole.features, x), heard.in_place(heard.features, part.of(x, half))
    assert everywhere.shape == x.shape and there.shape == part.of(x, half).shape
    assert torch.allclose(there, part.of(everywhere, half), atol=1e-5) and there.std() > 0.1
    flow = (2 * waves(pixels(half).flip(-1), 0.02)).permute(2, 0, 1)[None]
    expected = part.of(whole.correction(flow), half)
    found = heard.correction(part.of(flow, half))
    # Anchors outside the window can't be compared with a flow that is not there.
    edge = 16
    inner = (..., slice(edge, -edge), slice(edge, -edge))
    assert found.shape == expected.shape
    assert (found - expected)[inner].abs().max() < 0.1 * expected.abs().max()
    assert (found - expected)[inner].abs().mean() < 0.02 * expected.abs().max()


@torch.inference_mode()
def test_in_a_window_without_anchors_around_it_a_correction_is_exactly_the_wholes() -> None:
    side_px, half, part = 256, 128, Window(18, 14, 60, 50)
    here = face_full_of_anchors(side_px)
    inside = ((64 * here > torch.tensor([15, 19])) & (64 * here < torch.tensor([49, 59]))).all(-1, keepdim=True)
    here = torch.where(inside, here, torch.full_like(here, FAR))
    assert 100 < int(inside.sum()) < NUM_ANCHORS
    anchors = anchors_at(here, here + waves(here, 0.03), side_px)
    # What is out of sight is where it is, or its way back would be nonsense.
    anchors = anchors._replace(back=anchors.back * inside[:, :NUM_TRACKED])
    flow = (2 * waves(pixels(half).flip(-1), 0.02)).permute(2, 0, 1)[None]
    expected = part.of(heard_by(anchors, side_px).correction(flow), half)
    found = heard_by(anchors, side_px, part=part).correction(part.of(flow, half))
    assert torch.allclose(found, expected, atol=1e-5) and expected.abs().max() > 0.05


@pytest.mark.parametrize("part", [None, Window(18, 14, 60, 50)])
@torch.inference_mode()
def test_the_finest_level_hears_the_same_twice_as_large(part: Window | None) -> None:
    side_px = 256
    here = face_full_of_anchors(side_px)
    heard = heard_by(anchors_at(here, here, side_px), side_px, part=part)
    half, full = torch.zeros(1, 5, 128, 128), torch.zeros(1, 5, 256, 256)
    if part is not None:
        half, full = part.of(half, 128), part.of(full, 256)
    small, large = heard.in_place(heard.features, half), heard.in_place(heard.features, full)
    assert small.shape == half.shape and large.shape == full.shape
    doubled = F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
    assert torch.equal(large, doubled) and large.std() > 0.1


@torch.inference_mode()
def test_what_is_heard_adds_nothing_to_a_level_at_first() -> None:
    side_px = 128
    here = face_full_of_anchors(side_px)
    heard = heard_by(anchors_at(here, here, side_px), side_px)
    layer, x = AnchorInput(5, 7), torch.randn(1, 7, 64, 64)
    assert torch.equal(layer(x, heard), x)
    layer.conv.weight.normal_()
    changed = (layer(x, heard) - x).abs().amax((0, 1)) > 0
    assert changed[FACE_PART.top : FACE_PART.bottom, FACE_PART.left : FACE_PART.right].all()
    assert int(changed.sum()) == 46 * 48
    assert torch.allclose(layer(x, heard)[..., 14:62, 9:55], x[..., 14:62, 9:55] + layer.conv(heard.features))


@torch.inference_mode()
def test_bfloat16_keeps_small_distances_where_whole_pixels_and_the_rest_are_apart() -> None:
    """Eight bits of 201.3 px are 201 px, or 202."""
    side_px = 256
    place = (201.3, 197.4)
    anchors = lone({7: place}, side_px)
    exact = heard_by(anchors, side_px).features
    apart = anchors._replace(whole=anchors.whole.bfloat16(), rest=anchors.rest.bfloat16())
    assert torch.equal(apart.whole[0, 7].float(), torch.tensor([201.0, 197.0]))
    together = anchors._replace(whole=anchors.place.bfloat16(), rest=torch.zeros_like(anchors.rest).bfloat16())
    assert (together.place[0, 7].float() - torch.tensor(place)).abs().max() > 0.25
    errors = [(heard_by(each, side_px).features.float() - exact).abs().max() for each in (apart, together)]
    assert errors[1] > 0.01 and errors[0] < 0.02 * errors[1]
